"""GTR-LTR: every image in the texture of a painting, whole and in patches, should be segmented right and alike.

Peng et al., Global and Local Texture Randomization for Synthetic-to-Real Semantic Segmentation, TIP 2021 (leolyj/GTR-LTR).
Of all published rivals it has the most in common with ASH: the paintings, AdaIN and the network, but no adversary.

    x_g = Dec(AdaIN(f_c, f_s)), with the alpha of the other methods           global texture  -> stylise
    M   = 1 where blurred noise exceeds its quantile of p, else 0                             -> noise_mask
    x_l = (1 - M) x_g + M x                                                   local texture

    L   = L_seg(G(x_g), y) + L_seg(G(x_l), y) + lambda_con JSD(G(x_g), G(x_l)) + 2 lambda_weight d L_weight

    JSD -> jensen_shannon

The released code trains on x_l alone and has no consistency; the divergence and its weight are OURS, in the place of the
paper's consistency between GTR and LTR.
"""

import math
from collections.abc import Iterator
from statistics import NormalDist
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from ash.config import Section
from ash.contract import Batch, Method, Needs, Update
from ash.methods._consistency import jensen_shannon
from ash.methods._networks import Networks, stated
from ash.segmentation import losses
from ash.style.view import stylise

Pixels = Annotated[float, Field(gt=0, le=1000)]


class Settings(Section):
    """Numbers of the method."""

    needs: ClassVar[Needs] = Needs(paintings=1)

    segmentation_loss: losses.SegmentationLoss
    lambda_weight: float = Field(ge=0, description="weight of the heads' likeness")
    alpha: float = Field(ge=0, le=1, description="share of the style in the decoded features")
    stylised_share: float = Field(gt=0, lt=1, description="p, share of x_l that has the painting's texture")
    blur: tuple[Pixels, Pixels] = Field(description="least and largest sigma of the noise's blur, in pixels")
    lambda_con: float = Field(ge=0, description="weight of the two predictions' divergence")


class Gtr(Method):
    """The segmenter alone."""

    def __init__(self, settings: Settings, networks: Networks) -> None:
        self.settings, self.segmenter = settings, networks.segmenter
        self.stylizer = stated(networks.stylizer, "paintings")
        self.players = {"segmenter": self.segmenter}

    def updates(self, batch: Batch, progress: float) -> Iterator[Update]:
        """Yield the one update; the whole source image never passes G."""
        s = self.settings
        everywhere = stylise(self.stylizer, batch, s.alpha)
        own = noise_mask(batch, s.blur, s.stylised_share)
        views = [self.segmenter(image) for image in (everywhere, torch.where(own, batch.image, everywhere))]
        of_global, of_local = (losses.segmentation(heads, batch.label, s.segmentation_loss) for heads in views)
        yield Update(
            "segmenter",
            {
                "segmentation_global": of_global,
                "segmentation_local": of_local,
                "consistency": s.lambda_con * jensen_shannon(views),
                "weight": losses.likeness(self.segmenter, s.lambda_weight, losses.damping(progress)),
            },
        )


METHOD = Gtr


def noise_mask(batch: Batch, blur: tuple[float, float], share: float) -> Tensor:
    """M, where an image keeps its own texture, (B,1,H,W) bool: a share of 1 - `share` on average, one mask for each image.

    CowMix's mask (French et al. 2020), as the released code has it: sigma is drawn log-uniformly between the two of `blur`,
    and the quantile is that of a normal distribution with the blurred noise's own mean and deviation.  The blur is a product
    in the Fourier domain, so that it goes round the image's edges, which the released one mirrors.
    """
    count, _, height, width = batch.image.shape
    where, generator = batch.image.device, batch.generator
    least, largest = (math.log(sigma) for sigma in blur)
    sigma = (least + (largest - least) * torch.rand((count, 1, 1), generator=generator, device=where)).exp()
    noise = torch.randn((count, height, width), generator=generator, device=where)
    squares = torch.fft.fftfreq(height, device=where)[:, None] ** 2 + torch.fft.rfftfreq(width, device=where) ** 2
    passing = (-2 * (math.pi * sigma) ** 2 * squares).exp()  # the transform of a Gaussian of that sigma
    blurred = torch.fft.irfft2(torch.fft.rfft2(noise) * passing, (height, width))
    deviation, mean = torch.std_mean(blurred, (1, 2), keepdim=True)
    return (blurred > mean + NormalDist().inv_cdf(share) * deviation)[:, None]
