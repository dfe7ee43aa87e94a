"""Batches for the loop, read from prepared images and cached or freshly encoded features."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from ash.contract import Batch, Needs
from ash.pixels import mirrored, to_image
from ash.training import sampler


class Features(Protocol):
    """Encoder features of a set, by index: `ash.features.file.FeatureFile`, or `ash.features.encoded.Encoded` without one."""

    def __len__(self) -> int: ...

    def read(self, indices: Sequence[int] | np.ndarray) -> Tensor:
        """Features (B,C,h,w), float32."""
        ...


class Batches(Protocol):
    """What the loop asks of its feed."""

    def batch(self, step: int) -> Batch:
        """The batch of `step`, a function of the step alone."""
        ...


NOTHING = Needs()


class Feed:
    """The batch of any step, as a function of (seed, step) alone.

    images, labels   indexable by one integer: uint8 (H,W,3) and uint8 (h,w); HDF5 data sets or arrays
    needs            what the method reads besides
    style, content   features of the paintings and of the source images; None unless the method stylises
    targets          indexable unlabelled target images, uint8 (H,W,3); None unless the method needs them
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
        needs: Needs = NOTHING,
        style: Features | None = None,
        content: Features | None = None,
        targets: Sequence[np.ndarray] | None = None,
    ) -> None:
        self.images, self.labels, self.targets = images, labels, targets
        self.style, self.content, self.needs = style, content, needs
        self.seed, self.size, self.stride, self.device = seed, batch, label_stride, device

    def batch(self, step: int) -> Batch:
        """Read the batch of `step`."""
        style, content, targets = self.style, self.content, self.targets
        draw = sampler.draw(
            self.seed,
            step,
            self.size,
            len(self.images),
            0 if style is None else len(style),
            0 if targets is None else len(targets),
            paintings=self.needs.paintings,
            bank=self.needs.bank,
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
            content=None if content is None else content.read(draw.images).to(self.device),
            style=None if style is None else style.read(draw.styles).to(self.device),
            target=None if targets is None else to_image(np.stack([targets[i] for i in draw.targets])).to(self.device),
        )
