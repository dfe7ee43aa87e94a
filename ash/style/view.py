"""From features to the image that the segmenter sees, and back to one orientation."""

import torch
from torch import Tensor

from ash.errors import ShapeError
from ash.recipe import Batch, mirrored


def given(batch: Batch) -> tuple[Tensor, Tensor]:
    """The content and style features of a batch; ShapeError if it was made without them."""
    if batch.content is None or batch.style is None:
        raise ShapeError("batch: holds no features, wanted content and style; a recipe must name style among its needs")
    return batch.content, batch.style


def view(decoded: Tensor, batch: Batch) -> Tensor:
    """The decoder's output (B,3,H,W) as the segmenter sees it: within [0,1] and mirrored like the source image.

    Clamping stops the gradient where the decoder overshoots; the release feeds the raw output.  Features of odd-sized
    images decode to a few pixels more than the image has; those are cut.
    """
    height, width = batch.image.shape[2:]
    image = mirrored(decoded.float()[:, :, :height, :width].clamp(0, 1), batch.mirror)
    return image.contiguous(memory_format=torch.channels_last)
