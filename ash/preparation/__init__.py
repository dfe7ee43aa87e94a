"""From raw sets to prepared HDF5 files.

census    how many images lie on disk, against how many were published
manifest  what a set consists of: counts, ids, sizes, label histogram, digests
drawn     sets that the project draws, drawn again where they are missing
prepare   one HDF5 file a split: resized images and train ids
"""
