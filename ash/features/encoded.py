"""Features that are encoded when they are read, in the place of a cache."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ash.contract import Convention
from ash.pixels import scaled
from ash.style.stylizer import Stylizer
from ash.style.view import enter


class Encoded:
    """Features of a prepared set, encoded when they are read: the same as cached ones of storage fp16."""

    def __init__(self, images: Sequence[np.ndarray], stylizer: Stylizer, convention: Convention) -> None:
        self.images, self.stylizer, self.convention = images, stylizer, convention
        self.where = next(stylizer.parameters()).device

    def __len__(self) -> int:
        """Images in the set."""
        return len(self.images)

    def stored(self, indices: Sequence[int] | np.ndarray) -> Tensor:
        """The images, uint8 (B,H,W,3)."""
        return torch.from_numpy(np.stack([self.images[int(i)] for i in indices]))

    def features(self, stored: Tensor) -> Tensor:
        """Features (B,C,h,w), float32, as `encode` makes them."""
        return encode(self.stylizer, self.convention, scaled(stored))

    def read(self, indices: Sequence[int] | np.ndarray) -> Tensor:
        """Both at once, on the stylizer's device."""
        return self.features(self.stored(indices).to(self.where))


@torch.no_grad()
def encode(stylizer: Stylizer, convention: Convention, image: Tensor) -> Tensor:
    """Features (B,C,h,w), float32, of RGB images (B,3,H,W) in [0,1].

    Rounded to fp16 as a cache would hold them, but for the release's, which overflow it.
    """
    features = stylizer.encode(enter(image, convention))
    return features.half().float() if convention == "rgb" else features
