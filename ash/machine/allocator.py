"""How this process gets its memory from the system.

glibc hands every large buffer back to the kernel when it is freed, and the kernel fills the next one with zeros, page by
page, at its first touch.  A training step frees and asks for the same buffers over and over; on a CPU that costs small
networks up to a third of a step, and the paper's an eighth (docs/measured/performance.md).  Results do not depend on it.
"""

import ctypes

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4  # malloc.h
PAD = 256 * 2**20  # bytes asked of the kernel at once


def keep_memory() -> bool:
    """Have glibc keep what was freed for the next buffer; False where the C library has no such setting."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return all(mallopt(option, value) for option, value in ((M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, -1), (M_TOP_PAD, PAD)))
