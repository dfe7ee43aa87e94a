"""Writes docs/methods from the methods themselves: docstrings, settings, experiments, networks.

pages    the pages, written or held against those that lie there
anatomy  heads, players and needs of a method, found by building it on tiny networks
words    type and bounds of a setting in words
"""
