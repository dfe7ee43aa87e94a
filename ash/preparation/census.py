"""How many images of a set lie on disk, against how many were published; lists folders and opens no file."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from ash.datasets._base import Dataset
from ash.errors import DataError, several


@dataclass(frozen=True)
class Census:
    """One split of a set: images and labels found, images published (None if unknown), ids that are missing.

    `expected` are the missing ids that copies of the set are known to lack.
    """

    split: str
    images: int
    labels: int | None
    published: int | None
    missing: tuple[str, ...]
    expected: frozenset[str]

    @property
    def complete(self) -> bool:
        """Whether nothing is missing but what copies of the set are known to lack."""
        if self.published is None:
            enough = self.images > 0
        else:
            enough = self.images + len(self.missing) == self.published and self.expected.issuperset(self.missing)
        return enough and self.labels in (None, self.images)

    def line(self) -> str:
        """What was found and what was wanted, e.g. `train: 8 of 9 images, 9 labels; missing 00003`."""
        wanted = "" if self.published is None else f" of {self.published}"
        labels = "" if self.labels is None else f", {self.labels} labels"
        missing = f"; missing {spans(self.missing)}" if self.missing else ""
        return f"{self.split}: {self.images}{wanted} images{labels}{missing}"


def take_census(dataset: Dataset, root: Path, count: Mapping[str, int] | None) -> list[Census]:
    """The splits that `count` names, or without it those that are there.

    A set in one piece is counted as its first split.
    """
    return [_split(dataset, root, split, None if count is None else count[split]) for split in count or dataset.splits]


def _split(dataset: Dataset, root: Path, split: str, published: int | None) -> Census:
    if split not in dataset.splits:
        raise DataError(f"{dataset.name}: `count` names split {split!r}, the set has {', '.join(dataset.splits)}")
    images, labels = dataset.files(root, split)
    numbering = dataset.numbering(published) if published else None
    missing = [] if numbering is None else [i for i in numbering if i not in images and i not in labels]
    return Census(
        split, len(images), len(labels) if dataset.has_labels else None, published, tuple(missing), dataset.absent
    )


def check_census(dataset: Dataset, root: Path, count: Mapping[str, int] | None) -> dict[str, tuple[str, ...]]:
    """The ids that each split of `count` lacks, if copies are known to lack them; else DataError says what is missing."""
    if count is None:
        return {}
    found = take_census(dataset, root, count)
    faults = [split.line() for split in found if not split.complete]
    if faults:
        title = f"{root}: {dataset.name} is not complete; restore the files, or change `count` of the protocol"
        raise DataError(several(title, faults))
    return {split.split: split.missing for split in found if split.missing}


def spans(ids: Iterable[str], limit: int = 8) -> str:
    """Ids for a message, as spans: `00001-00003, 00007`; at most `limit` of them."""
    parts = list(ranges(ids))
    return ", ".join(parts[:limit]) + (f", ... ({len(parts) - limit} more)" if len(parts) > limit else "")


def ranges(ids: Iterable[str]) -> Iterator[str]:
    """Numbers of one width that follow each other, as `first-last`; every other id by itself.

    In natural order: 9 before 10.
    """
    ordered = sorted(ids, key=lambda i: (len(i), i) if i.isdecimal() else (0, i))
    starts = [k for k, (a, b) in enumerate(pairwise(ordered), 1) if not _follows(a, b)]
    for first, last in pairwise([0, *starts, len(ordered)]):
        if last > first:
            yield ordered[first] if last - first == 1 else f"{ordered[first]}-{ordered[last - 1]}"


def _follows(first: str, second: str) -> bool:
    both = first.isdecimal() and second.isdecimal() and len(first) == len(second)
    return both and int(second) == int(first) + 1
