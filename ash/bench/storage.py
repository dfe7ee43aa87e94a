"""Times the forms of feature storage against the encoder."""

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ash.features.file import STORAGES, FeatureFile, FeatureWriter, Storage, encode_images
from ash.files.hdf5 import FEATURES_SCHEMA, PREPARED_SCHEMA, create_h5, open_h5
from ash.style.stylizer import Stylizer


def compare_storages(prepared: Path, stylizer: Stylizer, count: int) -> list[dict[str, Any]]:
    """Measure every storage on the first `count` images of a prepared file: one row each.

    kib                 size of an image in the file
    write_per_second    images written and flushed to disk, encoding not counted
    read_per_second     images read in random order from the page cache, one by one, to float32
    encode_per_second   images encoded, the same in every row: what caching has to beat
    rms_error           root mean square of read minus computed features, over the features' standard deviation
    """
    with open_h5(prepared, PREPARED_SCHEMA) as source, torch.inference_mode():
        images = source["image"][:count]
        began = time.perf_counter()
        features = np.concatenate([batch for _, batch in encode_images(images, stylizer, 8)])
        encoding = time.perf_counter() - began
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for storage in STORAGES:
            row = _measure(features, storage, Path(folder) / f"{storage}.h5")
            rows.append({"storage": storage, **row, "encode_per_second": len(features) / encoding})
    return rows


def _measure(features: np.ndarray, storage: Storage, path: Path) -> dict[str, float]:
    """Write and read `features` in one form of storage."""
    began = time.perf_counter()
    with create_h5(path, FEATURES_SCHEMA, {"stylizer": ""}) as file:
        writer = FeatureWriter(file, features.shape, storage)
        for start in range(0, len(features), 8):
            writer.write(features[start : start + 8])
    writing = time.perf_counter() - began
    order = np.random.default_rng(0).permutation(len(features))
    with FeatureFile(path, "") as reader:
        error = reader.read(range(len(features))).numpy() - features  # also warms the page cache
        began = time.perf_counter()
        for index in order:
            reader.read([index])
        reading = time.perf_counter() - began
    return {
        "kib": path.stat().st_size / len(features) / 1024,
        "write_per_second": len(features) / writing,
        "read_per_second": len(features) / reading,
        "rms_error": float(np.sqrt(np.square(error).mean()) / features.std()),
    }
