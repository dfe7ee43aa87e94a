"""Batches for the loop, read from prepared images and cached or freshly encoded features."""

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from ash.recipe import Batch, mirrored
from ash.training import sampler


class Features(Protocol):
    """Encoder features of a set, by index (`ash.features.FeatureFile`)."""

    def __len__(self) -> int: ...

    def read(self, indices: Sequence[int] | np.ndarray) -> Tensor:
        """Features (B,C,h,w), float32."""
        ...


def to_image(pixels: np.ndarray) -> Tensor:
    """uint8 RGB (B,H,W,3) to float32 (B,3,H,W) in [0,1], channels last in memory."""
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).to(torch.float32, memory_format=torch.channels_last).div_(255)


class Feed:
    """The batch of any step, as a function of (seed, step) alone.

    images, labels   indexable by one integer: uint8 (H,W,3) and uint8 (h,w); HDF5 data sets or arrays
    style            features of the paintings, or None
    content          features of the source images, or a function that encodes (B,3,H,W) images, or None
    targets          indexable unlabelled target images, or None
    label_stride     every n-th row and column of a label is kept, starting with the n/2-th
    """

    def __init__(
        self,
        images: Sequence[np.ndarray],
        labels: Sequence[np.ndarray],
        *,
        seed: int,
        batch: int,
        label_stride: int,
        device: torch.device,
        style: Features | None = None,
        content: Features | Callable[[Tensor], Tensor] | None = None,
        targets: Sequence[np.ndarray] | None = None,
    ) -> None:
        self.images, self.labels, self.targets = images, labels, targets
        self.style, self.content = style, content
        self.seed, self.size, self.stride, self.device = seed, batch, label_stride, device

    def batch(self, step: int) -> Batch:
        """Read the batch of `step`."""
        style, targets = self.style, self.targets
        draw = sampler.draw(
            self.seed,
            step,
            self.size,
            len(self.images),
            0 if style is None else len(style),
            0 if targets is None else len(targets),
        )
        image = to_image(np.stack([self.images[i] for i in draw.images])).to(self.device)
        start = self.stride // 2
        rows = [self.labels[i][start :: self.stride, start :: self.stride] for i in draw.images]
        label = torch.from_numpy(np.stack(rows)).to(self.device, torch.int64)
        mirror = torch.from_numpy(draw.mirror).to(self.device)
        return Batch(
            image=mirrored(image, mirror).contiguous(memory_format=torch.channels_last),
            label=mirrored(label, mirror),
            mirror=mirror,
            generator=torch.Generator(self.device).manual_seed(draw.noise_seed),
            content=self._content(draw.images, image),
            style=None if style is None else style.read(draw.styles).to(self.device),
            target=None if targets is None else to_image(np.stack([targets[i] for i in draw.targets])).to(self.device),
        )

    def _content(self, indices: np.ndarray, image: Tensor) -> Tensor | None:
        if self.content is None:
            return None
        if callable(self.content):
            return self.content(image)
        return self.content.read(indices).to(self.device)
