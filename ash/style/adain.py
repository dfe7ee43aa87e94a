"""Adaptive instance normalisation, and the distance between styles.

Huang & Belongie, Arbitrary Style Transfer in Real-Time with Adaptive Instance Normalization, ICCV 2017.

    eq. 8   AdaIN(x, y) = sigma(y) (x - mu(x)) / sigma(x) + mu(y)                      -> adain
    eq. 13  L_s = |mu(a) - mu(b)|^2 + |sigma(a) - sigma(b)|^2, here as means of squares -> statistics_distance
"""

from typing import Literal

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
    features = features.float()
    mean = features.mean((2, 3), keepdim=True)
    # Two passes: Tensor.var goes pixel by pixel (Welford) on a CPU and takes ten times as long.
    pixels = features.shape[2] * features.shape[3]
    variance = (features - mean).square().sum((2, 3), keepdim=True) / (pixels - 1)
    return mean, (variance + eps).sqrt()


def adain(content: Tensor, style: Tensor) -> Tensor:
    """Give `content` the channel mean and spread of `style`.

    Both (B, C, H, W) features of one encoder; H and W may differ.  The result is float32 and has the content's size.
    Raises ShapeError if B or C differ.  Huang & Belongie 2017, eq. 8.
    """
    if content.shape[:2] != style.shape[:2]:
        raise ShapeError(
            f"adain: content {tuple(content.shape)} and style {tuple(style.shape)} must agree in batch and channels"
        )
    content_mean, content_std = channel_statistics(content)
    style_mean, style_std = channel_statistics(style)
    scale = style_std / content_std
    return content.float() * scale + (style_mean - content_mean * scale)


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
