"""Checksums of inputs that have not changed are remembered for as long as this process lives.

When a job ends, Snakemake hashes all its inputs anew for each of its outputs, and starts no other job meanwhile.  A training of
the miniature has half a gigabyte of inputs and four outputs: a second and a half in which a core waits, 8 % of a core in all.
"""

import os
from collections.abc import Awaitable, Callable
from typing import Any

from snakemake.io import _IOFile

Checksum = Callable[..., Awaitable[str | None]]
State = tuple[str, int, int, int, int]


def remember_checksums() -> None:
    """Have Snakemake's files give the checksum that they had, if they still are what they were; calling it twice is once."""
    if not hasattr(_IOFile.checksum, "__wrapped__"):
        _IOFile.checksum = _remembering(_IOFile.checksum)


def _remembering(hashed: Checksum) -> Checksum:
    known: dict[State, str] = {}

    async def checksum(
        file: Any, threshold: int | None = None, force: bool = False, algorithm: Any = None
    ) -> str | None:
        before = None if algorithm else _state(file)
        if before in known and (force or before[2] <= (threshold or 0)):
            return known[before]
        found = await hashed(file, threshold, force, algorithm)
        if before and found and _state(file) == before:
            known[before] = found
        return found

    checksum.__wrapped__ = hashed  # type: ignore[attr-defined]
    return checksum


def _state(file: Any) -> State | None:
    """What tells a local file from what it was: place, inode, size, and the times of its content and of itself."""
    if file.is_storage or not os.path.isfile(file):
        return None
    found = os.stat(file)
    return os.path.abspath(file), found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
