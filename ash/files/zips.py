"""What Python's zipfile raises on bytes that are no whole archive, and a look at every member's checksum."""

import lzma
import struct
import zipfile
import zlib
from pathlib import Path

DAMAGE = (  # by zipfile and its decompressors; bz2 raises OSError
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    KeyError,
    IndexError,
    MemoryError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
)


def damage(path: Path) -> str | None:
    """What is wrong with an archive whose members ought to have their checksums; None if nothing is."""
    try:
        with zipfile.ZipFile(path) as file:
            bad = file.testzip()
    except DAMAGE as cause:
        return str(cause) or type(cause).__name__
    return None if bad is None else f"its part {bad!r} has another checksum than it should"


def names(path: Path) -> list[str]:
    """The names of its members; empty if it cannot be read."""
    try:
        with zipfile.ZipFile(path) as file:
            return file.namelist()
    except DAMAGE:
        return []
