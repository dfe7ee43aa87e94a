"""Encoder features of images: cached in files, or encoded when they are read."""
