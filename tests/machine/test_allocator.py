"""Freed memory stays in the process, so that its pages are not filled anew."""

import ctypes
import subprocess
import sys

import pytest

SCRIPT = """
import resource, sys
from ash.machine.allocator import keep_memory
if sys.argv[1] == "kept":
    assert keep_memory()
bytearray(2**25)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    bytes(bytearray(b"1") * 2**25)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how):
    """Pages that the kernel filled while ten pairs of buffers of 32 MiB came and went."""
    command = [sys.executable, "-c", SCRIPT, how]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="the C library has no mallopt")
def test_pages_are_filled_once():
    """Ten times 64 MiB are 160 000 pages of 4 KiB; kept memory needs those of the first time alone."""
    assert faults("kept") < 0.2 * faults("returned")
