"""Batches of random crops of source images and paintings, for the fit of a stylizer."""

import math
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from ash.errors import DataError, ShapeError
from ash.labels import VOID

GAIN = (0.6, 1.3)  # of an augmented crop, about mid-grey
OFFSET = 0.15  # largest shift of each colour of an augmented crop, images being in [0, 1]


class Crops:
    """Draws crops; a function of the data and of the generator's state alone.

    `images` (N, H, W, 3) uint8 RGB and `labels` (N, H, W) uint8 train ids for each source, `paintings` (M, H, W, 3).
    Raises DataError if a set is empty or smaller than a crop, ShapeError if images and labels disagree.
    """

    def __init__(
        self,
        images: Mapping[str, np.ndarray],
        labels: Mapping[str, np.ndarray],
        paintings: np.ndarray,
        size: int,
        seed: int,
    ) -> None:
        """Check that every set can serve crops of `size` pixels."""
        for name, array in {**images, "paintings": paintings}.items():
            if len(array) == 0 or min(array.shape[1:3]) < size:
                raise DataError(f"{name}: shape {array.shape}, wanted at least one image of {size}x{size}; draw more")
        for name, array in images.items():
            if labels[name].shape != array.shape[:3]:
                raise ShapeError(f"{name}: labels {labels[name].shape}, images {array.shape[:3]}; prepare them alike")
        self.images = [images[name] for name in sorted(images)]
        self.labels = [labels[name] for name in sorted(images)]
        self.paintings = paintings
        self.size = size
        self.random = np.random.default_rng(seed)

    def batch(self, count: int, paintings: float, augmented: float) -> tuple[Tensor, Tensor]:
        """`count` crops, each from a painting with probability `paintings`, the first `augmented` share recoloured.

        Returns images (count, 3, size, size) float32 in [0, 1], channels_last, and labels (count, size, size) int64, all
        void where the crop is from a painting.
        """
        crops = [self._crop(self.random.random() < paintings) for _ in range(count)]
        images = to_tensor(np.stack([image for image, _ in crops]))
        labels = torch.from_numpy(np.stack([label for _, label in crops])).long()
        recoloured = int(count * augmented)
        if recoloured:
            images[:recoloured] = recolour(images[:recoloured], self.random)
        return images, labels

    def _crop(self, painting: bool) -> tuple[np.ndarray, np.ndarray]:
        """One crop and its label, mirrored half of the time."""
        # Sources are drawn with equal odds, so that none counts for more because it has more images.
        source = int(self.random.integers(len(self.images)))
        images = self.paintings if painting else self.images[source]
        index = int(self.random.integers(len(images)))
        top, left = (int(self.random.integers(images.shape[axis] - self.size + 1)) for axis in (1, 2))
        rows, columns = slice(top, top + self.size), slice(left, left + self.size)
        step = -1 if self.random.random() < 0.5 else 1
        image = images[index, rows, columns][:, ::step]
        if painting:
            return image, np.full(image.shape[:2], VOID, np.uint8)
        return image, self.labels[source][index, rows, columns][:, ::step]


def to_tensor(images: np.ndarray) -> Tensor:
    """uint8 RGB (B, H, W, 3) to float32 (B, 3, H, W) in [0, 1], channels_last."""
    tensor = torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2).float() / 255
    return tensor.contiguous(memory_format=torch.channels_last)


def recolour(images: Tensor, random: np.random.Generator) -> Tensor:
    """Turn the hue of each image by any angle, change its contrast by GAIN and each colour by up to OFFSET.

    `images` (B, 3, H, W) in [0, 1].  No hue stays tied to a class, so the encoder cannot leave hue out of its features.
    """
    count = len(images)

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return torch.from_numpy(random.uniform(low, high, (count, *shape))).float()

    angle = uniform(-math.pi, math.pi)
    cosine, sine = angle.cos(), angle.sin() / math.sqrt(3)
    third = (1 - cosine) / 3
    # Rotation about the grey axis (1, 1, 1): a circulant matrix with rows summing to 1.
    same, after, before = cosine + third, third - sine, third + sine
    rows = [same, after, before, before, same, after, after, before, same]
    rotation = torch.stack(rows, 1).view(count, 3, 3)
    turned = torch.einsum("bij,bjhw->bihw", rotation, images - 0.5)
    recoloured = turned * uniform(*GAIN, 1, 1, 1) + uniform(-OFFSET, OFFSET, 3, 1, 1) + 0.5
    return recoloured.clamp(0, 1)
