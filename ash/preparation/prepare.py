"""From a set in its published layout to one HDF5 file a split: resized RGB images and train ids, one image a chunk.

Images are resized bicubically and labels by nearest neighbour, both without regard to their aspect, as the field does.
Files are read in parallel and written in order; memory does not grow with the set.
"""

from functools import partial
from pathlib import Path
from typing import Any

import hdf5plugin
import numpy as np
from PIL import Image

from ash import datasets
from ash.datasets._base import Dataset, Sample, check_sizes
from ash.errors import DataError, several
from ash.files.ahead import ahead
from ash.files.atomic import digest
from ash.files.hdf5 import PREPARED_SCHEMA, NewFile, create_h5
from ash.files.images import Size, resized
from ash.preparation.census import ranges
from ash.preparation.manifest import check_split, file_facts, identity
from ash.preparation.observed import FileFacts
from ash.progress import Progress, quiet

Pair = tuple[np.ndarray, np.ndarray | None, list[FileFacts]]  # image, label, what the manifest digests of their files
AHEAD = 16  # images read before they are written


def prepare(
    dataset: str,
    root: Path,
    split: str,
    out: Path,
    image_size: Size,
    label_size: Size,
    validation: int,
    manifest: dict[str, Any],
    progress: Progress = quiet,
) -> None:
    """Write split `split` of the set at `root` to `out`, and the digest of its content beside it.

    Data sets `image` uint8 (N,H,W,3), `label` uint8 (N,h,w) (absent where the set has none) and `id`; attributes name
    the set, the split, the sizes and the manifest's digest.  Sizes are (width, height).  Ids that the manifest shows as
    excluded are left out.  DataError lists every file that cannot be read, or says that the files are not those of the
    manifest; then nothing is written.
    """
    source = datasets.load(dataset)
    excluded = manifest["splits"].get(split, {}).get("excluded", {})
    samples = source.index(root, split, validation, excluded)
    check_split("ids", list(ranges([sample.id for sample in samples])), manifest, split, root)
    attributes = {
        "dataset": dataset,
        "split": split,
        "image_size": image_size,
        "label_size": label_size,
        "resampling": "bicubic, nearest",
        "manifest": identity(manifest),
    }
    faults: list[str] = []
    files: list[FileFacts] = []
    with create_h5(out, PREPARED_SCHEMA, attributes) as file:
        _declare(file, source, samples, image_size, label_size)
        read = partial(_pair, source, root, image_size, label_size)
        for k, pair in enumerate(ahead(read, samples, AHEAD)):
            if isinstance(pair, str):
                faults.append(pair)
            else:
                file.append("image", pair[0][None])
                if pair[1] is not None:
                    file.append("label", pair[1][None])
                files += pair[2]
            progress(k + 1, len(samples))
        if faults:
            raise DataError(several(f"{root}: {len(faults)} bad file(s) in split {split}", faults))
        check_split("files", digest(sorted(files)), manifest, split, root)


def _declare(file: NewFile, source: Dataset, samples: list[Sample], image_size: Size, label_size: Size) -> None:
    """The empty data sets; bitshuffled LZ4 reads as fast as raw bytes and keeps labels small."""
    file.add("image", (len(samples), image_size[1], image_size[0], 3), np.uint8)
    file.put("id", np.array([sample.id.encode() for sample in samples]))
    if source.has_labels:
        shape = (len(samples), label_size[1], label_size[0])
        file.add("label", shape, np.uint8, **hdf5plugin.Bitshuffle(cname="lz4"))


def _pair(source: Dataset, root: Path, image_size: Size, label_size: Size, sample: Sample) -> Pair | str:
    try:
        image = source.read_image(sample)
        label = source.read_label(sample) if source.has_labels else None
        if label is not None:
            check_sizes(sample, image, label)
    except DataError as fault:
        return str(fault)
    image = resized(image, image_size, Image.Resampling.BICUBIC)
    label = None if label is None else resized(label, label_size, Image.Resampling.NEAREST)
    return image, label, file_facts(sample, root)
