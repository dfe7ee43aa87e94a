"""Files that others have put in a folder: which of them are read, and why one cannot be.

Names, links, pipes and permissions are looked at before anything is opened, so that nothing hangs and each fault has its
own line.
"""

import os
import stat
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from ash.errors import DataError, several

SPECIAL = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
UNPRINTABLE = ("Cc", "Cs", "Zl", "Zp")  # control characters, bytes that are no UTF-8, line and paragraph separators


def shown(path: Path | str) -> str:
    """A path in one line: what would break it is escaped."""
    return "".join(_escaped(c) if unicodedata.category(c) in UNPRINTABLE else c for c in str(path))


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


def open_regular(path: Path, remedy: str) -> BinaryIO:
    """A regular file that is not empty, open to read; DataError says what is there instead."""
    try:
        state = path.stat()
        if not stat.S_ISREG(state.st_mode):
            kind = SPECIAL.get(stat.S_IFMT(state.st_mode), "a device")
            raise DataError(f"{shown(path)}: is {kind}, wanted a file; {remedy}")
        if not state.st_size:
            raise DataError(f"{shown(path)}: not a readable image (it is empty); {remedy}")
        return path.open("rb")
    except FileNotFoundError as cause:
        link = f"a link to {shown(os.readlink(path))}, which is missing" if path.is_symlink() else "missing"
        raise DataError(f"{shown(path)}: {link}; {remedy}") from cause
    except OSError as cause:
        reason = cause.strerror or cause
        raise DataError(f"{shown(path)}: cannot be read ({reason}); {remedy}, or its permissions") from cause


def is_hidden(path: Path) -> bool:
    """Whether a file is one that systems and editors leave, or lies in such a folder: `._x.png`, `.cache/x.png`."""
    return any(part.startswith(".") for part in path.parts)


def files_of(folder: Path, pattern: str) -> list[Path]:
    """What matches a glob pattern below a folder, sorted, without hidden files and folders.

    A folder that is not there is empty.  DataError if it cannot be listed, or names files that no log could show.
    """
    try:
        os.scandir(folder).close()
        found = sorted(folder.glob(pattern))
        paths = [path for path in found if not is_hidden(path.relative_to(folder)) and not path.is_dir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as cause:
        reason = cause.strerror or cause
        raise DataError(
            f"{shown(folder)}: cannot be listed ({reason}); restore the folder or its permissions"
        ) from cause
    refuse_unprintable(paths)
    return paths


def refuse_unprintable(paths: Iterable[Path]) -> None:
    """DataError lists the files whose names hold line breaks, control characters or bytes that are no UTF-8."""
    faults = [shown(path) for path in paths if path.name != shown(path.name)]
    if faults:
        title = f"{shown(Path(faults[0]).parent)}: {len(faults)} name(s) with characters that cannot be printed; rename"
        raise DataError(several(title, faults))
