"""Files written whole or not at all, and digests of what they hold.

Everything goes to a temporary name in the same folder, is flushed to disk and then renamed, so that
a killed process or a full disk never leaves a half-written file under a final name.  No clock enters
the bytes: JSON has sorted keys.
"""

import contextlib
import errno
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ash.errors import StoreError
from ash.files.careful import CarefulFile, careful
from ash.files.temporary import beside

REMEDIES = {
    errno.EFBIG: "raise the limit on the size of files (ulimit -f), or choose another disk",
    errno.EISDIR: "a folder has that name; remove it, or choose another name",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.ENOTDIR: "a file lies where a folder should be; choose another folder",
    errno.EEXIST: "a file lies where a folder should be; choose another folder",
}
REMEDY = "free space or fix permissions"


@contextlib.contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success flush it and rename it to `path`, on failure remove it.

    The temporary file is there already, empty.  Raises StoreError, with the remedy, when the disk is
    full or the folder cannot be written.
    """
    path = Path(path)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        with beside(path) as temporary:
            yield temporary
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            temporary.replace(path)


@contextlib.contextmanager
def atomic_file(path: Path) -> Iterator[CarefulFile]:
    """The same with an open file, for a library that mishandles a failed write."""
    with atomic(path) as temporary, careful(temporary) as file:
        yield file


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn a failure to write `path`, or to make its folder, into a StoreError with the remedy."""
    try:
        yield
    except OSError as cause:
        what, other = cause.strerror or str(cause), Path(os.fsdecode(cause.filename or path))
        temporary = any(part.startswith(f".{path.name}.") for part in other.parts)
        if other not in (path, *path.parents) and not temporary:
            raise StoreError(f"{other}: {what}, so {path} cannot be made; restore it") from cause
        remedy = REMEDIES.get(cause.errno or 0, REMEDY)
        raise StoreError(f"{path}: cannot be written ({what}); {remedy}") from cause


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, atomically."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, content: Any) -> None:
    """Write `content` as JSON with sorted keys, atomically; equal content gives equal bytes."""
    write_text(path, to_json(content))


def to_json(content: Any) -> str:
    """`content` as the text of a JSON file with sorted keys."""
    return json.dumps(content, sort_keys=True, indent=1) + "\n"


def read_json(path: Path, wanted: type = dict) -> Any:
    """Read a JSON file of the project, which holds an object, or what `wanted` says.

    StoreError names it if it is missing or damaged, or holds anything else.
    """
    remedy = "delete it and run the step that makes it"
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError as cause:
        raise StoreError(f"{path}: missing; run the step that makes it") from cause
    except OSError as cause:
        raise StoreError(f"{path}: cannot be read ({cause.strerror}); fix its permissions") from cause
    except RecursionError as cause:
        raise StoreError(f"{path}: JSON nested too deeply; {remedy}") from cause
    except ValueError as cause:
        raise StoreError(f"{path}: not JSON ({cause}); {remedy}") from cause
    if not isinstance(content, wanted):
        found = type(content).__name__
        raise StoreError(f"{path}: holds JSON of type {found}, wanted {wanted.__name__}; {remedy}")
    return content


def digest(content: Any) -> str:
    """SHA-256 of `content` as sorted JSON."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, read in blocks."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
