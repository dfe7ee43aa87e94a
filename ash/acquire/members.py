"""The members of a zip archive that belong to a set, under plain names.

An archive that would harm, or that cannot be read, is refused as a whole.
"""

import stat
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ash.acquire.archives import Archive
from ash.errors import DataError, flat, several
from ash.files import signature
from ash.files.zips import DAMAGE

MEMBER_LIMIT = 1 << 29  # bytes of one member: the largest painting is below a tenth of it
RATIO_LIMIT = 100  # of one member's size to its packed size; photographs and PNGs hardly shrink at all
RATIO_FROM = 1 << 20  # bytes: smaller members may shrink as they like
TOTAL_RATIO = 4  # of all members to the archive's own size
TOTAL_FLOOR = 1 << 28  # bytes that every archive may unpack to
NAME_LIMIT = 240  # bytes of one part of a name: disks take 255, and a temporary name is longer
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)


@dataclass(frozen=True)
class Plan:
    """The members of an archive that belong to the set, and how many others it has."""

    wanted: tuple[zipfile.ZipInfo, ...]
    left_out: int

    @property
    def names(self) -> frozenset[str]:
        """The names of those that belong to the set."""
        return frozenset(info.filename for info in self.wanted)


def plan(path: Path, archive: Archive) -> Plan:
    """The members to unpack; DataError lists every unsafe member, whether or not it belongs to the set."""
    with opened(path, archive) as file:
        members = [info for info in file.infolist() if not info.filename.endswith("/")]
    wanted = tuple(info for info in members if archive.keeps(info.filename))
    faults = [f"{info.filename!r}: {fault}" for info in members for fault in [_fault(info)] if fault]
    faults += [f"{info.filename!r}: {fault}" for info in wanted for fault in [_unreadable(info)] if fault]
    names = Counter(info.filename for info in members)
    faults += [f"{name!r}: {times} times in the archive" for name, times in names.items() if times > 1]
    folded = Counter(_folded(name) for name in {info.filename for info in wanted})
    faults += [f"{name!r}: {times} names that differ in case only" for name, times in folded.items() if times > 1]
    total, limit = sum(info.file_size for info in members), TOTAL_RATIO * path.stat().st_size + TOTAL_FLOOR
    if total > limit:
        faults.append(f"{total} bytes in all, wanted at most {limit}")
    if faults:
        raise DataError(several(f"{path}: refused, {len(faults)} unsafe member(s); fetch the published file", faults))
    lacking = [pattern for pattern in archive.keep if not any(archive.matches(name, pattern) for name in names)]
    if lacking:
        raise DataError(
            f"{path}: wrong archive, holds {_shown(names)}, wanted {' and '.join(lacking)}; {_advice(names)}"
        )
    return Plan(wanted, len(members) - len(wanted))


def _shown(names: Counter[str]) -> str:
    """A few names of members, each from another folder."""
    first = {name.rpartition("/")[0]: name for name in reversed(names)}
    return ", ".join(repr(name) for name in list(reversed(first.values()))[:3]) or "nothing"


def _advice(names: Counter[str]) -> str:
    inner = list(names)
    if len(inner) == 1 and inner[0].lower().endswith((".zip", ".tar", ".gz", ".rar", ".7z")):
        return f"it holds another archive: unpack it, and put {inner[0]!r} in its place"
    return "put the right file there"


def _folded(name: str) -> str:
    """A name as disks see it that ignore case and the ways of writing accents."""
    return unicodedata.normalize("NFC", name).casefold()


def _fault(info: zipfile.ZipInfo) -> str | None:
    """Why a member must not be unpacked."""
    outside = info.filename.startswith("/") or ".." in PurePosixPath(info.filename).parts or ":" in info.filename
    faults = {
        "lies outside the set's folder": outside,
        "has a null byte in its name": "\0" in info.orig_filename,  # ZipInfo cuts the name there
        "is not a plain file": stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG),
        "is encrypted": info.flag_bits & 1,
    }
    return next((text for text, true in faults.items() if true), None) or _bomb(info)


def _bomb(info: zipfile.ZipInfo) -> str | None:
    """Why a member is too large."""
    if info.file_size > MEMBER_LIMIT:
        return f"has {info.file_size} bytes, wanted at most {MEMBER_LIMIT}"
    if info.file_size > RATIO_FROM and info.file_size > RATIO_LIMIT * max(info.compress_size, 1):
        return f"grows {info.file_size / max(info.compress_size, 1):.0f}-fold, wanted at most {RATIO_LIMIT}"
    return None


def _unreadable(info: zipfile.ZipInfo) -> str | None:
    """Why a member of the set cannot be unpacked, although it does no harm."""
    longest = max(len(part.encode("utf-8", "replace")) for part in info.filename.split("/"))
    if longest > NAME_LIMIT:
        return f"has a name of {longest} bytes, wanted at most {NAME_LIMIT}"
    if not info.filename.isprintable():
        return "has a name that cannot be printed"
    if info.compress_type not in METHODS:
        return (
            f"is packed by method {info.compress_type}, which Python lacks; pack it anew, e.g. by `7z x` and `zip -r`"
        )
    return None


@contextmanager
def opened(path: Path, archive: Archive) -> Iterator[zipfile.ZipFile]:
    """The archive, its members under the names that they have in the set's folder.

    Some programs write `a\\b` for a/b, or ./a for a.
    """
    try:
        file = zipfile.ZipFile(path)
    except DAMAGE as cause:
        raise DataError(
            f"{path}: {signature.look(path)}, not a whole zip archive ({flat(cause)}); remove it and fetch it again"
        ) from cause
    with file:
        for info in file.infolist():
            info.filename = archive.place(_plain(info.filename))
        yield file


def _plain(name: str) -> str:
    """A member's name with `/` alone, without empty parts; what must not be stays, to be refused."""
    parts = name.replace("\\", "/").split("/")
    kept = [part for k, part in enumerate(parts) if part != "." and (part or k in (0, len(parts) - 1))]
    return "/".join(kept)
