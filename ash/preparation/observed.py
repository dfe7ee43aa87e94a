"""What is seen of a split while its manifest is made, and what of that is odd: plausibility, beside identity."""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ash.datasets._base import Dataset, Sample
from ash.datasets._plausible import class_notes
from ash.files.images import UPRIGHT, Look
from ash.files.listing import shown
from ash.labels import N_CLASSES

FileFacts = tuple[str, int, str]  # path below the set's folder, bytes, SHA-256
SUFFIXES = {".png": ("PNG",), ".jpg": ("JPEG", "MPO")}  # of the published sets, and the formats that they promise
SMALL = 16  # pixels of a side below which the sets have no image
WIDE = 256  # columns of a label map from which `isolation` tells something
LOSSY = 0.015  # isolated pixels; hand-drawn and rendered label maps have at most 0.007, after a JPEG 0.02 to 0.08


@dataclass(frozen=True)
class Reading:
    """One sample: the heads of its files, pixels by train id (256,), how high road and sky lie, isolated pixels, its files."""

    image: Look
    label: Look | None
    pixels: np.ndarray
    heights: np.ndarray
    isolated: float | None
    files: list[FileFacts]


def isolation(label: np.ndarray) -> float | None:
    """The share of pixels of a label map (H,W) that differ from both neighbours in their row; None of a narrow one.

    Every eighth row is looked at.  Resampled or lossy label maps have ids between those on either side of each edge.
    """
    if label.shape[1] < WIDE:
        return None
    rows = label[::8]
    inner = rows[:, 1:-1]
    return float(np.mean((inner != rows[:, :-2]) & (inner != rows[:, 2:])))


@dataclass
class Observed:
    """What was seen of one split so far."""

    images: Counter[str] = field(default_factory=Counter)
    labels: Counter[str] = field(default_factory=Counter)
    pixels: np.ndarray = field(default_factory=lambda: np.zeros(256, np.int64))
    maps: np.ndarray = field(default_factory=lambda: np.zeros(256, np.int64))
    isolated: list[float] = field(default_factory=list)
    found: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    digests: list[tuple[str, str]] = field(default_factory=list)

    def add(self, sample: Sample, reading: Reading) -> None:
        """See one sample."""
        name, image = shown(sample.image.name), reading.image
        self.images[f"{image.format} {image.mode}"] += 1
        self.digests.append((reading.files[0][0], reading.files[0][2]))
        odd = {
            "turned as their EXIF tag says": image.orientation != UPRIGHT,
            f"less than {SMALL} pixels high or wide": min(image.size) < SMALL,
            "of another format than their suffix": image.format
            not in SUFFIXES.get(sample.image.suffix.lower(), image.format),
        }
        if reading.label is not None:
            self.labels[f"{reading.label.format} {reading.label.mode}"] += 1
            self.pixels += reading.pixels
            self.maps += reading.pixels > 0
            self.isolated += [] if reading.isolated is None else [reading.isolated]
            odd["without a labelled pixel"] = not reading.pixels[:N_CLASSES].any()
        for what, is_so in odd.items():
            if is_so:
                self.found[what].append(name)

    def kinds(self) -> dict[str, Any]:
        """How many files there are of each format and mode, and label maps of each class, for JSON."""
        return {"images": dict(self.images), "labels": dict(self.labels)}

    def notes(self, dataset: Dataset) -> list[str]:
        """What is odd, a line each."""
        notes = [f"{len(names)} image(s) {what}, e.g. {names[0]}" for what, names in self.found.items()]
        if not dataset.has_labels:
            return notes
        for what, kinds in (("images", self.images), ("label maps", self.labels)):
            if len(kinds) > 1 or (what == "images" and not next(iter(kinds), "RGB").endswith("RGB")):
                notes.append(f"{what} are {', '.join(f'{n} of {kind}' for kind, n in sorted(kinds.items()))}")
        notes += class_notes(self.pixels, self.maps, sum(self.labels.values()), dataset.table)
        if self.isolated and (share := float(np.mean(self.isolated))) > LOSSY:
            notes.append(f"{100 * share:.1f} % of the label pixels are isolated, as of resampled or lossy label maps")
        return notes


def doubled(observed: Mapping[str, Observed]) -> list[str]:
    """Lines on images that are byte for byte the same, in one split or in two, and on names that are nearly the same."""
    places, names = defaultdict(list), defaultdict(set)
    for split, seen in observed.items():
        for path, sha in seen.digests:
            places[sha].append((split, path))
            names[unicodedata.normalize("NFC", path).casefold()].add(path)
    groups = [group for group in places.values() if len(group) > 1]
    across = [group for group in groups if len({split for split, _ in group}) > 1]
    notes = []
    for what, some in (
        ("in one split", [group for group in groups if group not in across]),
        ("in several splits, so that validation is not held out", across),
    ):
        if some:
            examples = ", ".join(shown(path) for _, path in some[0][:3])
            notes.append(f"{len(some)} image(s) lie here more than once {what}, e.g. {examples}")
    if alike := [paths for paths in names.values() if len(paths) > 1]:
        examples = ", ".join(shown(path) for path in sorted(alike[0]))
        notes.append(f"{len(alike)} name(s) differ in case or accents alone, and are one on other disks: {examples}")
    return notes
