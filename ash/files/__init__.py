"""Reading and writing files: atomically, as HDF5, images, weights of other programs, torchvision."""
