"""SHADE: hallucinated styles after the stem, predictions that agree, and features that stay near the initial network's.

Zhao et al., Style-Hallucinated Dual Consistency Learning for Domain Generalized Semantic Segmentation, ECCV 2022; code
HeliosZhao/SHADE.  F is what the stem gives, (M, S) the means and deviations of K base styles, those of source images that
lie farthest from one another; [F, F'] pass the rest of the segmenter together.

    F'    = (w S) (F - mu(F)) / sigma(F) + w M,  w ~ Dir(1/K)                -> mixture.dirichlet, adain.restyled
    M, S  = farthest point sampling of source styles                          -> farthest
    L_sc  = (KL(p, m) + KL(p', m)) / 2,  m = (p + p') / 2                     -> jensen_shannon
    L_rc  = mean over cells of things of |f - f_0|^2 / C, f what layer4 gives, f_0 in the initial network -> distance

    L     = L_seg([x, x']) + lambda_sc L_sc + lambda_rc L_rc + 2 lambda_weight d L_weight

A cell is one of things if such a class fills three quarters of it.  Departures: the release finds base styles every third
epoch in a pass of its own through the whole source, up to 95 % of the training; here they are found in every step among
those of the last `memory` images, as the training saw them.  Where the segmenter starts from nothing, as in the miniature,
lambda_rc is 0, for its initial network knows nothing to look back at.  Heads, sizes and recipe are those of every row here,
so there is no auxiliary loss on layer3; K is the number of the stem's channels, as there.
"""

from collections.abc import Iterator
from functools import partial

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from ash.config import Section
from ash.contract import Batch, Method, Needs, Update
from ash.machine.deterministic import without_autocast
from ash.methods._consistency import jensen_shannon
from ash.methods._networks import Networks, stated
from ash.segmentation import losses
from ash.segmentation.deeplab import Change, Place
from ash.style.adain import channel_statistics, restyled
from ash.style.mixture import dirichlet

EPS = 1e-7  # inside the root of a deviation
THINGS = (6, 7, 11, 12, 13, 14, 15, 16, 17, 18)  # traffic light and sign, and person to bicycle
FILLED = 0.75  # share of a cell that the class must have


class Settings(Section):
    """Numbers of the method."""

    segmentation_loss: losses.SegmentationLoss
    lambda_weight: float = Field(ge=0, description="weight of the heads' likeness")
    lambda_sc: float = Field(ge=0, description="weight of the predictions' agreement, style consistency")
    lambda_rc: float = Field(
        ge=0, description="weight of the distance to the initial network, retrospection consistency"
    )
    styles: int = Field(ge=2, description="K, base styles; as many as the stem has channels")
    memory: int = Field(ge=2, description="images whose styles the base styles are found among")

    @property
    def needs(self) -> Needs:
        """The initial network, if anything looks back at it."""
        return Needs(initial=self.lambda_rc > 0)


class Styles(nn.Module):
    """The last styles that were seen, means and deviations side by side (size,2C), and how many there were in all."""

    styles: Tensor
    seen: Tensor

    def __init__(self, size: int, channels: int, where: torch.device) -> None:
        super().__init__()
        self.register_buffer("styles", torch.zeros(size, 2 * channels, device=where))
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64, device=where))

    @torch.no_grad()
    def add(self, styles: Tensor) -> None:
        """Put styles (B,2C) in the places of the oldest."""
        order = torch.arange(len(styles), device=styles.device)
        self.styles.index_copy_(0, (self.seen + order) % len(self.styles), styles)
        self.seen += len(styles)

    def base(self, count: int, generator: torch.Generator) -> Tensor:
        """`count` of them that lie far from one another, (count,2C), from a random one on; twice the same if they are few."""
        size = len(self.styles)
        known = torch.arange(size, device=self.styles.device) < self.seen
        drawn = torch.rand(1, generator=generator, device=self.styles.device)
        first = (drawn * self.seen.clamp_max(size)).long()
        return self.styles.index_select(0, farthest(self.styles, count, first, known))


class Shade(Method):
    """The segmenter alone; the initial network is no player."""

    def __init__(self, settings: Settings, networks: Networks) -> None:
        self.settings, self.segmenter = settings, networks.segmenter
        self.initial = stated(networks.initial, "initial") if settings.lambda_rc else None
        self.players = {"segmenter": self.segmenter}
        where = self.segmenter.conv1.weight.device
        self.styles = Styles(settings.memory, self.segmenter.channels("stem"), where)
        self.memory = {"styles": self.styles}

    def updates(self, batch: Batch, progress: float) -> Iterator[Update]:
        """Yield the one update."""
        s = self.settings
        after: dict[Place, Change] = {"stem": partial(self.doubled, batch.generator)}
        shallow, deep = self.segmenter.features(batch.image, after)
        heads, label = self.segmenter.classify(shallow, deep), torch.cat([batch.label, batch.label])
        size = (batch.label.shape[1], batch.label.shape[2])
        logits = losses.resize(losses.summed(heads), size)
        terms = {
            "segmentation": losses.segmentation(heads, label, s.segmentation_loss),
            "consistency": s.lambda_sc * jensen_shannon([[part] for part in logits.chunk(2)]),
            "weight": losses.likeness(self.segmenter, s.lambda_weight, losses.damping(progress)),
        }
        if self.initial is not None:
            with torch.no_grad():
                _, first = self.initial.features(batch.image)
            terms["retrospection"] = s.lambda_rc * distance(deep, torch.cat([first, first]), label)
        yield Update("segmenter", terms)

    def doubled(self, generator: torch.Generator, features: Tensor) -> Tensor:
        """[F, F'], (2B,C,h,w)."""
        s = self.settings
        mean, deviation = (values.detach() for values in channel_statistics(features, EPS))
        self.styles.add(torch.cat([mean, deviation], 1).flatten(1))
        weights = dirichlet(1 / s.styles, len(features), s.styles, generator, features.device)
        with without_autocast(features):
            new = (weights @ self.styles.base(s.styles, generator))[:, :, None, None]
        changed = restyled(features, (mean, deviation), (new[:, : mean.shape[1]], new[:, mean.shape[1] :]))
        return torch.cat([features, changed.to(features.dtype)])


METHOD = Shade


def farthest(points: Tensor, count: int, first: Tensor, known: Tensor) -> Tensor:
    """Indices (count,) of points (N,D), from `first` (1,) on each the one farthest from its nearest predecessor.

    Points that are not `known` (N,) are never taken.  Qi et al., PointNet++, NeurIPS 2017.
    """
    nearest = torch.where(known, torch.inf, -1.0)
    chosen = [first]
    for _ in range(count - 1):
        to_last = (points - points.index_select(0, chosen[-1])).square().sum(1)
        nearest = torch.minimum(nearest, to_last)
        chosen.append(nearest.argmax(0, keepdim=True))
    return torch.cat(chosen)


def distance(features: Tensor, initial: Tensor, label: Tensor) -> Tensor:
    """Mean square of the difference over channels and cells of things; features (B,C,h,w) each, label (B,H,W)."""
    wanted = things(label, (features.shape[2], features.shape[3]))
    squares = (features.float() - initial.float()).square().mean(1)
    return torch.where(wanted, squares, 0.0).sum() / wanted.sum().clamp_min(1)


def things(label: Tensor, size: tuple[int, int]) -> Tensor:
    """Which cells of (h,w) a class of `THINGS` fills to `FILLED`, (B,h,w) bool; label (B,H,W) with 255 for void."""
    shares = functional.adaptive_avg_pool2d(losses.one_hot(label), size)
    return torch.stack([shares[:, k] for k in THINGS]).amax(0) >= FILLED
