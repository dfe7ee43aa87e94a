"""Batches for the loop, read from prepared images and cached or freshly encoded features.

A batch is read on the host and then placed on the device (`ash.training.batches`).
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from ash.contract import Batch, Needs
from ash.labels import N_CLASSES, SUBSETS, VOID
from ash.pixels import mirrored, resized, scaled
from ash.training import regime, sampler
from ash.training.batches import Batches


class Features(Protocol):
    """Encoder features of a set, by index: `ash.features.file.FeatureFile`, or `ash.features.encoded.Encoded` without one."""

    def __len__(self) -> int: ...

    def stored(self, indices: Sequence[int] | np.ndarray) -> Tensor:
        """What the set holds of them, read on the host."""
        ...

    def features(self, stored: Tensor) -> Tensor:
        """Features (B,C,h,w), float32, made of that on the device that it has been moved to."""
        ...


class Content(NamedTuple):
    """What a batch is made of, on the host; images uint8 (B,H,W,3), labels uint8 (B,h,w), the rest as in `Batch`.

    `scales` are the factors that source images and paintings are resized by.
    """

    image: Tensor
    label: Tensor
    mirror: Tensor
    seed: int
    content: Tensor | None
    style: Tensor | None
    target: Tensor | None
    scales: tuple[float, float]


Encode = Callable[[Tensor], Tensor]  # RGB (B,3,H,W) in [0,1] to features
NOTHING = Needs()


class Feed(Batches):
    """The batch of any step, as a function of (seed, step) alone.

    images, labels   indexable by one integer: uint8 (H,W,3) and uint8 (h,w); HDF5 data sets or arrays
    needs            what the method reads besides
    style, content   features of the paintings and of the source images; None unless the method stylises, and for source
                     images that are not shown as they were prepared
    encode           makes features of images as they are shown, where `needs` want that; None unless the method stylises
    targets          indexable unlabelled target images, uint8 (H,W,3); None unless the method needs them
    label_stride     every n-th row and column of a label is kept, starting with the n/2-th
    jitter           whether images, but not labels, are resized by a factor that is drawn for each step
    strong           whether source images are changed, and half of them chosen, as `ash.training.regime` has it
    classes          labels of other classes than these 19, 16 or 13 become void
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
        encode: Encode | None = None,
        targets: Sequence[np.ndarray] | None = None,
        jitter: bool = False,
        strong: bool = False,
        classes: int = N_CLASSES,
    ) -> None:
        self.images, self.labels, self.targets = images, labels, targets
        self.style, self.content, self.needs = style, content, needs
        self.seed, self.size, self.stride, self.device = seed, batch, label_stride, device
        self.encode, self.jitter, self.classes = encode, jitter, classes
        self.index = regime.ClassIndex(labels, classes) if strong else None
        self.one_shape = not jitter and needs.style_images == "prepared"

    def read(self, step: int) -> Content:
        """Draw the batch of `step` and read what it is made of."""
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
        images, labels = zip(*self._samples(step, draw.images), strict=True)
        start = self.stride // 2
        factors = sampler.jitter(self.seed, step)
        return Content(
            image=torch.from_numpy(np.stack(images)),
            label=torch.from_numpy(np.stack([label[start :: self.stride, start :: self.stride] for label in labels])),
            mirror=torch.from_numpy(draw.mirror),
            seed=draw.noise_seed,
            content=None if content is None else content.stored(draw.images),
            style=None if style is None else style.stored(draw.styles),
            target=None if targets is None else torch.from_numpy(np.stack([targets[i] for i in draw.targets])),
            scales=(factors[0] if self.jitter else 1.0, factors[1]),
        )

    def _samples(self, step: int, chosen: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """Images uint8 (H,W,3) and labels uint8 (h,w) of a step: those that were chosen, or what the strong regime makes."""
        if self.index is None:
            return [(self.images[i], self.labels[i]) for i in chosen]
        changes = regime.draw(self.seed, step, chosen, self.index)
        return [regime.changed(self.images[c.image], self.labels[c.image], c) for c in changes]

    def shown(self) -> Batch:
        """One image, as it is, without features: that of `sampler.most_classes`.  No random number has a part in it."""
        index = sampler.most_classes(self.labels)
        start = self.stride // 2
        return self.place(
            Content(
                image=torch.from_numpy(self.images[index][None]),
                label=torch.from_numpy(self.labels[index][None, start :: self.stride, start :: self.stride]),
                mirror=torch.zeros(1, dtype=torch.bool),
                seed=0,
                content=None,
                style=None,
                target=None,
                scales=(1.0, 1.0),
            )
        )

    def place(self, content: Content) -> Batch:
        """Move it to the device, without waiting, and make floats of bytes and features of images there."""
        mirror, size = self._moved(content.mirror), (content.image.shape[1], content.image.shape[2])
        image = resized(scaled(self._moved(content.image)), _times(size, content.scales[0]))
        image = mirrored(image, mirror).contiguous(memory_format=torch.channels_last)
        return Batch(
            image=image,
            label=mirrored(self._learnt(self._moved(content.label).to(torch.int64)), mirror),
            mirror=torch.zeros_like(mirror) if self.needs.encode_mirrored else mirror,
            generator=torch.Generator(self.device).manual_seed(content.seed),
            content=self._content(content.content, image, mirror),
            style=self._style(content.style, _times(size, content.scales[1])),
            target=None if content.target is None else scaled(self._moved(content.target)),
        )

    def _moved(self, values: Tensor) -> Tensor:
        return values.to(self.device, non_blocking=True)

    def _content(self, stored: Tensor | None, image: Tensor, mirror: Tensor) -> Tensor | None:
        """Features of the source images: made of what is stored, or of what is shown, mirrored back or not."""
        if self.content is not None and stored is not None:
            return self.content.features(self._moved(stored))
        if self.encode is None:
            return None
        return self.encode(image if self.needs.encode_mirrored else mirrored(image, mirror))

    def _style(self, stored: Tensor | None, size: tuple[int, int]) -> Tensor | None:
        """Features of the paintings, as they are stored, or of these images brought to (height, width) `size`."""
        if self.style is None or stored is None:
            return None
        if self.encode is None or self.needs.style_images == "prepared":
            return self.style.features(self._moved(stored))
        return self.encode(resized(scaled(self._moved(stored)), size))

    def _learnt(self, label: Tensor) -> Tensor:
        """Train ids int64 (B,h,w); those of classes that are not learnt become void."""
        if self.classes == N_CLASSES:
            return label
        learnt = torch.tensor(SUBSETS[self.classes], device=label.device)
        return torch.where(torch.isin(label, learnt), label, VOID)


def _times(size: tuple[int, int], factor: float) -> tuple[int, int]:
    """A size times a factor, rounded down as in the releases."""
    return int(size[0] * factor), int(size[1] * factor)


class _Joined(Sequence[np.ndarray]):
    """Two sets of images or labels in a row."""

    def __init__(self, first: Sequence[np.ndarray], second: Sequence[np.ndarray]) -> None:
        self.first, self.second = first, second

    def __len__(self) -> int:
        return len(self.first) + len(self.second)

    def __getitem__(self, index: Any) -> Any:
        beyond = int(index) - len(self.first)
        return self.first[int(index)] if beyond < 0 else self.second[beyond]


def joined(sets: Sequence[Sequence[np.ndarray]]) -> Sequence[np.ndarray]:
    """One set as it is, or two in a row."""
    return sets[0] if len(sets) == 1 else _Joined(*sets)
