"""TLDR: a segmenter that keeps the textures of its initial network and learns those of random styles.

Kim et al., Texture Learning Domain Randomization for Domain Generalized Segmentation, ICCV 2023; code ssssshwan/TLDR.  f_l
is what stage l of the segmenter gives, f0_l of the initial network, r a painting.

    G(f)  = f f^T / (h w), the Gram matrix of channels                                                  -> gram
    L_tr  = sum over l of r_l |G(f_l(x)) - G(f0_l(x))| / C_l                 texture regularisation     -> texture
    L_tg  = sum over l of d_l |(G(f_l(r)) - G(f_l(x^))) * [G(f_l(x^)) - G(f_l(x)) > 0.1]| / C_l, texture generalisation
    x^    = Dec(alpha AdaIN(f_c, f_s) + (1 - alpha) f_c)                                                -> view.stylise

    L     = share L_seg(x) + (1 - share) L_seg(x^) + d (L_tr + L_tg) + 2 lambda_weight d L_weight       d = 1 - i/N

|.| is Frobenius' norm over the whole batch, as in the code.  Departures: styles are paintings by AdaIN, not images of
ImageNet by PhotoWCT, and r is the painting as the decoder gives it back.  r passes the stages that L_tg reads, not those
behind them, so their BatchNorm does not see it.  Where the segmenter starts from nothing, as in the miniature, every r_l is
0, for its initial network has no textures to keep.  Heads, sizes and recipe are those of every row here.
"""

from collections.abc import Iterator
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from ash.config import Section
from ash.contract import Batch, Method, Needs, Update
from ash.machine.deterministic import without_autocast
from ash.methods._networks import Networks, stated
from ash.segmentation import losses
from ash.segmentation.deeplab import PLACES, Change, DeepLab, Place
from ash.style.view import given, stylise

STAGES = PLACES[1:]
Weight = Annotated[float, Field(ge=0)]
THRESHOLD = 0.1  # of a Gram matrix's entry: what stylisation has added to the texture


class Settings(Section):
    """Numbers of the method."""

    segmentation_loss: losses.SegmentationLoss
    lambda_weight: float = Field(ge=0, description="weight of the heads' likeness")
    alpha: float = Field(ge=0, le=1, description="share of the style in the decoded features")
    share: float = Field(
        ge=0, le=1, description="weight of the source's segmentation loss; the stylised image has the rest"
    )
    regularisation: tuple[Weight, Weight, Weight, Weight] = Field(description="r_l of stages 1 to 4")
    generalisation: tuple[Weight, Weight] = Field(description="d_l of stages 1 and 2")

    @property
    def needs(self) -> Needs:
        """A painting for each image, and the initial network if anything keeps to it."""
        return Needs(paintings=1, initial=any(self.regularisation))


class Tldr(Method):
    """The segmenter alone; the initial network is no player."""

    def __init__(self, settings: Settings, networks: Networks) -> None:
        self.settings, self.segmenter = settings, networks.segmenter
        self.stylizer = stated(networks.stylizer, "paintings")
        self.initial = stated(networks.initial, "initial") if any(settings.regularisation) else None
        self.players = {"segmenter": self.segmenter}

    def updates(self, batch: Batch, progress: float) -> Iterator[Update]:
        """Yield the one update."""
        s, damping = self.settings, losses.damping(progress)
        plain, plain_grams = self.seen(batch.image)
        stylised, stylised_grams = self.seen(stylise(self.stylizer, batch, s.alpha))
        added = [(new - old).detach() > THRESHOLD for old, new in zip(plain_grams, stylised_grams, strict=True)]
        painted = grams(self.segmenter, self.paintings(batch), len(s.generalisation))
        generalised = [
            weight * texture(painted[k], stylised_grams[k], added[k]) for k, weight in enumerate(s.generalisation)
        ]
        terms = {
            "segmentation": s.share * losses.segmentation(plain, batch.label, s.segmentation_loss),
            "segmentation_on_stylised": (1 - s.share) * losses.segmentation(stylised, batch.label, s.segmentation_loss),
            "generalisation": damping * torch.stack(generalised).sum(),
            "weight": losses.likeness(self.segmenter, s.lambda_weight, damping),
        }
        if self.initial is not None:
            with torch.no_grad():
                initial = grams(self.initial, batch.image, len(STAGES))
            kept = [weight * texture(plain_grams[k], initial[k]) for k, weight in enumerate(s.regularisation)]
            terms["regularisation"] = damping * torch.stack(kept).sum()
        yield Update("segmenter", terms)

    def seen(self, image: Tensor) -> tuple[tuple[Tensor, ...], list[Tensor]]:
        """Logits of the heads, and the Gram matrices of all stages."""
        found: list[Tensor] = []
        heads = self.segmenter.classify(*self.segmenter.features(image, collected(found, STAGES)))
        return heads, found

    @torch.no_grad()
    def paintings(self, batch: Batch) -> Tensor:
        """The paintings as images (B,3,.,.) in [0,1]."""
        image = self.stylizer.decode(given(batch)[1]).float().clamp(0, 1)
        return image.contiguous(memory_format=torch.channels_last)


METHOD = Tldr


def collected(found: list[Tensor], stages: tuple[Place, ...]) -> dict[Place, Change]:
    """For `DeepLab.through`: what stages give stays as it is, and its Gram matrix goes into a list."""

    def noted(features: Tensor) -> Tensor:
        found.append(gram(features))
        return features

    return dict.fromkeys(stages, noted)


def grams(segmenter: DeepLab, image: Tensor, stages: int) -> list[Tensor]:
    """The Gram matrices of the first so many stages, (B,C,C) each."""
    found: list[Tensor] = []
    segmenter.through(image, PLACES[: 1 + stages], collected(found, STAGES[:stages]))
    return found


def gram(features: Tensor) -> Tensor:
    """Mean product of each two channels over the cells of (B,C,h,w), (B,C,C) float32."""
    with without_autocast(features):
        flat = features.float().flatten(2)
        return flat @ flat.mT / flat.shape[2]


def texture(first: Tensor, second: Tensor, where: Tensor | None = None) -> Tensor:
    """Norm of the difference of two batches of Gram matrices (B,C,C), of the entries `where`, over C."""
    apart = first - second if where is None else torch.where(where, first - second, 0.0)
    return apart.norm() / first.shape[1]
