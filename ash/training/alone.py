"""One training a folder: a second one that would write the same files is refused while the first lives."""

import contextlib
import errno
import logging
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from ash.errors import ResourceError
from ash.files.atomic import writing

log = logging.getLogger(__name__)
WITHOUT = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP)  # what file systems without locks answer


@contextlib.contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold `path` as the lock of what is written beside it; the system releases it when this process dies.

    ResourceError if another process holds it, StoreError if the folder cannot be written.
    """
    lock = FileLock(path)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _acquire(lock, path)
    try:
        yield
    finally:
        # While it is held: nobody else can hold it then, and who waits for it notices that it is gone.
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
        lock.release()


def _acquire(lock: FileLock, path: Path) -> None:
    try:
        lock.acquire(blocking=False)
    except Timeout as cause:
        raise ResourceError(
            f"{path.parent}: another training writes here (it holds {path.name}); wait for it to end, or name "
            "another folder"
        ) from cause
    except OSError as cause:
        if cause.errno not in WITHOUT:
            raise
        log.info("%s: no locks on this file system; see to it that no other training writes here", path.parent)
