"""Features that are encoded when they are read, in the place of a cache."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ash.contract import Convention
from ash.pixels import to_image
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

    @torch.no_grad()
    def read(self, indices: Sequence[int] | np.ndarray) -> Tensor:
        """Features (B,C,h,w), float32, rounded to fp16 as a cache would hold them (not the release's, which overflow it)."""
        image = to_image(np.stack([self.images[int(i)] for i in indices])).to(self.where)
        features = self.stylizer.encode(enter(image, self.convention))
        return features.half().float() if self.convention == "rgb" else features
