"""HDF5 files of the project open for reading: every row that is read is compared with its checksum."""

import contextlib
import errno
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import h5py
import numpy as np

from ash.errors import StoreError, flat

CHECKSUMS = "crc32"  # attribute of a data set: uint32, one a row
REMEDY = "delete the file and make it again"


def checksum(row: np.ndarray) -> int:
    """CRC-32 of a row's bytes."""
    return zlib.crc32(np.ascontiguousarray(row).data)


@contextlib.contextmanager
def reading(path: Path | str, what: str = "") -> Iterator[None]:
    """Turn what h5py raises for `what` of a file that it cannot read into a StoreError with the remedy."""
    where = f"{path}: {what} cannot be read" if what else f"{path}: not a readable HDF5 file"
    try:
        yield
    except OSError as cause:
        raise StoreError(_refused(path, cause) or f"{where} ({flat(cause)}); {REMEDY}") from cause
    except (KeyError, RuntimeError, ValueError, TypeError, OverflowError, SystemError) as cause:
        raise StoreError(f"{where} ({flat(cause)}); {REMEDY}") from cause


def _refused(path: Path | str, cause: OSError) -> str | None:
    """The message if the system would not give a file that may well be sound."""
    if "unable to lock file" in str(cause):
        return (
            f"{path}: locked by another program, or on a file system without locks ({flat(cause)}); wait for that "
            "program to end, or set HDF5_USE_FILE_LOCKING=FALSE"
        )
    if cause.errno in (errno.EACCES, errno.EPERM):
        return f"{path}: may not be read (Permission denied); fix the permissions of the file and its folder"
    if cause.errno == errno.EISDIR or Path(path).is_dir():
        return f"{path}: a folder, wanted an HDF5 file; name the file"
    if cause.errno in (errno.EIO, errno.ESTALE, errno.EMFILE, errno.ENFILE):
        return f"{path}: cannot be read ({flat(cause)}); see to the disk, then run this again"
    return None


class Rows:
    """A data set of an open file; rows that fail their checksum are a StoreError that names the file."""

    def __init__(self, data: h5py.Dataset, path: str) -> None:
        self._data, self._path = data, path
        self.shape: tuple[int, ...] = data.shape
        with reading(path, data.name):
            self._checksums = data.attrs[CHECKSUMS]
        if len(self._checksums) != len(data):
            raise StoreError(f"{path}: {data.name} has checksums of another number of rows; {REMEDY}")
        self._numbers = np.arange(len(data))  # made once, not at every read

    def __len__(self) -> int:
        return len(self._data)

    def __getitem__(self, index: Any) -> Any:
        """Like NumPy; rows are read whole, as they are stored, and compared before the rest of the index applies."""
        first, *rest = index if isinstance(index, tuple) else (index,)
        with reading(self._path, f"{self._data.name}[{first}]"):
            rows = self._data[first]
            numbers = self._numbers[first]
        if np.ndim(numbers) == 0:
            self._check(int(numbers), rows)
            return rows[tuple(rest)] if rest else rows
        for number, row in zip(numbers, rows, strict=True):
            self._check(int(number), row)
        return rows[(slice(None), *rest)] if rest else rows

    def __getattr__(self, name: str) -> Any:
        return getattr(self._data, name)

    def _check(self, number: int, row: np.ndarray) -> None:
        if checksum(row) != self._checksums[number]:
            where = f"{self._path}: {self._data.name}[{number}]"
            raise StoreError(f"{where} cannot be read (it fails its checksum); {REMEDY}")


class StoredFile:
    """An HDF5 file open for reading: `attrs`, and data sets by name."""

    def __init__(self, file: h5py.File) -> None:
        self._file = file
        self.attrs: Mapping[str, Any] = file.attrs

    def __getitem__(self, name: str) -> Any:
        """A data set; KeyError if there is none of that name."""
        path = str(self._file.filename)
        if name not in self._file:
            raise KeyError(f"no data set {name}")
        with reading(path, name):
            data = self._file[name]
        return Rows(data, path)

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
