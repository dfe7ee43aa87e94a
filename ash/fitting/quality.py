"""How well a stylizer does, in four numbers."""

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


def _distance(first: Tensor, second: Tensor) -> Tensor:
    """Euclidean distance of the statistics of each sample, (B,)."""
    (mean, deviation), (other_mean, other_deviation) = channel_statistics(first), channel_statistics(second)
    squares = (mean - other_mean).square() + (deviation - other_deviation).square()
    return squares.sum((1, 2, 3)).sqrt()
