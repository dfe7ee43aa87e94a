"""From raw sets to prepared HDF5 files.

census    how many images lie on disk, against how many were published
manifest  what a set consists of: counts, ids, sizes, label histogram, digests
observed  what is odd about its files, as seen while the manifest is made
unread    what lies among its files and is not read
drawn     sets that the project draws, drawn again where they are missing
prepare   one HDF5 file a split: resized images and train ids
"""
