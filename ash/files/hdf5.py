"""The project's HDF5 files: written whole or not at all (`ash.files.atomic`), and equal bytes for equal content.

They are written without time stamps, and carry `schema` (what kind of file, with its version) as an
attribute; a reader names the schema that it understands and refuses any other.  Beside each lies a
small JSON file, its sidecar, with the digest of all that was written, computed while writing.  The
workflow compares sidecars where hashing the file itself would take minutes.  A reader refuses a file
that is not the one its sidecar describes: it compares all bytes but those of the images and features
(`ash.files.frame`), which are compared when they are read (`ash.files.stored`).

Every data set has an attribute `crc32` with the CRC-32 of each of its rows, which is compared when a
row is read.  HDF5's own checksum (Fletcher-32) does not see a chunk that became zeros: the checksum of
zeros is zero.
"""

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin  # noqa: F401  importing it registers the compression filters with HDF5
import numpy as np

from ash.errors import StoreError
from ash.files.atomic import atomic, digest, read_json, to_json
from ash.files.careful import CarefulFile, careful
from ash.files.frame import frame_of, is_framed
from ash.files.stored import CHECKSUMS, REMEDY, StoredFile, checksum, reading

PREPARED_SCHEMA = "ash-prepared-2"  # image (N,H,W,3) uint8 RGB, label (N,h,w) uint8 train ids, id (N,) strings
FEATURES_SCHEMA = "ash-features-2"  # feature (N,C,h,w), scale (N,C) where quantised


def sidecar(path: Path) -> Path:
    """Where the digest of an HDF5 file of the project is kept."""
    return Path(path).with_suffix(".json")


class NewFile:
    """An HDF5 file that is being written, and the digest of what it holds so far."""

    def __init__(self, file: h5py.File, below: CarefulFile, path: Path) -> None:
        self._file, self._below = file, below
        self.path = str(path)
        self._checksums: dict[str, list[int]] = {}
        self._hashes: dict[str, Any] = {}

    def add(self, name: str, shape: tuple[int, ...], dtype: Any, **options: Any) -> None:
        """Declare a data set that `append` fills row by row; one row a chunk, with a checksum that readers verify."""
        chunks = (1, *shape[1:]) if all(shape) else None
        checked = {"chunks": chunks, "fletcher32": True, **options} if chunks else {}
        self._file.create_dataset(name, shape, dtype, track_times=False, **checked)
        self._checksums[name], self._hashes[name] = [], hashlib.sha256()

    def append(self, name: str, rows: np.ndarray) -> None:
        """Write the next rows of a data set; OSError if they, or anything before, could not be written."""
        data, start = self._file[name], len(self._checksums[name])
        rows = np.ascontiguousarray(rows, data.dtype)
        data[start : start + len(rows)] = rows
        self._below.check()
        self._hashes[name].update(rows.data)
        self._checksums[name] += map(checksum, rows)

    def put(self, name: str, rows: np.ndarray) -> None:
        """Write a small data set at once."""
        rows = np.ascontiguousarray(rows)
        self._file.create_dataset(name, data=rows, track_times=False)
        self._checksums[name], self._hashes[name] = [*map(checksum, rows)], hashlib.sha256(rows.data)

    def finish(self) -> dict[str, Any]:
        """Store the checksums; gives shape, type and SHA-256 of each data set."""
        for name, sums in self._checksums.items():
            self._file[name].attrs[CHECKSUMS] = np.array(sums, np.uint32)
        return {
            name: {"shape": self._file[name].shape, "type": str(self._file[name].dtype), "sha256": h.hexdigest()}
            for name, h in self._hashes.items()
        }


@contextlib.contextmanager
def create_h5(path: Path, schema: str, attributes: Mapping[str, Any]) -> Iterator[NewFile]:
    """Open a new HDF5 file for writing, atomically, and write its sidecar; `attributes` become the file's.

    Neither gets its final name before both are on the disk.  Raises StoreError if they cannot be
    written, or would take the place of a file that is not an earlier one of its kind.
    """
    path = Path(path)
    _refuse_place(path, schema)
    with atomic(sidecar(path)) as beside, atomic(path) as temporary:
        with careful(temporary) as below, h5py.File(below, "w", libver="v110", track_order=False) as file:
            file.attrs["schema"] = schema
            for key in sorted(attributes):
                file.attrs[key] = attributes[key]
            new = NewFile(file, below, path)
            yield new
            described = {"schema": schema, "attributes": dict(attributes), "data": new.finish()}
            file.attrs["content"] = content = digest(described)
        described |= {"content": content, "frame": frame_of(temporary)}
        beside.write_text(to_json(described | {"digest": digest(described)}), encoding="utf-8")


def _refuse_place(path: Path, schema: str) -> None:
    """StoreError if the file or its sidecar would be written over a JSON file of another kind, or over what it is made of."""
    beside = sidecar(path)
    if beside == path:
        raise StoreError(f"{path}: is the name of its own sidecar; name an HDF5 file, as {path.stem}.h5")
    try:
        there = json.loads(beside.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):  # missing or damaged: it is made anew
        return
    found = str(there.get("schema")) if isinstance(there, dict) else "None"
    if found.rpartition("-")[0] != schema.rpartition("-")[0]:  # an older version of the same schema is replaced
        raise StoreError(
            f"{path}: {beside} is there and is no sidecar of such a file (schema {found}, wanted {schema}); name another file"
        )


def open_h5(path: Path, schema: str) -> StoredFile:
    """Open an HDF5 file of the project for reading.

    StoreError if it is missing, damaged, of another schema, or not the one that its sidecar
    describes.  Files are renamed into place once whole, so that readers need no lock; HDF5 takes none
    unless the environment asks for it, for some network file systems have none to give.
    """
    path = Path(path)
    if not path.exists():
        raise StoreError(f"{path}: missing; run the step that makes it")
    with reading(path):
        path.open("rb").close()
    described = _described(path, schema)
    with reading(path):
        if not is_framed(path, described["frame"]):
            size, wanted = path.stat().st_size, described["frame"]["size"]
            raise StoreError(
                f"{path}: not a readable HDF5 file, or not the one that {sidecar(path).name} describes "
                f"({size} bytes, wanted {wanted}); restore it, or {REMEDY}"
            )
        return StoredFile(h5py.File(path, "r", locking=False))


def _described(path: Path, schema: str) -> dict[str, Any]:
    """What the sidecar of a file says; StoreError if it is damaged, or of a file of another schema."""
    beside = sidecar(path)
    described: dict[str, Any] = read_json(beside)
    found = described.get("schema")
    if found != schema:
        raise StoreError(f"{path}: schema {found!r}, wanted {schema!r}; delete it and make it again")
    stated = described.pop("digest", None)
    if digest(described) != stated:
        raise StoreError(
            f"{path}: {beside.name} is damaged, for it fails its own digest; delete both and make them again"
        )
    return described
