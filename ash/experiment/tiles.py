"""A network's logits of a picture that is too large to be seen at once: tiles that overlap, and their weighted mean.

mmsegmentation's sliding window takes the plain mean of overlapping tiles; here a tile counts less towards its borders,
where it sees less around a pixel, so that no seam shows.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from ash.files.images import Size

SHARE = 4  # neighbouring tiles share one part in so many of a side


def spans(length: int, tile: int) -> list[slice]:
    """Equal parts of `tile` pixels that cover `length`, evenly spread, each sharing a quarter or more with the next."""
    if length <= tile:
        return [slice(0, length)]
    count = -(-(length - tile) // (tile - tile // SHARE)) + 1
    starts = [round(k * (length - tile) / (count - 1)) for k in range(count)]
    return [slice(start, start + tile) for start in starts]


def tiled(predict: Callable[[Tensor], Tensor], image: Tensor, tile: Size) -> Tensor:
    """Logits (1,K,H,W) float32 in main memory of an image (1,3,H,W), seen in tiles of (width, height) `tile`.

    `predict` gives a tile's logits at any size; they are brought to the tile's own bilinearly with aligned corners.
    """
    height, width = image.shape[2:]
    total: Tensor | None = None
    weight = torch.zeros(1, 1, height, width)
    for rows in spans(height, tile[1]):
        for columns in spans(width, tile[0]):
            part = image[:, :, rows, columns]
            logits = predict(part).float()
            logits = functional.interpolate(logits, part.shape[2:], mode="bilinear", align_corners=True).cpu()
            share = torch.outer(_ramp(part.shape[2]), _ramp(part.shape[3]))
            if total is None:
                total = torch.zeros(1, logits.shape[1], height, width)
            total[:, :, rows, columns] += logits * share
            weight[:, :, rows, columns] += share
    assert total is not None, "every picture has a tile"
    return total / weight


def _ramp(length: int) -> Tensor:
    """How much each pixel of a tile's side counts: less towards both ends, within what neighbours share."""
    place = torch.arange(length)
    nearest = torch.minimum(place, length - 1 - place) + 1
    return nearest.clamp(max=max(1, length // SHARE)).float()
