"""The frame of an HDF5 file: all of its bytes but the chunks of its data sets.

HDF5 follows the places and sizes that a file states.  Where these are damaged it may read for ever or
crash, which no caller can catch.  So the frame, which is small and has a few runs of bytes whatever
the number of chunks, is compared with its digest before HDF5 sees the file.  Chunks have checksums of
their own (`ash.files.stored`).
"""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import h5py

BLOCK = 2**20  # bytes that are hashed at once


def frame_of(path: Path) -> dict[str, Any]:
    """Size of a sound file, where its frame lies (first byte, end), and the frame's SHA-256."""
    with h5py.File(path, "r", locking=False) as file:
        chunks = sorted(_chunks(file.values()))
    runs, end, size = [], 0, path.stat().st_size
    for start, length in [*chunks, (size, 0)]:
        if start > end:
            runs.append([end, start])
        end = max(end, start + length)
    return {"size": size, "runs": runs, "sha256": _digest(path, runs)}


def is_framed(path: Path, frame: Mapping[str, Any]) -> bool:
    """Whether a file has the size and the frame that `frame_of` gave."""
    return path.stat().st_size == frame["size"] and _digest(path, frame["runs"]) == frame["sha256"]


def _chunks(data_sets: Iterable[h5py.Dataset]) -> list[tuple[int, int]]:
    """Place and bytes of every chunk."""
    found: list[tuple[int, int]] = []
    for data in data_sets:
        if data.chunks is not None:
            data.id.chunk_iter(lambda chunk: found.append((chunk.byte_offset, chunk.size)))
    return found


def _digest(path: Path, runs: Iterable[list[int]]) -> str:
    """SHA-256 of runs of a file's bytes."""
    sha = hashlib.sha256()
    with path.open("rb") as file:
        for start, end in runs:
            file.seek(start)
            left = end - start
            while left > 0 and (block := file.read(min(BLOCK, left))):
                sha.update(block)
                left -= len(block)
    return sha.hexdigest()
