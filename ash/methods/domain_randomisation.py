"""Domain Randomisation: one image in several styles should give one segmentation, and the same pooled features.

After Yue et al., Domain Randomization and Pyramid Consistency, ICCV 2019 (DRPC), for which no code was released.  The
definition is OURS where the paper's details are not known to us: K paintings are drawn once for the run; AdaIN with the
encoder, decoder and alpha of the other methods renders the source in them; in each step every source image passes with
m of its renderings.

    L = mean_k L_seg(G(x_k), y) + lambda_pc sum over l in {layer3, layer4} of
        mean_k |SPP_l(x_k) - mean_j SPP_l(x_j)|_1 / dim                          -> pyramid, consistency

k and j run over the image and its m renderings; the mean over j is a constant.  SPP: means over 1x1, 2x2 and 4x4 parts.
"""

from collections.abc import Iterator, Sequence

import torch
from pydantic import Field, model_validator
from torch import Tensor

from ash.config import Section
from ash.contract import Batch, Method, Needs, Update
from ash.machine.deterministic import average_pool
from ash.methods._networks import Networks, stated
from ash.segmentation import losses
from ash.style.adain import adain
from ash.style.view import given, view

GRIDS = (1, 2, 4)


class Settings(Section):
    """Numbers of the method."""

    segmentation_loss: losses.SegmentationLoss
    alpha: float = Field(ge=0, le=1, description="share of the style in the decoded features")
    styles: int = Field(ge=1, description="K, paintings drawn once for the run; 15 in the paper")
    copies: int = Field(ge=1, description="m, renderings of each source image in a step")
    lambda_pc: float = Field(ge=0, description="weight of the pyramid consistency")

    @model_validator(mode="after")
    def _copies_differ(self) -> "Settings":
        if self.copies > self.styles:
            raise ValueError(f"copies {self.copies} exceed styles {self.styles}; lower copies or draw more styles")
        return self

    @property
    def needs(self) -> Needs:
        """One head, and `copies` paintings for each image, from a bank of `styles`."""
        return Needs(heads="single", paintings=self.copies, bank=self.styles)


class DomainRandomisation(Method):
    """The segmenter alone, with one head."""

    def __init__(self, settings: Settings, networks: Networks) -> None:
        self.settings, self.segmenter = settings, networks.segmenter
        self.stylizer = stated(networks.stylizer, "paintings")
        self.players = {"segmenter": self.segmenter}

    def updates(self, batch: Batch, progress: float) -> Iterator[Update]:
        """Yield the one update; each rendering passes G by itself, so BatchNorm sees one style at a time."""
        s = self.settings
        seen, pools = [], []
        for image in (batch.image, *self.renderings(batch)):
            shallow, deep = self.segmenter.features(image)
            heads = self.segmenter.classify(shallow, deep)
            seen.append(losses.segmentation(heads, batch.label, s.segmentation_loss))
            pools.append((pyramid(shallow), pyramid(deep)))
        pyramids = torch.stack([consistency(level) for level in zip(*pools, strict=True)]).sum()
        yield Update("segmenter", {"segmentation": torch.stack(seen).mean(), "pyramid": s.lambda_pc * pyramids})

    @torch.no_grad()
    def renderings(self, batch: Batch) -> list[Tensor]:
        """The source images in each of their styles, m times (B,3,H,W)."""
        content, styles = given(batch)
        mixed = (
            torch.lerp(content, adain(content, style), self.settings.alpha)
            for style in torch.split(styles, len(content))
        )
        return [view(self.stylizer.decode(features), batch) for features in mixed]


METHOD = DomainRandomisation


def pyramid(features: Tensor) -> Tensor:
    """(B,C,h,w) pooled to GRIDS and put in a row: (B, C (1 + 4 + 16))."""
    return torch.cat([average_pool(features.float(), grid).flatten(1) for grid in GRIDS], 1)


def consistency(renderings: Sequence[Tensor]) -> Tensor:
    """Mean over renderings and images of the L1 distance to the renderings' mean, over the dimension; each (B,D)."""
    stacked = torch.stack(list(renderings))
    return (stacked - stacked.mean(0).detach()).abs().mean()
