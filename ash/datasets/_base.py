"""What every data set has in common: finding its files, and refusing what does not fit."""

import glob
from abc import ABC, abstractmethod
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from ash.errors import DataError, SizeError, several
from ash.files.id_maps import read_id_map, refuse_clashes
from ash.files.images import read_rgb
from ash.files.listing import files_of, shown
from ash.labels import N_CLASSES, VOID

HINTED = 5  # files without a counterpart for which one of another name is looked for
UNKNOWN = 254  # in tables from label id to train id: no id of the set


@dataclass(frozen=True)
class Sample:
    """One image of a set and, where the set has them, its labels."""

    id: str
    image: Path
    label: Path | None


class Dataset(ABC):
    """A set in its published layout."""

    name: ClassVar[str]
    splits: ClassVar[tuple[str, ...]]
    layout: ClassVar[str]
    """Where its files lie, for messages."""
    has_labels: ClassVar[bool] = True
    label_suffix: ClassVar[str] = ".png"
    """How the name of a label file goes on after the id."""
    table: ClassVar[np.ndarray]
    """Train id of each label id, `UNKNOWN` outside the set's own; sets without labels have none."""
    odd_sizes: ClassVar[int] = 0
    """How many label maps of the published set differ in size from their image; they are listed and left out."""
    absent: ClassVar[frozenset[str]] = frozenset()
    """Ids that complete copies are known to lack."""
    borrowed: ClassVar[frozenset[int]] = frozenset()
    """Label ids that palettes of the published set show in the colour of another class."""
    doubtful: ClassVar[frozenset[int]] = frozenset()
    """Train ids that the set gives to things of another class too; means are shown with them and without them."""
    companions: ClassVar[tuple[str, ...]] = ()
    """How the names of further published files end that lie beside images or labels and are not read."""

    @abstractmethod
    def files(self, root: Path, split: str) -> tuple[dict[str, Path], dict[str, Path]]:
        """Images and labels of a split by id, as found on disk; labels are empty where the set has none."""

    def read_label(self, sample: Sample) -> np.ndarray:
        """Train ids uint8 (H,W), 255 void: the value or palette index of the label map, looked up.

        DataError if unreadable, not stored as ids, or of an id outside the set's table.  Sets of another encoding have
        their own.
        """
        assert sample.label is not None
        stored = read_id_map(sample.label)
        label = to_train_ids(stored.ids, self.table, sample.label)
        self.doubt(stored.ids, sample.label)
        refuse_clashes(sample.label, stored.clashes(self.table, self.borrowed))
        return label

    def doubt(self, label_ids: np.ndarray, path: Path) -> None:  # noqa: B027  most sets have no such ids
        """DataError where a label map holds ids of the table that it cannot mean together."""

    @abstractmethod
    def write(self, root: Path, split: str, number: int, image: np.ndarray, label: np.ndarray | None) -> None:
        """Write one image uint8 (H,W,3) and its train ids in the set's own layout and encoding."""

    def finish(self, root: Path) -> None:  # noqa: B027  most sets have nothing to add
        """Write what the layout has once a set, after its last image; most have nothing."""

    def numbering(self, count: int) -> list[str] | None:
        """The ids of the first `count` images, where the set counts them; None where ids follow no order."""
        return None

    def verify(self, root: Path) -> None:  # noqa: B027  most sets have nothing to add
        """DataError where the folder holds another version of the set."""

    def index(self, root: Path, split: str, validation: int, exclude: Container[str] = ()) -> list[Sample]:
        """The samples of a split, by id, without those in `exclude`.

        In sets that are published in one piece, the last `validation` ids are split val; leaving ids out does not move
        the cut.  DataError lists every image without a label and every label without an image, or says that the folder
        is missing or empty.
        """
        if split not in self.splits:
            raise DataError(f"{self.name}: has no split {split!r}, has {', '.join(self.splits)}")
        if not self.holds(split, validation):
            raise DataError(
                f"{self.name}: split {split} is empty, for `validation` is {validation} and all images train; state how many"
                " are held out"
            )
        images, labels = self.files(root, split)
        if not images:
            raise DataError(f"{shown(root)}: no image of {self.name}, split {split}; wanted {self.layout}")
        if self.has_labels:
            faults = _alone(images, labels, "label", exclude) + _alone(labels, images, "image", exclude)
            if faults:
                title = f"{shown(root)}: {len(faults)} file(s) without a counterpart; restore them"
                raise DataError(several(title, faults))
        samples = [Sample(i, images[i], labels.get(i)) for i in sorted(images)]
        return [sample for sample in self.choose(samples, split, validation) if sample.id not in exclude]

    def holds(self, split: str, validation: int) -> bool:
        """Whether a split has images of its own where `validation` of the set are held out."""
        return True

    def left_out(self, root: Path, split: str, validation: int, exclude: Container[str]) -> list[str]:
        """The ids of a split that are in `exclude`."""
        images, _ = self.files(root, split)
        samples = [Sample(i, images[i], None) for i in sorted(images)]
        return [sample.id for sample in self.choose(samples, split, validation) if sample.id in exclude]

    def choose(self, samples: list[Sample], split: str, validation: int) -> list[Sample]:
        """The samples of `split` among all that `files` found; sets with folders of their own keep all."""
        return samples

    def read_image(self, sample: Sample) -> np.ndarray:
        """RGB uint8 (H,W,3), whatever the file's own mode.

        DataError if unreadable, or if EXIF turns an image that has labels.
        """
        return read_rgb(sample.image, turn=not self.has_labels)


class OnePiece(Dataset):
    """A set published without a validation split: its last ids serve as one."""

    splits = ("train", "val")

    def holds(self, split: str, validation: int) -> bool:
        """Without images held out there is no split val."""
        return split == "train" or validation > 0

    def choose(self, samples: list[Sample], split: str, validation: int) -> list[Sample]:
        """All but the last `validation` samples, or those."""
        if validation >= len(samples):
            raise DataError(
                f"{self.name}: {len(samples)} images, wanted more than the {validation} held out; lower `validation` of"
                " the protocol, or restore the set"
            )
        cut = len(samples) - validation
        return samples[:cut] if split == "train" else samples[cut:]


def id_table(mapping: Mapping[int, int], void: Iterable[int]) -> np.ndarray:
    """A table of 256 entries from label id to train id; ids in neither `mapping` nor `void` map to 254, an error."""
    table = np.full(256, UNKNOWN, np.uint8)
    for label_id in void:
        table[label_id] = VOID
    for label_id, train_id in mapping.items():
        table[label_id] = train_id
    return table


def inverse(table: np.ndarray, void: int) -> np.ndarray:
    """A table from train id to label id, for writing; the first id of each class, `void` for 255."""
    back = np.full(256, void, np.uint8)
    for train_id in range(N_CLASSES):
        ids = np.flatnonzero(table == train_id)
        if len(ids):
            back[train_id] = ids[0]
    return back


def to_train_ids(label_ids: np.ndarray, table: np.ndarray, path: Path) -> np.ndarray:
    """Look label ids (H,W) up in a table; DataError names the ids that it lacks and how many pixels have them."""
    if label_ids.ndim != 2 or label_ids.dtype.kind not in "ui":
        found = f"{'x'.join(map(str, label_ids.shape))} of {label_ids.dtype}"
        raise DataError(
            f"{shown(path)}: {found}, wanted one whole number a pixel (height x width); restore the label map"
        )
    outside = label_ids.size and (label_ids.min() < 0 or label_ids.max() >= len(table))
    if outside or (table[label_ids] == UNKNOWN).any():
        ids, pixels = np.unique(label_ids, return_counts=True)
        unknown = [
            f"{i} ({n} pixels)"
            for i, n in zip(ids, pixels, strict=True)
            if not 0 <= i < len(table) or table[i] == UNKNOWN
        ]
        found = ", ".join(unknown[:5]) + (f", ... ({len(unknown) - 5} more)" if len(unknown) > 5 else "")
        hint = "; ids 0-18 and 255 alone are train ids" if set(ids) <= {*range(N_CLASSES), VOID} else ""
        raise DataError(
            f"{shown(path)}: label id {found} is outside the set's table{hint}; restore the file or extend the table"
        )
    return table[label_ids]


def _alone(mine: Mapping[str, Path], others: Mapping[str, Path], kind: str, exclude: Container[str]) -> list[str]:
    """A line for each file whose counterpart of that kind is missing, the first few with what may be meant for it."""
    ids = [i for i in sorted(mine.keys() - others.keys()) if i not in exclude]
    hints = [_namesake(i, others) for i in ids[:HINTED]] + [""] * len(ids[HINTED:])
    return [f"{shown(mine[i])}: has no {kind}{hint}" for i, hint in zip(ids, hints, strict=True)]


def _namesake(sample_id: str, others: Mapping[str, Path]) -> str:
    """Where a file whose name begins with an id lies among others and is not read, as one with another suffix; or ""."""
    read = set(others.values())
    for folder in sorted({path.parent for path in read}):
        for path in sorted(folder.glob(f"{glob.escape(sample_id)}[._]*")):
            if path not in read:
                return f" ({shown(path)} is not read, for it has another name)"
    return ""


def check_sizes(sample: Sample, image: np.ndarray, label: np.ndarray) -> None:
    """SizeError if an image and its labels differ in size."""
    if image.shape[:2] != label.shape:
        (h, w), (lh, lw) = image.shape[:2], label.shape
        raise SizeError(
            f"{shown(sample.label or '')}: {lw}x{lh}, wanted {w}x{h} like {sample.image.name}; restore both files"
        )


def by_id(folder: Path, pattern: str, to_id: Callable[[Path], str] = lambda path: path.stem) -> dict[str, Path]:
    """The files of `folder` that match `pattern`, by id; hidden files and folders are left out (`ash.files.listing`).

    DataError lists files that have one id.
    """
    found: dict[str, Path] = {}
    faults = []
    for path in files_of(folder, pattern):
        first = found.setdefault(to_id(path), path)
        if first != path:
            faults.append(f"{shown(path)}: has the id of {shown(first.relative_to(folder))}")
    if faults:
        raise DataError(several(f"{shown(folder)}: {len(faults)} file(s) of an id that another has; keep one", faults))
    return found
