"""What is there of a set, what is missing, and what to do: for `ash check` and for messages.  Opens no file."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from ash import datasets
from ash.acquire import sources
from ash.acquire.archives import Source
from ash.datasets._base import Dataset
from ash.preparation.census import take_census


def folder(root: Path) -> Path:
    """Where a set's archives lie."""
    return root / "archives"


def begun(root: Path) -> Path:
    """A mark that lies beside a set's archives from the first fetch or unpacking until all of them are unpacked.

    Without `count` in the protocol, images and labels of a few archives look like a whole set.
    """
    return folder(root) / ".unfinished"


def lacks(name: str, root: Path, count: Mapping[str, int] | None) -> str | None:
    """One line: what is missing of a set and what to do; None if nothing is."""
    dataset = datasets.load(name)
    splits = take_census(dataset, root, count)
    whole = any(split.images for split in splits) and all(s.complete for s in splits if count or s.images)
    if whole and begun(root).exists():
        return (
            f"{root}: {name} is not whole, `ash acquire {name}` was stopped in the middle; run it again, or remove"
            f" {begun(root)} if you have put the whole set there yourself"
        )
    if whole:
        return None
    found = "; ".join(split.line() for split in splits) if root.is_dir() else "no such folder"
    state = "incomplete" if any(split.images for split in splits) else "missing"
    return f"{root}: {name} is {state} ({found}); {_remedy(dataset, root)}"


def _remedy(dataset: Dataset, root: Path) -> str:
    """What to do about a set that is not complete; one without a source is put there by hand."""
    source = sources.SOURCES.get(dataset.name)
    return _misplaced(dataset, root) or (f"put {dataset.layout} there" if source is None else instruction(source, root))


def instruction(source: Source, root: Path, wrong: Sequence[str] = ()) -> str:
    """What to do next to get a set, given the archives that are there, of which those in `wrong` are not the published."""
    if source.singles:
        return (
            f"run `ash acquire {source.name}`, which fetches as many frames as `count` of the protocol says from"
            f" {source.page} ({source.size} in all)"
        )
    there = [archive.name for archive in source.archives if (folder(root) / archive.name).exists()]
    absent = [archive for archive in source.archives if archive.name in wrong or archive.name not in there]
    names = ", ".join(archive.name for archive in absent)
    command = f"run `ash acquire {source.name}`"
    if not absent:
        packed = [folder(root) / archive.name for archive in source.archives if archive.kind == "rar"]
        if packed:
            move = f"mv {root}/{source.top}/* {root}/"
            return f"unpack it with `7z x {packed[0]} -o{root} && {move}` (7zip or p7zip-full), then {command}"
        return f"{command}, which unpacks the archives in {folder(root)}"
    if source.how == "http":
        return f"{command}, which fetches {names} from {source.page} ({source.size} in all)"
    if source.how == "cityscapes":
        return (
            f"{command}, which fetches {names} ({source.size}) with an account of {source.page}: let `csDownload -l` keep"
            " it, or set CITYSCAPES_USERNAME and CITYSCAPES_PASSWORD"
        )
    return f"fetch {names} from {source.page} ({source.size}, by hand), put it into {folder(root)}/, then {command}"


def _misplaced(dataset: Dataset, root: Path) -> str | None:
    """How to mend a set that lies one folder too deep, as archives with a folder of their own leave it."""
    below = [path for path in sorted(root.glob("*")) if path.is_dir() and path != folder(root)]
    for path in below:
        if any(dataset.files(path, split)[0] for split in dataset.splits):
            return f"it lies one folder too deep: `mv {path}/* {root}/`, then run `ash acquire {dataset.name}`"
    return None
