"""The project's own files: written whole or not at all, and equal bytes for equal content.

Everything goes to a temporary name in the same folder, is flushed to disk and then renamed, so that a killed process or
a full disk never leaves a half-written file under a final name.  No clock enters the bytes: HDF5 is written without
time stamps, JSON with sorted keys.

HDF5 files carry `schema` (what kind of file, with its version) as an attribute; a reader names the schema it
understands and refuses any other.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin  # noqa: F401  importing it registers the compression filters with HDF5

from ash.errors import StoreError

PREPARED_SCHEMA = "ash-prepared-1"  # image (N,H,W,3) uint8 RGB, label (N,h,w) uint8 train ids, id (N,) strings
FEATURES_SCHEMA = "ash-features-1"  # feature (N,C,h,w), scale (N,C) where quantised


@contextlib.contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success flush it and rename it to `path`, on failure remove it.

    Raises StoreError, with the remedy, when the disk is full or the folder cannot be written.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as cause:
        raise StoreError(
            f"{path}: cannot be written ({cause.strerror or cause}); free space or fix permissions"
        ) from cause
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, atomically."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, content: Any) -> None:
    """Write `content` as JSON with sorted keys, atomically; equal content gives equal bytes."""
    write_text(path, json.dumps(content, sort_keys=True, indent=1) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file of the project; StoreError names it if it is missing or damaged."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError as cause:
        raise StoreError(f"{path}: missing; run the step that makes it") from cause
    except ValueError as cause:
        raise StoreError(f"{path}: not JSON ({cause}); delete it and run the step that makes it") from cause


@contextlib.contextmanager
def create_h5(path: Path, schema: str, attributes: Mapping[str, Any]) -> Iterator[h5py.File]:
    """Open a new HDF5 file for writing, atomically; `schema` and `attributes` become its attributes."""
    with atomic(path) as temporary, h5py.File(temporary, "w", libver="v110", track_order=False) as file:
        file.attrs["schema"] = schema
        for key in sorted(attributes):
            file.attrs[key] = attributes[key]
        yield file


def open_h5(path: Path, schema: str) -> h5py.File:
    """Open an HDF5 file of the project for reading; StoreError if it is missing, damaged or of another schema."""
    path = Path(path)
    if not path.exists():
        raise StoreError(f"{path}: missing; run the step that makes it")
    try:
        file = h5py.File(path, "r")
    except OSError as cause:
        raise StoreError(f"{path}: not a readable HDF5 file ({cause}); delete it and make it again") from cause
    found = file.attrs.get("schema", "none")
    if found != schema:
        file.close()
        raise StoreError(f"{path}: schema {found!r}, wanted {schema!r}; delete it and make it again with this version")
    return file


def digest(content: Any) -> str:
    """SHA-256 of `content` as sorted JSON."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, read in blocks."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
