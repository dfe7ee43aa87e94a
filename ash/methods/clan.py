"""CLAN with the stylised source in the place of the target: the "+ stylisation" row of ASH Table 5.

Luo et al., Taking A Closer Look at Domain Shift: Category-level Adversaries for Semantics Consistent Domain Adaptation,
CVPR 2019.  ASH's Table 5 prints the same 40.1 for "+ stylisation" as Table 1 for CLAN, so its CLAN row is this one.

    x^ = Dec(alpha AdaIN(f_c, Z f_s) + (1 - alpha) f_c)                          -> adain.adain, Z -> noise.perturb
    M  = 1 - cos(p1, p2) of G's two heads on x^                                  -> losses.local_weight

    G    L_seg(G(x), y) + lambda_adv d A(D(G(x^)), source; M) + 2 lambda_weight d L_weight          d = 1 - i/N
    D    BCE(D(G(x)), source) + A(D(G(x^)), stylised; M)
"""

from collections.abc import Iterator
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from ash.config import Section
from ash.recipe import Batch, Parts, Update
from ash.segmentation import losses
from ash.style import adain
from ash.style.noise import NoiseForm, perturb
from ash.style.view import given, view


class Settings(Section):
    """Numbers of the method."""

    needs: ClassVar[frozenset[str]] = frozenset({"style"})

    segmentation_loss: losses.SegmentationLoss
    lambda_weight: float = Field(ge=0, description="weight of the heads' likeness")
    alpha: float = Field(ge=0, le=1, description="share of the style in the decoded features")
    lambda_adv: float = Field(ge=0, description="weight of the adversarial term")
    lambda_local: dict[str, float] = Field(description="CLAN's local weight, by source")
    epsilon: float = Field(ge=0, description="CLAN's floor of the local weight")
    preheat: float = Field(ge=0, le=1, description="share of training with unweighted adversarial terms")
    noise: NoiseForm = Field(description="form of the orthogonal noise on style features")


class Method:
    """Segmenter and discriminator."""

    def __init__(self, settings: Settings, parts: Parts) -> None:
        """Make the networks; ConfigError if the source has no lambda_local."""
        self.settings, self.needs = settings, settings.needs
        self.stylizer = parts.stylizer()
        self.segmenter, self.discriminator = parts.segmenter(), parts.discriminator()
        self.lambda_local = losses.of_source(settings.lambda_local, parts.source)
        self.players = {"segmenter": self.segmenter, "discriminator": self.discriminator}

    def updates(self, batch: Batch, progress: float) -> Iterator[Update]:
        """Yield G's update, then D's."""
        s, size = self.settings, self.discriminator.map_size
        damping = 1 - progress
        heads, stylised_heads = self.segmenter(batch.image), self.segmenter(self.stylise(batch))
        weight = None
        if progress >= s.preheat:
            weight = losses.local_weight(stylised_heads, size, s.epsilon, self.lambda_local)
        stylised_map = losses.probability_map(stylised_heads, size)
        fooling = losses.adversarial(self.discriminator(stylised_map), losses.SOURCE, weight, size)
        yield Update(
            "segmenter",
            {
                "segmentation": losses.segmentation(heads, batch.label, s.segmentation_loss),
                "adversarial": s.lambda_adv * damping * fooling,
                "weight": 2 * s.lambda_weight * damping * losses.weight_discrepancy(*self.segmenter.heads()),
            },
        )
        yield losses.discriminator_update(self.discriminator, heads, stylised_map, weight)

    @torch.no_grad()
    def stylise(self, batch: Batch) -> Tensor:
        """The stylised images (B,3,H,W), mirrored as the batch is."""
        content, style = given(batch)
        style = perturb(style, self.settings.noise, batch.generator)
        mixed = adain.adain(content, style)
        return view(self.stylizer.decode(torch.lerp(content, mixed, self.settings.alpha)), batch)

    def diagnostics(self, batch: Batch) -> dict[str, float]:
        """None."""
        return {}
