"""What a set on disk consists of: counts, ids, sizes, label histogram, digests.  A pure function of the files.

Beside what identifies the set, a manifest holds what was observed of it: kinds of files and what is odd.  A prepared file
keeps the digest of the former (`identity`).
"""

import logging
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ash import datasets
from ash.datasets._base import Dataset, Sample, check_sizes
from ash.datasets._plausible import heights, overturned, read_as_train_ids
from ash.errors import DataError, SizeError, StoreError, several
from ash.files.ahead import ahead
from ash.files.atomic import digest, file_digest, read_json
from ash.files.images import look
from ash.files.listing import shown
from ash.labels import CLASSES, VOID
from ash.preparation.census import check_census, ranges
from ash.preparation.observed import FileFacts, Observed, Reading, doubled, isolation
from ash.preparation.unread import strays, unmatched, unread
from ash.progress import Progress, quiet

log = logging.getLogger(__name__)
AHEAD = 64  # files read before they are counted
LISTED = "left out by the protocol"
OBSERVED = "observed"
SECTION = {"ids", "excluded", "files"}  # what others read of a split


def build_manifest(
    name: str,
    root: Path,
    validation: int,
    progress: Progress = quiet,
    count: Mapping[str, int] | None = None,
    exclude: Collection[str] = (),
) -> dict[str, Any]:
    """Read every file of a set once.

    Gives a dictionary for JSON.  `missing` holds the ids that copies of the set are known to lack; a section for each
    split that is there holds `count`, `ids` (as ranges), `sizes` ("WxH": count), `pixels` (class: count, void included),
    `excluded` (id: reason) and `files`, the digest of all (path, bytes, SHA-256).  `observed` holds the kinds of files of
    each split and `notes`: what is odd, and what lies there and was not read, in lines that are logged too.

    `excluded` are the ids in `exclude`, and in sets published so (`Dataset.odd_sizes`) those whose labels differ from
    the image in size.  DataError lists every other image that cannot be read, whose labels differ from it in size, or
    whose labels hold an unknown id; or says what is missing of `count`, or that the labels are train ids.
    """
    dataset = datasets.load(name)
    missing = check_census(dataset, root, count)
    present = {
        split: dataset.index(root, split, validation, exclude)
        for split in dataset.splits
        if dataset.holds(split, validation) and dataset.files(root, split)[0]
    }
    if not present:
        raise DataError(f"{shown(root)}: no image of {name} in any split; wanted {dataset.layout}{strays(root)}")
    dataset.verify(root)
    total, done = sum(len(samples) for samples in present.values()), 0
    tallies = {split: _Tally() for split in present}
    for split, samples in present.items():
        for sample, result in zip(samples, ahead(partial(_read, dataset, root), samples, AHEAD), strict=True):
            tallies[split].add(sample, result)
            done += 1
            progress(done, total)
        tallies[split].excluded |= dict.fromkeys(dataset.left_out(root, split, validation, exclude), LISTED)
    _judge(dataset, root, tallies)
    return {
        "dataset": name,
        "validation": validation,
        "missing": {split: list(ranges(ids)) for split, ids in missing.items()},
        "splits": {split: tally.section() for split, tally in tallies.items()},
        OBSERVED: _observed(dataset, root, {split: tally.observed for split, tally in tallies.items()}, exclude),
    }


def _observed(dataset: Dataset, root: Path, seen: Mapping[str, Observed], exclude: Collection[str]) -> dict[str, Any]:
    """The kinds of files, and what is odd of them or lies beside them, which is logged too."""
    notes = [f"{split}: {note}" for split, observed in seen.items() for note in observed.notes(dataset)]
    notes += doubled(seen) + unread(dataset, root, seen) + unmatched(dataset, root, seen, exclude)
    for note in notes:
        log.warning("%s: %s", shown(root), note)
    return {"notes": notes, "kinds": {split: observed.kinds() for split, observed in seen.items()}}


def read_manifest(path: Path, dataset: str) -> dict[str, Any]:
    """The manifest of a set from its file; StoreError if it cannot be read or is no manifest, DataError if of another set."""
    content: dict[str, Any] = read_json(path)
    splits = content.get("splits")
    sections = list(splits.values()) if isinstance(splits, dict) else [None]
    if not all(isinstance(s, dict) and s.keys() >= SECTION and isinstance(s["excluded"], dict) for s in sections):
        raise StoreError(f"{path}: is no manifest of a set; give what `ash manifest {dataset}` or `ash draw` wrote")
    if content.get("dataset") != dataset:
        raise DataError(
            f"{path}: is the manifest of {content.get('dataset')}, wanted that of {dataset}; give that file"
        )
    return content


def identity(manifest: Mapping[str, Any]) -> str:
    """The digest of a manifest without what was only observed."""
    return digest({key: value for key, value in manifest.items() if key != OBSERVED})


@dataclass
class _Tally:
    """What was read of one split so far; no more than ids and digests of it are kept."""

    ids: list[str] = field(default_factory=list)
    sizes: Counter[str] = field(default_factory=Counter)
    pixels: np.ndarray = field(default_factory=lambda: np.zeros(256, np.int64))
    heights: np.ndarray = field(default_factory=lambda: np.zeros(2))
    files: list[FileFacts] = field(default_factory=list)
    odd: dict[str, str] = field(default_factory=dict)
    excluded: dict[str, str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    observed: Observed = field(default_factory=Observed)

    def add(self, sample: Sample, result: Reading | DataError) -> None:
        """Count one sample, or note its fault."""
        if isinstance(result, SizeError):
            self.odd[sample.id] = str(result)
        elif isinstance(result, DataError):
            self.faults.append(str(result))
        else:
            self.ids.append(sample.id)
            self.sizes["{}x{}".format(*result.image.size)] += 1
            self.pixels += result.pixels
            self.heights += result.heights
            self.observed.add(sample, result)
            self.files += result.files

    def section(self) -> dict[str, Any]:
        """The split's section of the manifest."""
        return {
            "count": len(self.ids),
            "ids": list(ranges(self.ids)),
            "sizes": dict(self.sizes),
            "pixels": {name: int(self.pixels[k]) for k, name in [*enumerate(CLASSES), (VOID, "void")]},
            "excluded": self.excluded,
            "files": digest(sorted(self.files)),
        }


def _judge(dataset: Dataset, root: Path, tallies: Mapping[str, _Tally]) -> None:
    """Leave out label maps of odd sizes where the set is published with some; DataError lists what is not in order."""
    odd = sum(len(tally.odd) for tally in tallies.values())
    faults = [fault for tally in tallies.values() for fault in tally.faults]
    for split, tally in tallies.items():
        if odd > dataset.odd_sizes:
            faults += tally.odd.values()
        else:
            tally.excluded |= tally.odd
        if dataset.has_labels and tally.ids and not tally.pixels[: len(CLASSES)].any():
            faults.append(f"{split}: no pixel of any class in {len(tally.ids)} label maps; restore the labels")
        elif dataset.has_labels and read_as_train_ids(tally.pixels, dataset.table):
            faults.append(f"{split}: no id above 18 in {len(tally.ids)} label maps, as of train ids; restore label ids")
        elif overturned(tally.pixels, tally.heights):
            faults.append(
                f"{split}: road lies above or sky below the middle of {len(tally.ids)} label maps, as where their ids are"
                " another set's; restore the labels, or name the set that they are of"
            )
        if not tally.ids and not tally.faults and odd <= dataset.odd_sizes:
            faults.append(f"{split}: all images are left out; shorten the protocol's `exclude`")
    if faults:
        raise DataError(several(f"{root}: {len(faults)} bad file(s)", faults))


def _read(dataset: Dataset, root: Path, sample: Sample) -> Reading | DataError:
    """One sample, or its fault."""
    pixels, places, head, isolated = np.zeros(256, np.int64), np.zeros(2), None, None
    try:
        seen, image = look(sample.image), dataset.read_image(sample)
        if sample.label is not None:
            label = dataset.read_label(sample)
            check_sizes(sample, image, label)
            pixels += np.bincount(label.ravel(), minlength=256)
            places, head, isolated = heights(label), look(sample.label), isolation(label)
    except DataError as fault:
        return fault
    return Reading(seen, head, pixels, places, isolated, file_facts(sample, root))


def file_facts(sample: Sample, root: Path) -> list[FileFacts]:
    """What a manifest's `files` digests of one sample's image and label."""
    paths = [path for path in (sample.image, sample.label) if path is not None]
    return [(str(path.relative_to(root)), path.stat().st_size, file_digest(path)) for path in paths]


def check_split(what: str, found: object, manifest: Mapping[str, Any], split: str, root: Path) -> None:
    """DataError unless `what` of a split ("ids" or "files"), as found, is what the set's manifest says."""
    wanted = manifest["splits"].get(split, {}).get(what)
    if found != wanted:
        name = manifest["dataset"]
        raise DataError(
            f"{root}: {what} of split {split} are {_short(found)}, but the manifest of {name} says {_short(wanted)}; "
            f"restore the set, or run `ash manifest {name}` anew if it is meant to be another"
        )


def _short(value: object) -> str:
    text = ", ".join(value) if isinstance(value, list) else str(value)
    return text if len(text) < 40 else f"{text[:40]}..."
