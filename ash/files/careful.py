"""A file for libraries that mishandle a failed write.

HDF5 loses the error of a write that fails while a file is closed, or crashes on it; PyTorch's
writer puts an assertion of its own in its place; zipfile writes a traceback when it is collected.
So they are given a file whose writes always succeed, as far as they can see.  It keeps the first
error, which is raised once the library has let go of the file.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class CarefulFile:
    """A binary file open for reading and writing, whose failed writes are noted and not raised."""

    def __init__(self, path: Path) -> None:
        self._raw = path.open("r+b", buffering=0)
        self.error: OSError | None = None

    def check(self) -> None:
        """Raise the first error that a write met."""
        if self.error is not None:
            raise self.error

    def write(self, data: Any) -> int:
        """Write bytes at the current place; gives their number even if they could not be written."""
        rest = memoryview(data).cast("B")
        count, after = rest.nbytes, self._raw.tell() + rest.nbytes
        with self._noting():
            while rest:
                rest = rest[self._raw.write(rest) :]
        self._raw.seek(after)
        return count

    def truncate(self, size: int | None = None) -> int:
        """Give the file a size; gives that size even if it failed."""
        wanted = self._raw.tell() if size is None else size
        with self._noting():
            self._raw.truncate(wanted)
        return wanted

    def flush(self) -> None:
        """Nothing waits in this file: each write goes to the system."""

    def read(self, count: int = -1) -> bytes:
        """Bytes from the current place."""
        return self._raw.read(count)

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer from the current place; zeros where the file is too short."""
        view = memoryview(buffer).cast("B")
        have = 0
        while have < view.nbytes and (more := self._raw.readinto(view[have:])):
            have += more
        view[have:] = bytes(view.nbytes - have)
        return view.nbytes

    def seek(self, place: int, whence: int = 0) -> int:
        """Go to a place."""
        return self._raw.seek(place, whence)

    def tell(self) -> int:
        """The current place."""
        return self._raw.tell()

    def seekable(self) -> bool:
        """Whether `seek` works."""
        return True

    def close(self) -> None:
        """Close the file."""
        self._raw.close()

    @contextlib.contextmanager
    def _noting(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.error = self.error or error


@contextlib.contextmanager
def careful(path: Path) -> Iterator[CarefulFile]:
    """Open an existing file for a library to write to; OSError at the end if any write failed."""
    with contextlib.closing(CarefulFile(path)) as file:
        try:
            yield file
        except Exception as stumbled:
            # Whatever a library says of a file that it could not write, the failed write is why.
            if file.error is not None:
                raise file.error from stumbled
            raise
        file.check()
