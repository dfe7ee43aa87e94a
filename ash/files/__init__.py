"""Reading and writing files.

atomic       files written whole or not at all, and digests of what they hold
temporary    temporary files under a lock, and the removal of those that dead writers left
careful      a file for libraries that mishandle a failed write
hdf5         the project's HDF5 files and their sidecars
frame        all of an HDF5 file but its chunks, held against a digest before HDF5 sees it
stored       HDF5 files open for reading, each row held against its checksum
images       PNG and JPEG: opened, resized and written here alone
id_maps      label maps and predictions: PNG of one channel of ids
listing      which files of a folder are read, and what is there instead
tensors      the project's own weights: safetensors with notes
png16        PNG of three 16-bit channels, which Pillow cannot hold
signature    what a file is, told by its first bytes
zips         what zipfile raises on bytes that are no whole archive
foreign      weights of other programs as names and tensors
packages     weights that lie in a Python package from its registry
torchvision  torchvision, imported here alone, and the ImageNet weights that it knows
ahead        many files read in parallel and handed on in order
"""
