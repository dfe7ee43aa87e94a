"""One line for what the machine has not enough of, or will not give, whichever command asked for it.

Steps that know what would lower their need say so themselves (`ash.machine.device.enough_memory`,
`ash.files.atomic`); this is for all the others.  It imports nothing heavy.
"""

import errno

from ash.errors import flat

# How PyTorch, CUDA and C++ say that an allocation failed, where they raise no error of its own kind.
OUT_OF_MEMORY = ("DefaultCPUAllocator", "out of memory", "can't allocate memory", "bad_alloc", "can't start new thread")
DISK = {
    errno.ENOSPC: "free space",
    errno.EDQUOT: "free space, or ask for a larger quota",
    errno.EROFS: "choose a folder that can be written",
    errno.EACCES: "fix its permissions",
    errno.EPERM: "fix its permissions",
    errno.EFBIG: "raise the limit on the size of files (ulimit -f)",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.EISDIR: "a folder has that name; choose another name",
    errno.ENOTDIR: "a file lies where a folder should be; choose another folder",
    errno.EIO: "see to the disk",
    errno.EMFILE: "raise the limit on open files (ulimit -n)",
}


def shortage(error: Exception) -> str | None:
    """A message for an error that the machine is the reason of; None for any other."""
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return "out of memory; free some, or lower the batch or the sizes of images in the settings"
    if isinstance(error, RuntimeError) and any(words in str(error) for words in OUT_OF_MEMORY):
        told = flat(error)[:120]
        return f"out of memory ({told}); free some, or lower the batch or the sizes of images in the settings"
    if isinstance(error, OSError) and error.errno in DISK:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror}; {DISK[error.errno]}"
    return None
