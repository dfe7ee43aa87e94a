"""What tells a set that the project drew from files of somebody else, in the folder that a new drawing would replace.

A drawn set carries a hidden list of its files and their sizes.  A folder without one is replaced only by equal files.
"""

import filecmp
import os
from collections.abc import Iterator
from pathlib import Path

from ash.errors import DataError, StoreError
from ash.files.atomic import read_json, write_json
from ash.files.listing import is_hidden, shown

MARK = ".drawn.json"


def sign(drawn: Path) -> None:
    """Write the list into a folder that has just been drawn."""
    write_json(drawn / MARK, _sizes(drawn))


def refuse_others(name: str, root: Path, drawn: Path) -> None:
    """DataError if `root` holds what the project did not draw and the set in `drawn`, which is to replace it, has not.

    That is any file beside those of the list, or other files under most of its names: a drawn set of which some files
    are damaged or missing may be drawn again.  Hidden files do not count.
    """
    listed, present = _listed(root), _sizes(root)
    others = [path for path, size in present.items() if listed.get(path) != size and not _same(root, drawn, path)]
    unknown = [path for path in others if path not in listed]
    if unknown or 2 * len(others) > len(present):
        first = shown((unknown or others)[0])
        raise DataError(
            f"{root}: holds {first}, which a drawn {name} has not, and would be replaced ({len(others)} of"
            f" {len(present)} files are not as drawn); name another root, or state `draw: null` for a set of your own;"
            " if nobody needs them, remove the folder"
        )


def _listed(root: Path) -> dict[str, int]:
    """The list of a folder; a folder without one, or with a damaged one, is not known to be drawn."""
    try:
        listed: dict[str, int] = read_json(root / MARK)
    except StoreError:
        return {}
    return listed


def _same(root: Path, drawn: Path, path: str) -> bool:
    """Whether a file is replaced by an equal one."""
    old, new = root / path, drawn / path
    return old.is_file() and not old.is_symlink() and new.is_file() and filecmp.cmp(old, new, shallow=False)


def _sizes(root: Path) -> dict[str, int]:
    """Bytes of every file below a folder by its path, hidden ones left out; an empty folder and a link count as files."""
    paths = ((path, path.relative_to(root)) for path in _entries(root))
    return {str(inside): path.lstat().st_size for path, inside in paths if not is_hidden(inside)}


def _entries(root: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(root):
        here = Path(folder)
        if here != root and not folders and not files:
            yield here
        links = [name for name in folders if (here / name).is_symlink()]
        yield from (here / name for name in sorted(files + links))
