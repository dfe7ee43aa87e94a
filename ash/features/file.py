"""Encoder features of a prepared set, computed once and read back at random.

    cache_features(prepared, stylizer, out, "fp16_lz4", 16, progress)      # every image of the set, in order
    with FeatureFile(out, stylizer.digest) as features:
        features.read([3, 0])                                               # (2, C, h, w) float32

A file holds `feature` (N, C, h, w), one image a chunk, and for the uint8 forms `scale` (N, C).  Four forms of storage:

| storage   | what is kept                                               | error                             |
| fp16      | half floats                                                | 2^-11 relative                    |
| fp16_lz4  | the same, bitshuffled and compressed by LZ4                | none beyond fp16                  |
| uint8     | bytes, in units of the image's and channel's maximum / 255 | half a unit                       |
| uint8_lz4 | the same, bitshuffled and compressed by LZ4                | none beyond uint8                 |

Features follow a ReLU, so they are never negative.  `docs/measured/storage.md` has the measurements behind the default.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, get_args

import hdf5plugin
import numpy as np
import torch
from torch import Tensor

from ash.errors import StoreError
from ash.files.hdf5 import FEATURES_SCHEMA, PREPARED_SCHEMA, NewFile, create_h5, open_h5
from ash.files.stored import Rows, StoredFile
from ash.pixels import to_image
from ash.progress import Progress, quiet
from ash.style.stylizer import Stylizer

Storage = Literal["fp16", "fp16_lz4", "uint8", "uint8_lz4"]
STORAGES: tuple[Storage, ...] = get_args(Storage)
LEVELS = 255  # of a byte
ENCODED = "encoded"  # in the place of a storage: the file holds the decision to encode in every step, and no features


@torch.inference_mode()
def cache_features(
    prepared: Path,
    stylizer: Stylizer,
    out: Path,
    storage: Storage,
    batch: int,
    progress: Progress = quiet,
) -> None:
    """Encode every image of a prepared file into a feature file, `batch` images at a time.

    Memory does not grow with the set.  `progress(done, total)` is called after each batch.  Images are encoded on the
    stylizer's device, in float32.  Raises StoreError for a file that cannot be read or written.
    """
    with open_h5(prepared, PREPARED_SCHEMA) as source:
        images = source["image"]
        total = len(images)
        attributes = {**origin(source, stylizer), "layer": stylizer.settings.depth, "storage": storage}
        with create_h5(out, FEATURES_SCHEMA, attributes) as file:
            writer: FeatureWriter | None = None
            for start, features in encode_images(images, stylizer, batch):
                writer = writer or FeatureWriter(file, (total, *features.shape[1:]), storage)
                writer.write(features)
                progress(start + len(features), total)
            if writer is None:
                raise StoreError(f"{prepared}: holds no images, wanted at least one; prepare the set again")


def origin(prepared: StoredFile, stylizer: Stylizer) -> dict[str, Any]:
    """What a feature file says of what it was made from: the pair, and the prepared set with its name, split and size."""
    known = {name: prepared.attrs[name] for name in ("dataset", "split", "image_size") if name in prepared.attrs}
    sizes = {name: value.tolist() for name, value in known.items() if isinstance(value, np.ndarray)}
    return {"stylizer": stylizer.digest, "prepared": str(prepared.attrs["content"]), **known, **sizes}


def prepared_identity(prepared: Path) -> str:
    """What feature files record of the prepared set that they were made from: the digest of its content."""
    with open_h5(prepared, PREPARED_SCHEMA) as file:
        return str(file.attrs["content"])


def holds_features(path: Path) -> bool:
    """Whether a feature file holds features, or the decision to encode in every step."""
    with open_h5(path, FEATURES_SCHEMA) as file:
        return str(file.attrs.get("storage")) != ENCODED


class FeatureFile:
    """Reads a feature file; indexable by image, safe to open once and read from for a whole training run.

    Raises StoreError if the file is missing or damaged, was made by another stylizer than the one of digest `stylizer`,
    or from another prepared file than the one of identity `prepared` (where given).
    """

    def __init__(self, path: Path, stylizer: str, prepared: str | None = None) -> None:
        """Open the file and compare its origin."""
        self.path = Path(path)
        self._file = open_h5(path, FEATURES_SCHEMA)
        try:
            self._check("stylizer", stylizer)
            if prepared is not None:
                self._check("prepared", prepared)
            self._features = self._file["feature"]
            self._scales = self._file["scale"] if "scale" in self._file else None  # noqa: SIM401  not a mapping
        except KeyError as cause:
            self._file.close()
            raise StoreError(f"{path}: {cause.args[0]}; delete it and make it again") from cause
        except StoreError:
            self._file.close()
            raise
        self.shape: tuple[int, int, int] = self._features.shape[1:]

    def __len__(self) -> int:
        """Images in the file."""
        return len(self._features)

    def read(self, indices: Sequence[int] | np.ndarray) -> Tensor:
        """Features (B, C, h, w) of the images `indices`, float32, in the order asked for; repeats are allowed."""
        features = torch.empty((len(indices), *self.shape))
        for row, index in enumerate(indices):
            # Torch widens half floats in hardware, NumPy in software at a fifth of the speed.
            features[row] = torch.from_numpy(self._features[int(index)])
            if self._scales is not None:
                features[row] *= torch.from_numpy(self._scales[int(index)])[:, None, None]
        return features

    stored = read

    def features(self, stored: Tensor) -> Tensor:
        """What `stored` gave, wherever it has been moved: it is the features already."""
        return stored

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        """The open reader."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self.close()

    def _check(self, attribute: str, wanted: str) -> None:
        """StoreError unless `attribute` of the file is `wanted`."""
        found = str(self._file.attrs.get(attribute, "none"))
        if found != wanted:
            raise StoreError(
                f"{self.path}: made from {attribute} {found[:12]}, wanted {wanted[:12]}; delete it and make it again"
            )


class FeatureWriter:
    """Writes features in one of the forms of storage."""

    def __init__(self, file: NewFile, shape: tuple[int, ...], storage: Storage) -> None:
        """Create the data sets for `shape` (N, C, h, w)."""
        self.quantised = storage.startswith("uint8")
        kind = np.uint8 if self.quantised else np.float16
        options: Mapping[str, Any] = hdf5plugin.Bitshuffle(cname="lz4") if storage.endswith("lz4") else {}
        self.file = file
        file.add("feature", shape, kind, **options)
        if self.quantised:
            file.add("scale", shape[:2], np.float32)

    def write(self, features: np.ndarray) -> None:
        """Store the next float32 features (B, C, h, w); StoreError if float16 cannot hold them."""
        if self.quantised:
            # A channel that is zero everywhere has no scale of its own; any will do.
            scales = np.maximum(features.max((2, 3)) / LEVELS, np.finfo(np.float32).tiny)
            self.file.append("feature", np.rint(features / scales[:, :, None, None]).astype(np.uint8))
            self.file.append("scale", scales)
            return
        largest = float(features.max())
        if not largest <= float(np.finfo(np.float16).max):
            raise StoreError(f"{self.file.path}: a feature is {largest:g}, beyond float16; use a uint8 storage")
        self.file.append("feature", torch.from_numpy(features).half().numpy())


def encode_images(images: Rows, stylizer: Stylizer, batch: int) -> Iterator[tuple[int, np.ndarray]]:
    """Yield (index of the first image, float32 features) for batch after batch."""
    device = next(stylizer.parameters()).device
    for start in range(0, len(images), batch):
        image = to_image(images[start : start + batch]).to(device)
        yield start, stylizer.encode(image).contiguous().cpu().numpy()
