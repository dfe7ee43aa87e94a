"""Files written whole or not at all, and digests of what they hold.

Everything goes to a temporary name in the same folder, is flushed to disk and then renamed, so that a killed process or
a full disk never leaves a half-written file under a final name.  No clock enters the bytes: JSON has sorted keys.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ash.errors import StoreError


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
    except OSError as cause:
        raise StoreError(f"{path}: cannot be read ({cause.strerror or cause}); fix permissions") from cause
    except (ValueError, RecursionError) as cause:
        raise StoreError(f"{path}: not JSON ({cause}); delete it and run the step that makes it") from cause


def digest(content: Any) -> str:
    """SHA-256 of `content` as sorted JSON."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, read in blocks."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
