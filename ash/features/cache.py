"""Whether features of source images are read from a cache or encoded in every step, by what this machine is quicker at.

`cache_content: auto` measures both on a few images when the cache would be made.  Where encoding wins, or the disk is too
small, the feature file holds nothing but that decision, and trainings encode.  Either way features are rounded to float16,
so the choice moves no number beyond that rounding.
"""

import logging
import os
import shutil
import tempfile
import time
from pathlib import Path

import torch

from ash.features.file import ENCODED, FeatureFile, Storage, cache_features, origin
from ash.files.hdf5 import FEATURES_SCHEMA, PREPARED_SCHEMA, create_h5, open_h5
from ash.machine.device import wait
from ash.pixels import to_image
from ash.progress import Progress, quiet
from ash.style.stylizer import Stylizer

log = logging.getLogger(__name__)
PROBE = 4  # images that are measured
PIXELS = 2**22  # encoded at once, at most: 4 images of 1280x720 take 4 GB in the first layers


def make_cache(
    prepared: Path,
    stylizer: Stylizer,
    out: Path,
    storage: Storage,
    *,
    auto: bool,
    progress: Progress = quiet,
) -> None:
    """Write the feature file of a prepared set; with `auto`, of source images, only if reading it pays on this machine."""
    with open_h5(prepared, PREPARED_SCHEMA) as source:
        count, height, width, _ = source["image"].shape
        made_from = origin(source, stylizer)
    batch = max(1, min(16, PIXELS // (height * width)))
    if not auto:
        cache_features(prepared, stylizer, out, storage, batch, progress)
        return
    exact: Storage = "fp16" if storage.startswith("uint8") else storage
    reading, encoding, size = measure(prepared, stylizer, out.parent, exact)
    free, needed = shutil.disk_usage(out.parent).free, size * count
    pays = reading < encoding and needed < free
    log.info(
        "%s: reading %.4f s an image, encoding %.4f s; all %d take %.1f GB, %.1f GB are free: %s",
        prepared, reading, encoding, count, needed / 1e9, free / 1e9, "cached" if pays else "encoded in every step",
    )  # fmt: skip
    if pays:
        cache_features(prepared, stylizer, out, exact, batch, progress)
        return
    with create_h5(out, FEATURES_SCHEMA, {**made_from, "storage": ENCODED}):
        pass


def measure(prepared: Path, stylizer: Stylizer, folder: Path, storage: Storage) -> tuple[float, float, float]:
    """Seconds to read an image's features from the disk that holds `folder`, seconds to encode them, and their bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        path, small = Path(scratch) / "features.h5", Path(scratch) / "prepared.h5"
        _first_images(prepared, small)
        cache_features(small, stylizer, path, storage, 1)
        size = path.stat().st_size / PROBE
        _drop_from_memory(path)
        with FeatureFile(path, stylizer.digest) as file:
            start = time.perf_counter()
            for index in range(PROBE):
                file.read([index])
            reading = (time.perf_counter() - start) / PROBE
        return reading, _encoding(small, stylizer), size


@torch.no_grad()
def _encoding(prepared: Path, stylizer: Stylizer) -> float:
    """Seconds to encode an image after one that warms up; the pixels are read in either case and are not counted."""
    where = next(stylizer.parameters()).device
    with open_h5(prepared, PREPARED_SCHEMA) as source:
        images = [to_image(source["image"][k : k + 1]).to(where) for k in range(PROBE)]
    stylizer.encode(images[0])
    wait(where)
    start = time.perf_counter()
    for image in images:
        stylizer.encode(image)
    wait(where)
    return (time.perf_counter() - start) / PROBE


def _first_images(prepared: Path, out: Path) -> None:
    """The first images of a prepared set, over again if it has fewer, as a set of their own."""
    with open_h5(prepared, PREPARED_SCHEMA) as source, create_h5(out, PREPARED_SCHEMA, {}) as file:
        images = source["image"]
        file.add("image", (PROBE, *images.shape[1:]), "uint8")
        for k in range(PROBE):
            file.append("image", images[k % len(images)][None])


def _drop_from_memory(path: Path) -> None:
    """Have the next read come from the disk, where the system lets us."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
