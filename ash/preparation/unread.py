"""What lies among the files of a set and is not read: other suffixes, folders, what systems and editors leave behind."""

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from ash.datasets._base import Dataset
from ash.files.listing import is_hidden, shown

PICTURES = {".png", ".jpg", ".jpeg", ".jpe", ".tif", ".tiff", ".webp", ".bmp", ".gif", ".jp2", ".heic", ".ppm"}
LEFT_BEHIND = ("~", ".bak", ".orig", ".tmp", ".part", ".crdownload", ".swp")  # by editors and downloads
SYSTEM = ("thumbs.db", "desktop.ini")
SEARCHED = 10_000  # entries of a folder tree that are looked through for pictures in other places


def unread(dataset: Dataset, root: Path, splits: Iterable[str]) -> list[str]:
    """A line for each kind of entry beside the images and labels of `splits` that is none of them, with an example.

    Files that the published set has there (`Dataset.companions`) are no such entry.
    """
    read: set[Path] = set()
    for split in splits:
        for files in dataset.files(root, split):
            read.update(files.values())
    found = defaultdict(list)
    for folder in sorted({path.parent for path in read}):
        for path in sorted(folder.iterdir()):
            if path not in read and not path.name.endswith(dataset.companions):
                found[_kind(path)].append(path)
    return [
        f"{len(paths)} {kind} not read, e.g. {shown(paths[0].relative_to(root))}; the set's files are {dataset.layout}"
        for kind, paths in sorted(found.items())
    ]


def unmatched(dataset: Dataset, root: Path, splits: Iterable[str], exclude: Iterable[str]) -> list[str]:
    """A line for each split of labels without an image, which is left out, and one for ids to exclude that are not there."""
    found = {split: dataset.files(root, split) for split in dataset.splits}
    notes = [
        f"{split}: {len(labels)} label map(s) and no image, so the split is left out; its images are {dataset.layout}"
        for split, (images, labels) in found.items()
        if labels and not images and split not in splits
    ]
    absent = sorted(set(exclude).difference(*(ids for files in found.values() for ids in files)))
    return notes + ([f"`exclude` names {len(absent)} id(s) that are not there, e.g. {absent[0]}"] if absent else [])


def _kind(path: Path) -> str:
    """What an entry is that is not read."""
    name, suffix = path.name.lower(), path.suffix
    if path.is_dir():
        return "folder(s)"
    if name.startswith("._"):
        return "AppleDouble file(s) of macOS"
    if is_hidden(Path(path.name)) or name in SYSTEM:
        return "hidden or system file(s)"
    if name.endswith(LEFT_BEHIND):
        return "copies of editors or downloads"
    what = "picture(s)" if suffix.lower() in PICTURES else "file(s)"
    return f"{what} with suffix {shown(suffix)}" if suffix else "file(s) without suffix"


def strays(root: Path) -> str:
    """Where pictures lie below a folder in which none was found in place: `; 12 pictures lie elsewhere, e.g. ...`."""
    seen = [path for path in _walk(root) if path.suffix.lower() in PICTURES and not is_hidden(path.relative_to(root))]
    return f"; {len(seen)} picture(s) lie elsewhere, e.g. {shown(min(seen).relative_to(root))}" if seen else ""


def _walk(root: Path) -> Iterator[Path]:
    """Files below a folder, without following links; at most `SEARCHED`."""
    left = SEARCHED
    for folder, _, names in os.walk(root):
        for name in names[:left]:
            yield Path(folder, name)
        left -= min(left, len(names))
        if not left:
            return
