"""How the caffe models want their images: BGR, 0 to 255, minus the mean of ImageNet.

The published ResNet-101 expects it.  The release of ASH feeds it to the AdaIN encoder too, which expects RGB in [0,1].
"""

import torch
from torch import Tensor

MEAN_BGR = (104.00698793, 116.66876762, 122.67891434)  # ImageNet, 0-255


def to_caffe(image: Tensor) -> Tensor:
    """RGB (B,3,H,W) in [0,1] to BGR, 0-255, minus mean."""
    return image.flip(1) * 255 - _mean(image)


def from_caffe(image: Tensor) -> Tensor:
    """The inverse of `to_caffe`."""
    return ((image + _mean(image)) / 255).flip(1)


def _mean(like: Tensor) -> Tensor:
    return torch.tensor(MEAN_BGR, device=like.device, dtype=like.dtype).view(1, 3, 1, 1)
