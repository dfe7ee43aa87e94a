"""The project's HDF5 files: written whole or not at all (`ash.files.atomic`), and equal bytes for equal content.

They are written without time stamps, and carry `schema` (what kind of file, with its version) as an attribute; a reader
names the schema that it understands and refuses any other.  Beside each lies a small JSON file, its sidecar, with the
digest of all that was written, computed while writing.  The workflow compares sidecars where hashing the file itself
would take minutes.  A reader refuses a file that is not the one its sidecar describes, and HDF5 checks each chunk that is
read (Fletcher-32).
"""

import contextlib
import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import h5py
import hdf5plugin  # noqa: F401  importing it registers the compression filters with HDF5
import numpy as np

from ash.errors import StoreError
from ash.files.atomic import atomic, digest, read_json, write_json

PREPARED_SCHEMA = "ash-prepared-1"  # image (N,H,W,3) uint8 RGB, label (N,h,w) uint8 train ids, id (N,) strings
FEATURES_SCHEMA = "ash-features-1"  # feature (N,C,h,w), scale (N,C) where quantised


def sidecar(path: Path) -> Path:
    """Where the digest of an HDF5 file of the project is kept."""
    return Path(path).with_suffix(".json")


class NewFile:
    """An HDF5 file that is being written, and the digest of what it holds so far."""

    def __init__(self, file: h5py.File) -> None:
        self._file = file
        self._filled: dict[str, int] = {}
        self._hashes: dict[str, Any] = {}

    @property
    def path(self) -> str:
        """The temporary file's name, for messages."""
        return str(self._file.filename)

    def add(self, name: str, shape: tuple[int, ...], dtype: Any, **options: Any) -> None:
        """Declare a data set that `append` fills row by row; one row a chunk, with a checksum that readers verify."""
        chunks = (1, *shape[1:]) if all(shape) else None
        checked = {"chunks": chunks, "fletcher32": True, **options} if chunks else {}
        self._file.create_dataset(name, shape, dtype, track_times=False, **checked)
        self._filled[name], self._hashes[name] = 0, hashlib.sha256()

    def append(self, name: str, rows: np.ndarray) -> None:
        """Write the next rows of a data set."""
        data, start = self._file[name], self._filled[name]
        rows = np.ascontiguousarray(rows, data.dtype)
        data[start : start + len(rows)] = rows
        self._hashes[name].update(rows.data)
        self._filled[name] = start + len(rows)

    def put(self, name: str, rows: np.ndarray) -> None:
        """Write a small data set at once."""
        self._file.create_dataset(name, data=rows, track_times=False)
        self._hashes[name] = hashlib.sha256(np.ascontiguousarray(rows).data)

    def summary(self) -> dict[str, Any]:
        """Shape, type and SHA-256 of each data set."""
        return {
            name: {"shape": self._file[name].shape, "type": str(self._file[name].dtype), "sha256": h.hexdigest()}
            for name, h in self._hashes.items()
        }


@contextlib.contextmanager
def create_h5(path: Path, schema: str, attributes: Mapping[str, Any]) -> Iterator[NewFile]:
    """Open a new HDF5 file for writing, atomically, and write its sidecar; `attributes` become the file's."""
    path = Path(path)
    with atomic(path) as temporary:
        with h5py.File(temporary, "w", libver="v110", track_order=False) as file:
            file.attrs["schema"] = schema
            for key in sorted(attributes):
                file.attrs[key] = attributes[key]
            new = NewFile(file)
            yield new
            described = {"schema": schema, "attributes": dict(attributes), "data": new.summary()}
            file.attrs["content"] = content = digest(described)
        sidecar(path).unlink(missing_ok=True)  # a kill between the two files leaves one without its digest: refused
    write_json(sidecar(path), {**described, "content": content})


class Rows:
    """A data set of an open file; a chunk that fails its checksum is a StoreError that names the file."""

    def __init__(self, data: h5py.Dataset) -> None:
        self._data = data
        self.shape: tuple[int, ...] = data.shape

    def __len__(self) -> int:
        return len(self._data)

    def __getitem__(self, index: Any) -> Any:
        try:
            return self._data[index]
        except OSError as cause:
            where = f"{self._data.file.filename}: {self._data.name}[{index}]"
            raise StoreError(f"{where} cannot be read ({cause}); delete the file and make it again") from cause

    def __getattr__(self, name: str) -> Any:
        return getattr(self._data, name)


class StoredFile:
    """An HDF5 file open for reading: `attrs`, and data sets by name."""

    def __init__(self, file: h5py.File) -> None:
        self._file = file
        self.attrs: Mapping[str, Any] = file.attrs

    def __getitem__(self, name: str) -> Any:
        """A data set; KeyError if there is none of that name."""
        return Rows(self._file[name])

    def __contains__(self, name: str) -> bool:
        return name in self._file

    def __iter__(self) -> Iterator[str]:
        return iter(self._file)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def open_h5(path: Path, schema: str) -> StoredFile:
    """Open an HDF5 file of the project for reading.

    StoreError if it is missing, damaged, of another schema, or not the one that its sidecar describes.
    """
    path = Path(path)
    if not path.exists():
        raise StoreError(f"{path}: missing; run the step that makes it")
    try:
        file = StoredFile(h5py.File(path, "r"))
    except OSError as cause:
        raise StoreError(f"{path}: not a readable HDF5 file ({cause}); delete it and make it again") from cause
    try:
        found = file.attrs.get("schema", "none")
        if found != schema:
            raise StoreError(f"{path}: schema {found!r}, wanted {schema!r}; delete it and make it again")
        content, wanted = str(file.attrs.get("content", "none")), read_json(sidecar(path)).get("content", "none")
        if content != wanted:
            raise StoreError(
                f"{path}: content {content[:12]}, but {sidecar(path).name} says {wanted[:12]}; restore the file, or "
                "delete both and make them again"
            )
    except StoreError:
        file.close()
        raise
    return file
