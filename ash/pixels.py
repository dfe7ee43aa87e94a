"""Images as tensors: bytes to floats, mirroring, and the form in which the caffe models want them."""

from functools import cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

MEAN_BGR = (104.00698793, 116.66876762, 122.67891434)  # ImageNet's mean, BGR, 0-255, of the caffe models
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # RGB in [0,1], of torchvision's weights


def to_image(pixels: np.ndarray) -> Tensor:
    """uint8 RGB (B,H,W,3) to float32 (B,3,H,W) in [0,1], channels last in memory."""
    return scaled(torch.from_numpy(pixels))


def scaled(pixels: Tensor) -> Tensor:
    """The same of a tensor, on its device."""
    return pixels.permute(0, 3, 1, 2).to(torch.float32, memory_format=torch.channels_last).div_(255)


def mirrored(values: Tensor, mirror: Tensor) -> Tensor:
    """Flip the last axis of those samples of `values` (B,...,W) that `mirror` (B,) names; its own inverse."""
    return torch.where(mirror.view(-1, *[1] * (values.dim() - 1)), values.flip(-1), values)


def resized(image: Tensor, size: tuple[int, int]) -> Tensor:
    """RGB (B,3,H,W) in [0,1] at (height, width), bicubic as Pillow resizes, channels last in memory."""
    if tuple(image.shape[2:]) == size:
        return image
    smooth = functional.interpolate(image, size, mode="bicubic", antialias=True).clamp(0, 1)
    return smooth.contiguous(memory_format=torch.channels_last)


def to_caffe(image: Tensor) -> Tensor:
    """RGB (B,3,H,W) in [0,1] to BGR, 0-255, minus the mean of ImageNet.

    The published ResNet-101 expects it.  The release of ASH feeds it to the AdaIN encoder too, which expects RGB in [0,1].
    """
    return image.flip(1) * 255 - _mean(image.device, image.dtype)


def from_caffe(image: Tensor) -> Tensor:
    """The inverse of `to_caffe`."""
    return ((image + _mean(image.device, image.dtype)) / 255).flip(1)


def imagenet_normal(image: Tensor) -> Tensor:
    """RGB (B,3,H,W) in [0,1] less ImageNet's mean, over its deviation: the units of torchvision's weights."""
    mean, deviation = _moments(image.device, image.dtype)
    return (image - mean) / deviation


def imagenet_pixels(normal: Tensor) -> Tensor:
    """The inverse of `imagenet_normal`."""
    mean, deviation = _moments(normal.device, normal.dtype)
    return normal * deviation + mean


@cache
def _mean(where: torch.device, kind: torch.dtype) -> Tensor:
    """Made once: to bring three numbers to a GPU waits for all that it has to do."""
    with torch.inference_mode(False):
        return torch.tensor(MEAN_BGR, device=where, dtype=kind).view(1, 3, 1, 1)


@cache
def _moments(where: torch.device, kind: torch.dtype) -> tuple[Tensor, Tensor]:
    """ImageNet's mean and deviation as torchvision has them; made once, as `_mean`."""
    with torch.inference_mode(False):
        mean, deviation = torch.tensor([IMAGENET_MEAN, IMAGENET_STD], device=where, dtype=kind).view(2, 1, 3, 1, 1)
        return mean, deviation
