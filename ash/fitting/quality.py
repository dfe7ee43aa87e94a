"""How well a stylizer does: four numbers, and a picture to look at."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ash.fitting.crops import to_tensor
from ash.style.adain import adain, channel_statistics
from ash.style.stylizer import Stylizer


@torch.no_grad()
def quality(stylizer: Stylizer, contents: np.ndarray, paintings: np.ndarray) -> dict[str, float]:
    """Judge on images that the fit has not seen, as many contents as paintings, uint8 RGB (N, H, W, 3).

    l1_source, l1_paintings   mean absolute error of decode(encode(x)), images in [0, 1]
    style_left                distance of the re-encoded statistics from AdaIN's target at alpha 1, over that before
    content_error             root mean square of re-encoded minus target features, over the target's deviation
    """
    content, style = to_tensor(contents), to_tensor(paintings)
    content_features, style_features = stylizer.encode(content), stylizer.encode(style)
    target = adain(content_features, style_features)
    again = stylizer.encode(stylizer.decode(target).clamp(0, 1))
    error = (again - target).square().mean((1, 2, 3)).sqrt() / target.std((1, 2, 3))
    return {
        "l1_source": functional.l1_loss(stylizer.decode(content_features), content).item(),
        "l1_paintings": functional.l1_loss(stylizer.decode(style_features), style).item(),
        "style_left": (_distance(again, target) / _distance(content_features, target)).mean().item(),
        "content_error": error.mean().item(),
    }


@torch.no_grad()
def montage(stylizer: Stylizer, contents: np.ndarray, paintings: np.ndarray) -> np.ndarray:
    """A picture, uint8 RGB: the paintings on top, then two rows for each content, at alpha 0.5 and 1.

    The first column holds the content and, below it, its reconstruction.  All images share one size.
    """
    blank = np.full_like(paintings[0], 255)
    rows = [np.concatenate([blank, *paintings], axis=1)]
    style_features = stylizer.encode(to_tensor(paintings))
    for content in contents:
        features = stylizer.encode(to_tensor(content[None]))
        repeated = features.expand(len(paintings), -1, -1, -1)
        reconstruction = to_bytes(stylizer.decode(features))[0]
        for first, alpha in ((content, 0.5), (reconstruction, 1.0)):
            restyled = to_bytes(stylizer.stylise(repeated, style_features, alpha))
            rows.append(np.concatenate([first, *restyled], axis=1))
    return np.concatenate(rows)


def to_bytes(images: Tensor) -> np.ndarray:
    """Float RGB (B, 3, H, W) to uint8 (B, H, W, 3), clamped to [0, 1] and rounded."""
    scaled = (images.float().clamp(0, 1) * 255).round().byte()
    return scaled.permute(0, 2, 3, 1).cpu().numpy()


def _distance(first: Tensor, second: Tensor) -> Tensor:
    """Euclidean distance of the statistics of each sample, (B,)."""
    (mean, deviation), (other_mean, other_deviation) = channel_statistics(first), channel_statistics(second)
    squares = (mean - other_mean).square() + (deviation - other_deviation).square()
    return squares.sum((1, 2, 3)).sqrt()
