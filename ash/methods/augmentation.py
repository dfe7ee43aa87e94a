"""Controls that the paper does not have: a second view of each source image, with no adversary.

    L = L_seg(G(x), y) + w L_seg(G(v), y) + 2 lambda_weight d L_weight

`view: stylised` is the AdaIN image of CLAN's and ASH's rows, `colour_jitter` a random gain and offset a channel with
noise: what it reaches is what photometry alone explains.  Later rivals train on views of these kinds in the place of x:

    pasta         a perturbed amplitude spectrum            -> pasta
    random_conv   the image mixed with a random convolution -> random_conv

With w = 0 the view only passes through train-mode BatchNorm, which is the control for "adversarial only": it shows what
stylised images do without any loss on them.
"""

from collections.abc import Iterator
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from ash.config import Section
from ash.contract import Batch, Method, Needs, Update
from ash.methods._networks import Networks, stated
from ash.methods._views import pasta, random_conv
from ash.segmentation import losses
from ash.style.view import stylise

GAIN = (0.4, 1.6)  # of each channel, about mid-grey
OFFSET = 0.25  # largest shift of a channel, of the range [0,1]
NOISE = 0.05  # largest deviation of the noise, of the range [0,1]


class Settings(Section):
    """Numbers of the control."""

    segmentation_loss: losses.SegmentationLoss
    lambda_weight: float = Field(ge=0, description="weight of the heads' likeness")
    alpha: float = Field(ge=0, le=1, description="share of the style in the decoded features")
    view: Literal["stylised", "colour_jitter", "pasta", "random_conv"] = Field(description="what the second view is")
    segmentation_on_view: float = Field(ge=0, description="weight of its loss; 0: through BatchNorm only")

    @property
    def needs(self) -> Needs:
        """A painting for each image, if the view is stylised."""
        return Needs(paintings=int(self.view == "stylised"))


class Augmentation(Method):
    """The segmenter alone."""

    def __init__(self, settings: Settings, networks: Networks) -> None:
        self.settings, self.segmenter, self.stylizer = settings, networks.segmenter, networks.stylizer
        self.players = {"segmenter": self.segmenter}

    def updates(self, batch: Batch, progress: float) -> Iterator[Update]:
        """Yield the one update."""
        s = self.settings
        heads = self.segmenter(batch.image)
        terms = {"segmentation": losses.segmentation(heads, batch.label, s.segmentation_loss)}
        if s.segmentation_on_view:
            view_loss = losses.segmentation(self.segmenter(self.view(batch)), batch.label, s.segmentation_loss)
            terms["segmentation_on_view"] = s.segmentation_on_view * view_loss
        else:
            with torch.no_grad():
                self.segmenter(self.view(batch))
        terms["weight"] = losses.likeness(self.segmenter, s.lambda_weight, losses.damping(progress))
        yield Update("segmenter", terms)

    @torch.no_grad()
    def view(self, batch: Batch) -> Tensor:
        """The second view (B,3,H,W), mirrored as the batch is."""
        if self.settings.view == "stylised":
            return stylise(stated(self.stylizer, "paintings"), batch, self.settings.alpha)
        make = {"colour_jitter": jitter, "pasta": pasta, "random_conv": random_conv}[self.settings.view]
        return make(batch.image, batch.generator)


METHOD = Augmentation


def jitter(image: Tensor, generator: torch.Generator) -> Tensor:
    """A random gain and offset for each image and channel, and noise of random strength for each image; in [0,1]."""

    def uniform(channels: int) -> Tensor:
        return torch.rand(len(image), channels, 1, 1, generator=generator, device=image.device)

    low, high = GAIN
    gain, offset = low + (high - low) * uniform(3), OFFSET * (2 * uniform(3) - 1)
    grain = torch.randn(image.shape, generator=generator, device=image.device) * NOISE * uniform(1)
    jittered = ((image - 0.5) * gain + 0.5 + offset + grain).clamp(0, 1)
    return jittered.contiguous(memory_format=torch.channels_last)
