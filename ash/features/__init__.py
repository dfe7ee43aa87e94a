"""Encoder features of images: cached in files, or encoded when they are read.

file     features of a prepared set in HDF5, read back at random
encoded  features that are encoded when they are read, in the place of a file
cache    which of the two this machine is quicker at
"""
