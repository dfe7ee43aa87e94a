"""What acquisition does on disk apart from the files' content.

Where a fetched file waits until it has proved sound, and one process at a time in a folder.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from ash.errors import DataError, StoreError
from ash.files.atomic import writing

STAGING = ".fetch"  # the folder beside the archives where files are fetched to


def staged(path: Path) -> Path:
    """Where a file that is fetched waits, whole, until it has proved sound; only then it gets its final name, `path`."""
    return path.parent / STAGING / path.name


@contextmanager
def alone(lock: Path, name: str) -> Iterator[IO[Any]]:
    """One process at a time works on a set; a lock goes with its process, however that ends.  DataError if it is taken.

    Yields the open file: a process that inherits it holds the lock too.
    """
    with writing(lock):
        lock.parent.mkdir(parents=True, exist_ok=True)
        file = lock.open("a", encoding="utf-8")
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as cause:
            raise DataError(f"{name}: another `ash acquire {name}` is at work; wait for it ({lock})") from cause
        except OSError as cause:
            raise StoreError(f"{lock}: cannot be locked ({cause.strerror}); use a disk that has locks") from cause
        yield file
