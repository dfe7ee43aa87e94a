"""Adaptive instance normalisation, and the distance between styles.

Huang & Belongie, Arbitrary Style Transfer in Real-Time with Adaptive Instance Normalization, ICCV 2017.

    eq. 8   AdaIN(x, y) = sigma(y) (x - mu(x)) / sigma(x) + mu(y)                      -> adain, restyled
    eq. 13  L_s = |mu(a) - mu(b)|^2 + |sigma(a) - sigma(b)|^2, here as means of squares -> statistics_distance
"""

from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional

from ash.errors import ShapeError

Statistics = Literal["mean", "mean_std"]


def channel_statistics(features: Tensor, eps: float = 1e-5) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation over the pixels of each sample and channel.

    `features` (B, C, H, W), any float type; both results are (B, C, 1, 1) float32.  The variance is unbiased and `eps` is
    added inside the root, as in the authors' code.
    """
    # bf16 sums over a thousand pixels keep two digits; the statistics are the whole of a style, so they get float32.
    mean, std = _Statistics.apply(features.float(), eps)  # type: ignore[no-untyped-call]
    return mean, std


class _Statistics(torch.autograd.Function):
    """Mean and deviation with a gradient in one pass: of mu it is 1/n, of sigma (x - mu) / (sigma (n - 1)), for each pixel.

    Built of PyTorch's operators it takes six passes over the features, a tenth of a step of ASH on small images.
    """

    @staticmethod
    def forward(ctx: Any, features: Tensor, eps: float) -> tuple[Tensor, Tensor]:
        mean = features.mean((2, 3), keepdim=True)
        # Two passes: Tensor.var goes pixel by pixel (Welford) on a CPU and takes ten times as long.
        pixels = features.shape[2] * features.shape[3]
        variance = (features - mean).square_().sum((2, 3), keepdim=True) / (pixels - 1)
        std = (variance + eps).sqrt()
        ctx.save_for_backward(features, mean, std)
        return mean, std

    @staticmethod
    def backward(ctx: Any, of_mean: Tensor, of_std: Tensor) -> tuple[Tensor, None]:
        features, mean, std = ctx.saved_tensors
        pixels = features.shape[2] * features.shape[3]
        slope = of_std / (std * (pixels - 1))
        return torch.addcmul(of_mean / pixels - mean * slope, features, slope), None


def adain(content: Tensor, style: Tensor) -> Tensor:
    """Give `content` the channel mean and spread of `style`.

    Both (B, C, H, W) features of one encoder; H and W may differ.  The result is float32 and has the content's size.
    Raises ShapeError if B or C differ.  Huang & Belongie 2017, eq. 8.
    """
    if content.shape[:2] != style.shape[:2]:
        raise ShapeError(
            f"adain: content {tuple(content.shape)} and style {tuple(style.shape)} must agree in batch and channels"
        )
    return restyled(content, channel_statistics(content), channel_statistics(style))


def restyled(features: Tensor, own: tuple[Tensor, Tensor], new: tuple[Tensor, Tensor]) -> Tensor:
    """Features (B,C,h,w) with `new` means and deviations in the place of their `own`, each (B,C,1,1); float32."""
    scale = new[1] / own[1]
    return torch.addcmul(new[0] - own[0] * scale, features.float(), scale)


def statistics_distance(first: Tensor, second: Tensor, statistics: Statistics) -> Tensor:
    """How far apart two feature maps are in style: MSE of the means, plus MSE of the deviations for "mean_std".

    Both (B, C, H, W); H and W may differ.  A scalar.  ASH eq. 8 and 9 print the means only; the authors' code, and AdaIN
    which they cite for it, have both.  Statistics are taken at each map's own size: the release first resizes one map to
    the other's, which only biases its deviation.
    """
    first_mean, first_std = channel_statistics(first)
    second_mean, second_std = channel_statistics(second)
    distance = functional.mse_loss(first_mean, second_mean)
    if statistics == "mean_std":
        distance = distance + functional.mse_loss(first_std, second_std)
    return distance
