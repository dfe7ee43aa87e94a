"""ADVENT: the segmenter's entropy on the target should look like, or be as low as, its entropy on the source.

Vu et al., ADVENT: Adversarial Entropy Minimization for Domain Adaptation in Semantic Segmentation, CVPR 2019.  Two levels:
the main head on layer4, an auxiliary head on layer3.  `against: stylised` puts the stylised source in the place of the
target, as the rows of ASH's tables very probably do; `against: target` is the method of the ADVENT paper.

    I    = -p log p / log C, a map for each class, of each head      eq. 1, 6  -> self_information
    E    = mean over pixels of sum_c I                               eq. 2     -> entropy

    G    L_seg(main) + lambda_aux L_seg(aux) + sum over heads of lambda_h BCE(D_h(I_h(x_t)), source)    eq. 8   adversarial
    G    L_seg(main) + lambda_aux L_seg(aux) + sum over heads of lambda_h E_h(x_t)                      eq. 3   MinEnt
    D_h  (BCE(D_h(I_h(x)), source) + BCE(D_h(I_h(x_t)), target)) / 2                                    eq. 7

Departures from the release: probability maps and D's losses have the sizes of the protocol, as for every method here.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from ash.config import Section
from ash.contract import Batch, Method, Needs, Update
from ash.methods._networks import Networks
from ash.segmentation import losses
from ash.style.view import Against, needs_of, others

SMALLEST = 1e-30  # added inside the logarithm, as in the release


class Settings(Section):
    """Numbers of the method."""

    segmentation_loss: losses.SegmentationLoss
    alpha: float = Field(ge=0, le=1, description="share of the style in the decoded features")
    against: Against = Field(description="what plays the target's part")
    variant: Literal["adversarial", "minent"] = Field(description="AdvEnt, or MinEnt, which has no discriminator")
    lambda_main: float = Field(ge=0, description="weight of the main head's term on the target")
    lambda_auxiliary: float = Field(ge=0, description="weight of the auxiliary head's term on the target")
    lambda_auxiliary_segmentation: float = Field(ge=0, description="weight of the auxiliary head's segmentation loss")

    @property
    def needs(self) -> Needs:
        """Two heads, a discriminator for each, and a painting or a target image for each source image."""
        return needs_of(self.against, heads="auxiliary", discriminators=2)


class Advent(Method):
    """Segmenter, and for AdvEnt a discriminator for each head; MinEnt takes their map size and trains neither."""

    def __init__(self, settings: Settings, networks: Networks) -> None:
        self.settings, self.segmenter, self.stylizer = settings, networks.segmenter, networks.stylizer
        self.discriminators = networks.discriminators
        self.players: dict[str, nn.Module] = {"segmenter": self.segmenter}
        if settings.variant == "adversarial":
            self.players["discriminator"] = nn.ModuleList(self.discriminators)

    def updates(self, batch: Batch, progress: float) -> Iterator[Update]:
        """Yield G's update, and D's two in one."""
        s, size = self.settings, self.discriminators[0].map_size
        heads = self.segmenter(batch.image)
        other = self.segmenter(others(s.against, self.stylizer, batch, s.alpha))
        weights = {"main": s.lambda_main, "auxiliary": s.lambda_auxiliary}
        maps = [self_information(logits, size) for logits in other]
        terms = {
            "segmentation": losses.segmentation(heads[:1], batch.label, s.segmentation_loss),
            "segmentation_auxiliary": s.lambda_auxiliary_segmentation
            * losses.segmentation(heads[1:], batch.label, s.segmentation_loss),
        }
        for k, (name, weight) in enumerate(weights.items()):
            if s.variant == "minent":
                terms[f"entropy_{name}"] = weight * entropy(maps[k])
            else:
                terms[f"adversarial_{name}"] = weight * judged(self.discriminators[k], maps[k], losses.SOURCE)
        yield Update("segmenter", terms)
        if s.variant == "adversarial":
            source_maps = [self_information(logits.detach(), size) for logits in heads]
            yield Update("discriminator", self.judging(source_maps, maps))

    def judging(self, source_maps: Sequence[Tensor], other_maps: Sequence[Tensor]) -> dict[str, Tensor]:
        """D's terms; everything that comes from G is a constant."""
        terms = {}
        for k, name in enumerate(("main", "auxiliary")):
            judge = self.discriminators[k]
            terms[f"source_{name}"] = judged(judge, source_maps[k], losses.SOURCE) / 2
            terms[f"target_{name}"] = judged(judge, other_maps[k].detach(), losses.STYLISED) / 2
        return terms


METHOD = Advent


def self_information(logits: Tensor, size: tuple[int, int]) -> Tensor:
    """-p log p / log C of each class at (height, width): (B,C,h,w) -> (B,C,height,width), 0 to 1/(e ln C)."""
    p = losses.probability_map([logits], size)
    return -p * (p + SMALLEST).log() / math.log(logits.shape[1])


def entropy(information: Tensor) -> Tensor:
    """Mean over pixels of the classes' sum, (B,C,h,w) -> scalar: 1 for uniform probabilities, 0 for certain ones."""
    return information.sum(1).mean()


def judged(judge: losses.Judge, information: Tensor, domain: float) -> Tensor:
    """Mean BCE of the discriminator's own logits, not upsampled, against one domain."""
    logits = judge(information)
    return losses.adversarial(logits, domain, None, (logits.shape[2], logits.shape[3]))
