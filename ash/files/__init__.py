"""Reading and writing files.

atomic       files written whole or not at all, and digests of what they hold
hdf5         the project's HDF5 files and their sidecars
images       PNG and JPEG: opened, resized and written here alone
id_maps      label maps and predictions: PNG of one channel of ids
listing      which files of a folder are read, and what is there instead
tensors      the project's own weights: safetensors with notes
png16        PNG of three 16-bit channels, which Pillow cannot hold
signature    what a file is, told by its first bytes
zips         what zipfile raises on bytes that are no whole archive
foreign      weights of other programs as names and tensors
torchvision  torchvision, imported here alone, and the ImageNet weights that it knows
ahead        many files read in parallel and handed on in order
"""
