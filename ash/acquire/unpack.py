"""Unpacks one zip archive into a set's folder: nothing outside it, no bombs, and no work twice.

Every member is written to a temporary name and renamed, so that a killed run leaves whole files only.  The next run keeps
files of the right size and CRC and writes the rest.
"""

import hashlib
import os
import shutil
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from ash.acquire.archives import Archive
from ash.acquire.members import opened, plan
from ash.errors import DataError, StoreError, flat
from ash.files.atomic import writing
from ash.files.zips import DAMAGE
from ash.progress import Progress, quiet

BLOCK = 1 << 20  # bytes read at once


@dataclass(frozen=True)
class Contents:
    """What an archive gave: members unpacked, their bytes, and members left out."""

    members: int
    unpacked_bytes: int
    left_out: int

    def record(self) -> dict[str, int]:
        """For JSON."""
        return asdict(self)


def unpack(
    path: Path,
    archive: Archive,
    root: Path,
    progress: Progress = quiet,
    skip: frozenset[str] = frozenset(),
    contents: Mapping[str, str] | None = None,
    *,
    trusted: bool = False,
) -> Contents:
    """Unpack `path` into `root`, without the members named in `skip`.

    `contents` tells the SHA-256 of each member, where the set pins every file: a member of another is not written.
    Files already there are kept if their size and CRC are the member's; with `trusted`, their size is enough.  DataError
    if the archive is not a zip, is damaged, is another archive than `archive`, or has an unsafe member; nothing is
    written then, but for members before a damaged one.
    """
    chosen = plan(path, archive)
    wanted = [info for info in chosen.wanted if info.filename not in skip]
    with opened(path, archive) as file:
        todo = [info for info in wanted if not _there(info, root, trusted=trusted)]
        _check_space(root, sum(info.file_size for info in todo), path)
        for done, info in enumerate(todo, 1):
            _write(file, info, root, path, (contents or {}).get(info.filename))
            progress(len(wanted) - len(todo) + done, len(wanted))
    _flush([root / info.filename for info in todo])
    left_out = chosen.left_out + len(chosen.wanted) - len(wanted)
    return Contents(len(wanted), sum(info.file_size for info in wanted), left_out)


def _there(info: zipfile.ZipInfo, root: Path, *, trusted: bool) -> bool:
    """Whether a member is unpacked already."""
    path = root / info.filename
    if not path.is_file() or path.stat().st_size != info.file_size:
        return False
    return trusted or _crc(path) == info.CRC


def _crc(path: Path) -> int:
    value = 0
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            value = zlib.crc32(block, value)
    return value


def _check_space(root: Path, size: int, path: Path) -> None:
    with writing(root):
        there = next(folder for folder in (root, *root.parents) if folder.exists())
        free = shutil.disk_usage(there).free
    if size > free:
        raise StoreError(f"{root}: {free} bytes free, wanted {size} to unpack {path.name}; free space or move `root`")


def _write(file: zipfile.ZipFile, info: zipfile.ZipInfo, root: Path, path: Path, sha256: str | None) -> None:
    """Write one member under a temporary name, then rename it; nothing stays of one that is damaged."""
    target = root / info.filename
    temporary = target.with_name(f".{target.name}.part")
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("wb") as out:
                for block in _blocks(file, info, path, sha256):
                    out.write(block)
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def _blocks(file: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path, sha256: str | None) -> Iterator[bytes]:
    """The content of a member.  zipfile checks its CRC; DataError if it is damaged, of another size, or not as pinned."""
    size, digest = 0, hashlib.sha256()
    try:
        with file.open(info) as source:
            while block := source.read(BLOCK):
                size += len(block)
                if sha256 is not None:
                    digest.update(block)
                yield block
    except DAMAGE as cause:
        raise DataError(
            f"{path}: member {info.filename} is damaged ({flat(cause)}); remove the archive and fetch it again"
        ) from cause
    if size != info.file_size:
        raise DataError(
            f"{path}: member {info.filename} has {size} bytes, wanted {info.file_size}; remove the archive and fetch it again"
        )
    if sha256 is not None and sha256 != digest.hexdigest():
        raise DataError(
            f"{path}: member {info.filename} has SHA-256 {digest.hexdigest()[:12]}, wanted {sha256[:12]} as pinned; remove the"
            " archive and fetch it again, or from elsewhere"
        )


def _flush(paths: list[Path]) -> None:
    """Bring new files and their folders to the disk, before anything says that they are there."""
    for path in (*paths, *{path.parent for path in paths}):
        with writing(path):
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
