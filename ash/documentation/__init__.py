"""Writes docs/methods from the methods themselves: docstrings, settings, experiments, networks."""
