"""Unpacks one zip archive into a set's folder: nothing outside it, no bombs, and no work twice.

Every member is written to a temporary name and renamed, so that a killed run leaves whole files only.  The next run keeps
files of the right size and CRC and writes the rest.
"""

import shutil
import stat
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

from ash.acquire.sources import Archive
from ash.errors import DataError, StoreError, several
from ash.progress import Progress, quiet

BLOCK = 1 << 20  # bytes read at once
MEMBER_LIMIT = 1 << 29  # bytes of one member: the largest painting is below a tenth of it
RATIO_LIMIT = 100  # of one member's size to its packed size; photographs and PNGs hardly shrink at all
RATIO_FROM = 1 << 20  # bytes: smaller members may shrink as they like
TOTAL_RATIO = 4  # of all members to the archive's own size
TOTAL_FLOOR = 1 << 28  # bytes that every archive may unpack to


@dataclass(frozen=True)
class Contents:
    """What an archive gave: members unpacked, their bytes, and members left out."""

    members: int
    unpacked_bytes: int
    left_out: int

    def record(self) -> dict[str, int]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Plan:
    """The members of an archive that belong to the set, and how many others it has."""

    wanted: tuple[zipfile.ZipInfo, ...]
    left_out: int

    @property
    def names(self) -> frozenset[str]:
        """The names of those that belong to the set."""
        return frozenset(info.filename for info in self.wanted)


def unpack(
    path: Path,
    archive: Archive,
    root: Path,
    progress: Progress = quiet,
    skip: frozenset[str] = frozenset(),
    *,
    trusted: bool = False,
) -> Contents:
    """Unpack `path` into `root`, without the members named in `skip`.

    Files already there are kept if their size and CRC are the member's; with `trusted`, their size is enough.  DataError
    if the archive is not a zip, is damaged, is another archive than `archive`, or has an unsafe member; nothing is
    written then, but for members before a damaged one.
    """
    chosen = plan(path, archive)
    wanted = [info for info in chosen.wanted if info.filename not in skip]
    with _opened(path) as file:
        todo = [info for info in wanted if not _there(info, root, trusted=trusted)]
        _check_space(root, sum(info.file_size for info in todo), path)
        for done, info in enumerate(todo, 1):
            _write(file, info, root, path)
            progress(len(wanted) - len(todo) + done, len(wanted))
    left_out = chosen.left_out + len(chosen.wanted) - len(wanted)
    return Contents(len(wanted), sum(info.file_size for info in wanted), left_out)


def plan(path: Path, archive: Archive) -> Plan:
    """The members to unpack; DataError lists every unsafe member, whether or not it belongs to the set."""
    with _opened(path) as file:
        members = [info for info in file.infolist() if not info.is_dir()]
    faults = [f"{info.filename!r}: {fault}" for info in members for fault in [_fault(info)] if fault]
    names = Counter(info.filename for info in members)
    faults += [f"{name!r}: {times} times in the archive" for name, times in names.items() if times > 1]
    total, limit = sum(info.file_size for info in members), TOTAL_RATIO * path.stat().st_size + TOTAL_FLOOR
    if total > limit:
        faults.append(f"{total} bytes in all, wanted at most {limit}")
    if faults:
        raise DataError(several(f"{path}: refused, {len(faults)} unsafe member(s); fetch the published file", faults))
    wanted = tuple(info for info in members if archive.keeps(info.filename))
    if not wanted:
        found, patterns = next(iter(names), "nothing"), " or ".join(archive.keep)
        raise DataError(f"{path}: wrong archive, holds {found!r}, wanted {patterns}; put the right file there")
    return Plan(wanted, len(members) - len(wanted))


def _fault(info: zipfile.ZipInfo) -> str | None:
    """Why a member must not be unpacked."""
    parts = PurePosixPath(info.filename).parts
    # ZipInfo cuts a name at a null byte and turns the system's own separator into "/": judge the name as stored.
    if info.filename.startswith("/") or ".." in parts or "\\" in info.orig_filename or ":" in info.filename:
        return "lies outside the set's folder"
    if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG):
        return "is not a plain file"
    if info.flag_bits & 1:
        return "is encrypted"
    if info.file_size > MEMBER_LIMIT:
        return f"has {info.file_size} bytes, wanted at most {MEMBER_LIMIT}"
    if info.file_size > RATIO_FROM and info.file_size > RATIO_LIMIT * max(info.compress_size, 1):
        return f"grows {info.file_size / max(info.compress_size, 1):.0f}-fold, wanted at most {RATIO_LIMIT}"
    return None


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
    there = next(folder for folder in (root, *root.parents) if folder.exists())
    free = shutil.disk_usage(there).free
    if size > free:
        raise StoreError(f"{root}: {free} bytes free, wanted {size} to unpack {path.name}; free space or move `root`")


def _write(file: zipfile.ZipFile, info: zipfile.ZipInfo, root: Path, path: Path) -> None:
    """Write one member under a temporary name, then rename it.  zipfile itself checks size and CRC while reading."""
    target = root / info.filename
    temporary = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with file.open(info) as source, temporary.open("wb") as out:
            shutil.copyfileobj(source, out, BLOCK)
        temporary.replace(target)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as cause:
        raise DataError(f"{path}: member {info.filename} is damaged ({cause}); fetch the archive again") from cause
    except OSError as cause:
        raise StoreError(f"{target}: cannot be written ({cause.strerror}); free space or fix permissions") from cause
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        file = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError) as cause:
        raise DataError(f"{path}: not a whole zip archive (begins {head(path)!r}; {cause}); fetch it again") from cause
    with file:
        yield file


def head(path: Path) -> bytes:
    """The first bytes of a file, which tell an archive from a web page."""
    with path.open("rb") as file:
        return file.read(8)
