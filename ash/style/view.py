"""From images to features and back to the image that the segmenter sees, in one orientation and one convention."""

from typing import Any, Literal

import torch
from torch import Tensor

from ash.contract import Batch, Convention, Needs
from ash.errors import ShapeError
from ash.pixels import from_caffe, mirrored, to_caffe
from ash.style.adain import adain
from ash.style.noise import NoiseForm, perturb
from ash.style.stylizer import Stylizer

Against = Literal["stylised", "target"]  # what plays the target's part in a method of domain adaptation


def enter(image: Tensor, convention: Convention) -> Tensor:
    """RGB (B,3,H,W) in [0,1] as it enters the encoder.

    "release": BGR, mean-subtracted, about +-128, as the release of ASH feeds a VGG that expects RGB in [0,1].  A net of
    ReLUs is nearly homogeneous, so features come out some hundred times larger (156 for the miniature's pair), and the
    decoder gives them back in the same units; what the sub-losses weigh changes by the square of that.
    """
    return image if convention == "rgb" else to_caffe(image)


def content_of(batch: Batch) -> Tensor:
    """The source's features of a batch; ShapeError if it was made without them."""
    if batch.content is None:
        raise ShapeError(
            "batch: holds no features of the source; the method must state the paintings or anchor that it needs"
        )
    return batch.content


def given(batch: Batch) -> tuple[Tensor, Tensor]:
    """The content and style features of a batch; ShapeError if it was made without them."""
    if batch.style is None:
        raise ShapeError("batch: holds no features of paintings; the method must state the paintings that it needs")
    return content_of(batch), batch.style


def view(decoded: Tensor, batch: Batch, convention: Convention = "rgb") -> Tensor:
    """The decoder's output (B,3,H,W) as the segmenter sees it: RGB within [0,1] and mirrored like the source image.

    Clamping stops the gradient where the decoder overshoots.  Features of odd-sized images decode to a few pixels more than
    the image has; those are cut.  The release feeds the raw output, so "release" neither clamps nor cuts.
    """
    height, width = batch.image.shape[2:]
    decoded = decoded.float()
    image = from_caffe(decoded) if convention == "release" else decoded[:, :, :height, :width].clamp(0, 1)
    return mirrored(image, batch.mirror).contiguous(memory_format=torch.channels_last)


@torch.no_grad()
def stylise(stylizer: Stylizer, batch: Batch, alpha: float, noise: NoiseForm = "none") -> Tensor:
    """The source images in the style of their paintings, Dec(alpha AdaIN(f_c, Z f_s) + (1 - alpha) f_c), (B,3,H,W).

    Constants to every method that has no part in making them.  AdaIN as in ASH's Table 5, "+ stylisation".
    """
    content, style = given(batch)
    mixed = adain(content, perturb(style, noise, batch.generator))
    return view(stylizer.decode(torch.lerp(content, mixed, alpha)), batch)


def needs_of(against: Against, **networks: Any) -> Needs:
    """What `others` reads, and the networks that a method needs besides."""
    return Needs(paintings=int(against == "stylised"), target=against == "target", **networks)


def others(
    against: Against, stylizer: Stylizer | None, batch: Batch, alpha: float, noise: NoiseForm = "none"
) -> Tensor:
    """The images (B,3,.,.) in the target's part: the stylised source, or real target images without their labels."""
    if against == "stylised" and stylizer is not None:
        return stylise(stylizer, batch, alpha, noise)
    if batch.target is None:
        raise ShapeError("batch: holds no target images; the experiment must name a target")
    return batch.target
