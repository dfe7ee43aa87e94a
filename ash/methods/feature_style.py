"""MixStyle and DSU: the style of feature maps is mixed, or moved, after stages of the segmenter.

A style is the mean mu and the deviation sigma of every channel over the pixels of a map F.

    F'  = sigma' (F - mu) / sigma + mu'                                                       -> adain.restyled

`kind: mixstyle`, Zhou et al., Domain Generalization with MixStyle, ICLR 2021; code KaiyangZhou/mixstyle-release:
    mu' = lambda mu(x) + (1 - lambda) mu(x~), sigma' likewise, lambda ~ Beta(alpha, alpha) for each image, x~ another
    image of the batch; mu and sigma are constants                                            -> mixed
`kind: dsu`, Li et al., Uncertainty Modeling for Out-of-Distribution Generalization, ICLR 2022; code lixiaotong97/DSU:
    mu' = mu + e1 s(mu), sigma' = sigma + e2 s(sigma), e ~ N(0, 1) for each image and channel, s the deviation over the
    images of the batch; gradients pass mu, sigma and s                                       -> uncertain

    L   = L_seg(G(x), y) + 2 lambda_weight d L_weight, with F' in the place of F at each of `places` with `probability`

Departures.  In a batch of one image, as at the paper's scale, MixStyle's x~ is the image of the step before, and s is a
running estimate over images (-> Recent).  DSU's sixth place, between the first convolution and its BatchNorm, is left out.
Both papers' heads, sizes and recipes are replaced by those of every row here.
"""

from collections.abc import Iterator
from functools import partial
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from ash.config import Section
from ash.contract import Batch, Method, Needs, Update
from ash.methods._networks import Networks
from ash.segmentation import losses
from ash.segmentation.deeplab import Place
from ash.style.adain import channel_statistics, restyled
from ash.style.mixture import dirichlet

EPS = 1e-6  # inside the roots, as in both releases
RATE = 0.01  # of the running estimate, once it has seen 100 images; ours

Style = tuple[Tensor, Tensor]  # means and deviations, (B,C,1,1) each


class Settings(Section):
    """Numbers of the method."""

    needs: ClassVar[Needs] = Needs()

    segmentation_loss: losses.SegmentationLoss
    lambda_weight: float = Field(ge=0, description="weight of the heads' likeness")
    kind: Literal["mixstyle", "dsu"] = Field(description="how the new style is found")
    places: tuple[Place, ...] = Field(min_length=1, description="after which parts of the backbone styles change")
    probability: float = Field(ge=0, le=1, description="of a change, drawn for each place and step")
    concentration: float = Field(gt=0, description="alpha of MixStyle's Beta(alpha, alpha); DSU has none")


class Recent(nn.Module):
    """Styles (1,2C,1,1) of the images before: their running mean and variance, exact at first and `rate` a step later."""

    seen: Tensor
    mean: Tensor
    variance: Tensor

    def __init__(self, channels: int, rate: float, where: torch.device) -> None:
        super().__init__()
        self.rate = rate
        self.register_buffer("seen", torch.zeros((), device=where))
        for name in ("mean", "variance"):
            self.register_buffer(name, torch.zeros(1, 2 * channels, 1, 1, device=where))

    @torch.no_grad()
    def add(self, style: Style) -> None:
        """Count the style of one image."""
        self.seen += 1
        share = (1 / self.seen).clamp_min(self.rate)
        step = torch.cat(style, 1) - self.mean
        self.mean += share * step
        self.variance.copy_((1 - share) * (self.variance + share * step.square()))


class FeatureStyle(Method):
    """The segmenter alone."""

    def __init__(self, settings: Settings, networks: Networks) -> None:
        self.settings, self.segmenter = settings, networks.segmenter
        self.players = {"segmenter": self.segmenter}
        rate = 1.0 if settings.kind == "mixstyle" else RATE
        where = self.segmenter.conv1.weight.device
        self.recent: dict[str, Recent] = {
            place: Recent(self.segmenter.channels(place), rate, where) for place in settings.places
        }
        self.memory = {"recent": nn.ModuleDict(self.recent)}

    def updates(self, batch: Batch, progress: float) -> Iterator[Update]:
        """Yield the one update."""
        s = self.settings
        after = {place: partial(self.changed, place, batch.generator) for place in s.places}
        heads = self.segmenter.classify(*self.segmenter.features(batch.image, after))
        terms = {
            "segmentation": losses.segmentation(heads, batch.label, s.segmentation_loss),
            "weight": losses.likeness(self.segmenter, s.lambda_weight, losses.damping(progress)),
        }
        yield Update("segmenter", terms)

    def changed(self, place: Place, generator: torch.Generator, features: Tensor) -> Tensor:
        """F' or, by chance, F as it is, (B,C,h,w); a choice on the device, which no GPU has to wait for."""
        style, recent = channel_statistics(features, EPS), self.recent[place]
        if self.settings.kind == "mixstyle":
            style = (style[0].detach(), style[1].detach())
            new = mixed(style, partners(style, recent, generator), self.settings.concentration, generator)
        else:
            new = uncertain(style, spreads(style, recent), generator)
        if len(features) == 1:
            recent.add(style)
        wanted = torch.rand((), generator=generator, device=features.device) < self.settings.probability
        return torch.where(wanted, restyled(features, style, new).to(features.dtype), features)


METHOD = FeatureStyle


def mixed(style: Style, other: Style, alpha: float, generator: torch.Generator) -> Style:
    """Styles lambda of the way from `other` to `style`, lambda ~ Beta(alpha, alpha) for each image."""
    share = dirichlet(alpha, len(style[0]), 2, generator, style[0].device)[:, :1, None, None]
    mean, deviation = (torch.lerp(theirs, own, share) for own, theirs in zip(style, other, strict=True))
    return mean, deviation


def partners(style: Style, recent: Recent, generator: torch.Generator) -> Style:
    """The styles of the batch in another order; of one image that of the image before, or its own at first."""
    if len(style[0]) > 1:
        order = torch.rand(len(style[0]), generator=generator, device=style[0].device).argsort()
        return style[0][order], style[1][order]
    before = recent.mean.chunk(2, 1)
    mean, deviation = (torch.where(recent.seen > 0, old, own) for old, own in zip(before, style, strict=True))
    return mean, deviation


def uncertain(style: Style, spread: Style, generator: torch.Generator) -> Style:
    """Styles moved by Gaussian noise of the deviations `spread`."""

    def moved(own: Tensor, by: Tensor) -> Tensor:
        noise = torch.randn(own.shape, generator=generator, device=own.device)
        return own + noise * by

    return moved(style[0], spread[0]), moved(style[1], spread[1])


def spreads(style: Style, recent: Recent) -> Style:
    """How far mu and sigma spread over the images of the batch, (1,C,1,1); of one image over the images so far."""
    if len(style[0]) == 1:
        mean, deviation = (recent.variance + EPS).sqrt().chunk(2, 1)
        return mean, deviation
    return (style[0].var(0, keepdim=True) + EPS).sqrt(), (style[1].var(0, keepdim=True) + EPS).sqrt()
