"""From raw sets to prepared HDF5 files: census, manifest, drawing again, resizing."""
