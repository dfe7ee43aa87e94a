"""AdvStyle: the mean and deviation of an image's colours take one step up the segmentation loss, and G learns that image too.

Zhong et al., Adversarial Style Augmentation for Domain Generalized Urban-Scene Segmentation, NeurIPS 2022.  There is no
discriminator, no painting and no network but G: six numbers an image are the adversary.

    n        = (x - mu) / sigma,  mu and sigma of each channel of the image               -> decomposed
    mu+      = mu + gamma dL/dmu,  sigma+ = sigma + gamma dL/dsigma,  L = L_seg(G(n sigma + mu), y)   -> climbed
    x+       = n sigma+ + mu+                                                             -> recomposed

    G        L_seg(G(x), y) + L_seg(G(x+), y) + 2 lambda_weight d L_weight

Images are in the units of ImageNet's mean and deviation, in which gamma is 1.  n sigma + mu is x itself, so that the pass
that serves G's first term gives the slopes too: two passes each way, where the published loop takes three.
"""

from collections.abc import Iterator
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from ash.config import Section
from ash.contract import Batch, Method, Needs, Update
from ash.methods._networks import Networks
from ash.pixels import imagenet_normal, imagenet_pixels
from ash.segmentation import losses
from ash.style.adain import channel_statistics


class Settings(Section):
    """Numbers of the method."""

    needs: ClassVar[Needs] = Needs()

    segmentation_loss: losses.SegmentationLoss
    lambda_weight: float = Field(ge=0, description="weight of the heads' likeness")
    step: float = Field(
        ge=0, description="gamma, along the slope of the batch's mean loss, which 4 images share in the paper"
    )


class AdvStyle(Method):
    """The segmenter alone."""

    def __init__(self, settings: Settings, networks: Networks) -> None:
        self.settings, self.segmenter = settings, networks.segmenter
        self.players = {"segmenter": self.segmenter}

    def updates(self, batch: Batch, progress: float) -> Iterator[Update]:
        """Yield G's update on the source, which leaves the slopes, then its update on the harder image."""
        s = self.settings
        normal, mean, deviation = decomposed(batch.image)
        style = (mean.requires_grad_(), deviation.requires_grad_())
        heads = self.segmenter(recomposed(normal, *style))
        terms = {
            "segmentation": losses.segmentation(heads, batch.label, s.segmentation_loss),
            "weight": losses.likeness(self.segmenter, s.lambda_weight, losses.damping(progress)),
        }
        yield Update("segmenter", terms, also=style)
        # L_seg is a sum over the heads, of which the paper's network has one.
        harder = recomposed(normal, *(climbed(values, s.step / len(heads)) for values in style))
        loss = losses.segmentation(self.segmenter(harder), batch.label, s.segmentation_loss)
        yield Update("segmenter", {"segmentation_on_adversarial": loss})


METHOD = AdvStyle


def decomposed(image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """RGB (B,3,H,W) in [0,1] as its normalised form (B,3,H,W), and mean and deviation (B,3,1,1) in ImageNet's units."""
    pixels = imagenet_normal(image)
    mean, deviation = channel_statistics(pixels)
    return (pixels - mean) / deviation, mean, deviation


def recomposed(normal: Tensor, mean: Tensor, deviation: Tensor) -> Tensor:
    """The inverse: RGB (B,3,H,W), not clamped."""
    return imagenet_pixels(normal * deviation + mean).contiguous(memory_format=torch.channels_last)


def climbed(values: Tensor, step: float) -> Tensor:
    """Leaves moved along their gradients, as constants."""
    assert values.grad is not None
    return (values + step * values.grad).detach()
