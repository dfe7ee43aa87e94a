"""What a set on disk consists of: counts, ids, sizes, label histogram, digests.  A pure function of the files."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ash import datasets
from ash.datasets.base import Dataset, Sample
from ash.errors import DataError, several
from ash.labels import CLASSES, VOID
from ash.store import digest, file_digest

Progress = Callable[[int, int], None]


def build_manifest(
    name: str, root: Path, validation: int, progress: Progress = lambda done, total: None
) -> dict[str, Any]:
    """Read every file of a set once.

    Gives a dictionary for JSON, with a section for each split that is there: `count`, `ids` (digest), `sizes` ("WxH":
    count), `pixels` (class: count, void included), and `files`, the digest of all (path, bytes, SHA-256).  DataError
    lists every image that cannot be read, whose labels differ from it in size, or whose labels hold an unknown id.
    """
    dataset = datasets.load(name)
    present = {
        split: dataset.index(root, split, validation) for split in dataset.splits if _there(dataset, root, split)
    }
    if not present:
        raise DataError(f"{root}: no image of {name} in any split; wanted {dataset.layout}")
    total = sum(len(samples) for samples in present.values())
    faults: list[str] = []
    splits, done = {}, 0
    for split, samples in present.items():
        sizes: Counter[str] = Counter()
        pixels = np.zeros(256, np.int64)
        files: list[tuple[str, int, str]] = []
        with ThreadPoolExecutor() as pool:
            for result in pool.map(partial(_read, dataset, root), samples):
                done += 1
                progress(done, total)
                if isinstance(result, str):
                    faults.append(result)
                    continue
                sizes[result[0]] += 1
                pixels += result[1]
                files += result[2]
        splits[split] = {
            "count": len(samples),
            "ids": digest([sample.id for sample in samples]),
            "sizes": dict(sizes),
            "pixels": {name: int(pixels[k]) for k, name in [*enumerate(CLASSES), (VOID, "void")]},
            "files": digest(sorted(files)),
        }
    if faults:
        raise DataError(several(f"{root}: {len(faults)} bad file(s)", faults))
    return {"dataset": name, "validation": validation, "splits": splits}


def _there(dataset: Dataset, root: Path, split: str) -> bool:
    """Whether a split has any image; a validation split may be absent from a copy."""
    return bool(dataset.files(root, split)[0])


def _read(dataset: Dataset, root: Path, sample: Sample) -> tuple[str, np.ndarray, list[tuple[str, int, str]]] | str:
    """Size, pixels by train id and digests of one sample, or its fault as one line."""
    try:
        image = dataset.read_image(sample)
        pixels = np.zeros(256, np.int64)
        paths = [sample.image]
        if sample.label is not None:
            label = dataset.read_label(sample)
            check_sizes(sample, image, label)
            pixels += np.bincount(label.ravel(), minlength=256)
            paths.append(sample.label)
    except DataError as fault:
        return str(fault)
    height, width = image.shape[:2]
    files = [(str(path.relative_to(root)), path.stat().st_size, file_digest(path)) for path in paths]
    return f"{width}x{height}", pixels, files


def check_sizes(sample: Sample, image: np.ndarray, label: np.ndarray) -> None:
    """DataError if an image and its labels differ in size."""
    if image.shape[:2] != label.shape:
        (h, w), (lh, lw) = image.shape[:2], label.shape
        raise DataError(f"{sample.label}: {lw}x{lh}, wanted {w}x{h} like {sample.image.name}; restore both files")
