"""Temporary files beside the files that they become, and the removal of those that dead writers left.

A writer holds a lock (flock) on its temporary file, which the system releases when the writer
dies, however it dies.  So whoever gets the lock of a temporary file knows that nobody writes it any
more; a process number would not tell that, for it means nothing on another host and may be used
again.
"""

import contextlib
import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

SUFFIX = ".tmp"


@contextlib.contextmanager
def beside(path: Path) -> Iterator[Path]:
    """Yield an empty, locked temporary file in the folder of `path`, and flush it to the disk.

    It is removed at the end unless the caller has renamed it by then.  Temporary files of the same
    name whose writers are dead go first.  Raises OSError, for writes that failed late as well.
    """
    remove_dead(path)
    temporary, descriptor = _locked(path)
    try:
        yield temporary
    finally:
        os.close(descriptor)
        # What cannot be removed is left: the error that brought us here matters more.
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def folder_beside(path: Path) -> Iterator[Path]:
    """The same with an empty folder, for what is written as many files."""
    remove_dead(path)
    temporary = _name(path)
    temporary.mkdir()
    descriptor = os.open(temporary, os.O_RDONLY)
    try:
        _lock(descriptor)
        yield temporary
    finally:
        os.close(descriptor)
        shutil.rmtree(temporary, ignore_errors=True)


def remove_dead(path: Path) -> None:
    """Remove the temporary files and folders of `path` whose writers are dead; those of living writers stay."""
    for entry in os.scandir(path.parent):
        if entry.name.startswith(f".{path.name}.") and entry.name.endswith(SUFFIX):
            # Another process may remove it at the same time, and some file systems know no locks.
            with contextlib.suppress(OSError):
                _remove_unless_held(Path(entry.path))


def _remove_unless_held(temporary: Path) -> None:
    """Remove a file or folder; OSError if a process holds its lock."""
    descriptor = os.open(temporary, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(temporary) if temporary.is_dir() else temporary.unlink()
    finally:
        os.close(descriptor)


def _name(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}{SUFFIX}")


def _lock(descriptor: int) -> None:
    # On a file system without locks nobody can tell the dead from the living, and nothing is removed.
    with contextlib.suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_EX)


def _locked(path: Path) -> tuple[Path, int]:
    """A new temporary file and a descriptor that holds its lock."""
    while True:
        temporary = _name(path)
        descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666)
        _lock(descriptor)
        if temporary.exists():  # else another writer took it for a dead one's before it was locked
            return temporary, descriptor
        os.close(descriptor)
