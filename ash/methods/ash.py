"""ASH: an adversarial hallucinator makes the style of stylised images harder for the segmenter.

Tjio et al., Adversarial Semantic Hallucination for Domain Generalized Semantic Segmentation, WACV 2022.

    P   = 0.9 softmax(G(x)) + 0.1/19                        -> Method.condition
    f'  = Z f_s (gamma + delta) + beta,  gamma, beta = H(P)   eq. 1-2 -> hallucination.modulate
    t   = AdaIN(f_c, f'),  x^ = Dec(alpha t + (1-alpha) f_c)  eq. 3-4 -> Method.hallucinate
    L_adv   = A(D(G(x^)), source; M)                          eq. 5   -> losses.adversarial
    L_c     = MSE(t, f_c)                                     eq. 7
    L_s1    = S(t, f_s),  L_s2 = S(t, f_c)                    eq. 8-9 -> adain.statistics_distance

    H   - lambda_adv d L_adv + lambda_c L_c + lambda_s1 L_s1 - lambda_s2 L_s2           eq. 6
    G     L_seg(G(x), y) + lambda_adv d L_adv + 2 lambda_weight d L_weight
    D     BCE(D(G(x)), source) + A(D(G(x^)), stylised; M)

Departures from the print, all with the released code: the sign of L_c (the text minimises it, eq. 6 does not); L_s1
compares with the style before H changes it (as printed it is identically 0, because AdaIN hands the style's mean on
exactly); statistics are mean and deviation.  Departures from the release: noise is drawn once a step, not twice, so
that one stylised image serves H and G; the condition has the resolution of the logits; D sees both maps at one size.
"""

from collections.abc import Iterator
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from ash.config import Section
from ash.labels import CLASSES, N_CLASSES, VOID
from ash.recipe import Batch, Parts, Update, mirrored
from ash.segmentation import losses
from ash.style import adain, hallucination
from ash.style.noise import NoiseForm, perturb
from ash.style.view import given, view


class Settings(Section):
    """Numbers of the method."""

    needs: ClassVar[frozenset[str]] = frozenset({"style"})

    segmentation_loss: losses.SegmentationLoss
    lambda_weight: float = Field(ge=0, description="weight of the heads' likeness")
    alpha: float = Field(ge=0, le=1, description="share of the style in the decoded features, eq. 4")
    lambda_adv: float = Field(ge=0, description="weight of the adversarial term, in H and in G")
    lambda_adv_multiple: float = Field(ge=0, description="factor on lambda_adv; Table 4 varies it")
    lambda_local: dict[str, float] = Field(description="CLAN's local weight, by source")
    epsilon: float = Field(ge=0, description="CLAN's floor of the local weight")
    preheat: float = Field(ge=0, le=1, description="share of training with unweighted adversarial terms")
    lambda_c: float = Field(ge=0, description="weight of L_c")
    lambda_s1: float = Field(ge=0, description="weight of L_s1")
    lambda_s2: float = Field(ge=0, description="weight of L_s2")
    use_content: bool = Field(description="whether H has L_c (Table 6)")
    use_style: bool = Field(description="whether H has L_s1")
    use_divergence: bool = Field(description="whether H has L_s2")
    statistics: adain.Statistics = Field(description="what S compares")
    noise: NoiseForm = Field(description="form of the orthogonal noise on style features")
    condition: Literal["prediction", "uniform", "ground_truth"] = Field(description="what H is told")
    smoothing: float = Field(ge=0, lt=1, description="label smoothing of a predicted condition")
    delta: float = Field(description="offset of gamma; 0 is SFTGAN's transform")
    segmentation_on_stylised: float = Field(ge=0, description="weight of G's segmentation loss on x^")


class Method:
    """Segmenter, hallucinator and discriminator."""

    def __init__(self, settings: Settings, parts: Parts) -> None:
        """Make the networks; ConfigError if the source has no lambda_local."""
        self.settings, self.needs = settings, settings.needs
        self.stylizer = parts.stylizer()
        self.segmenter, self.discriminator = parts.segmenter(), parts.discriminator()
        classes = N_CLASSES + (settings.condition == "ground_truth")
        self.hallucinator = parts.hallucinator(classes)
        self.lambda_local = losses.of_source(settings.lambda_local, parts.source)
        self.players = {
            "segmenter": self.segmenter,
            "hallucinator": self.hallucinator,
            "discriminator": self.discriminator,
        }

    def updates(self, batch: Batch, progress: float) -> Iterator[Update]:
        """Yield H's update, G's and D's.

        G sees the source once and x^ once; the graph of the second pass serves H first and G after it.
        """
        s, size = self.settings, self.discriminator.map_size
        damping = 1 - progress
        lambda_adv = s.lambda_adv * s.lambda_adv_multiple * damping
        heads = self.segmenter(batch.image)
        stylised, h_terms = self.hallucinate(batch, self.condition(heads, batch))
        stylised_heads = self.segmenter(stylised)
        weight = None
        if progress >= s.preheat:
            weight = losses.local_weight(stylised_heads, size, s.epsilon, self.lambda_local)
        stylised_map = losses.probability_map(stylised_heads, size)
        fooling = losses.adversarial(self.discriminator(stylised_map), losses.SOURCE, weight, size)
        yield Update("hallucinator", {"adversarial": -lambda_adv * fooling, **h_terms}, keep_graph=True)
        terms = {
            "segmentation": losses.segmentation(heads, batch.label, s.segmentation_loss),
            "adversarial": lambda_adv * fooling,
            "weight": 2 * s.lambda_weight * damping * losses.weight_discrepancy(*self.segmenter.heads()),
        }
        if s.segmentation_on_stylised:
            stylised_loss = losses.segmentation(stylised_heads, batch.label, s.segmentation_loss)
            terms["segmentation_on_stylised"] = s.segmentation_on_stylised * stylised_loss
        yield Update("segmenter", terms)
        yield losses.discriminator_update(self.discriminator, heads, stylised_map, weight)

    def condition(self, heads: tuple[Tensor, ...], batch: Batch) -> Tensor:
        """P, what H is told of each pixel: (B,K,h/8,w/8), detached, not mirrored, as the features are."""
        s = self.settings
        size = (heads[0].shape[2], heads[0].shape[3])
        if s.condition == "uniform":
            return torch.full_like(heads[0], 1 / N_CLASSES, dtype=torch.float32, requires_grad=False)
        if s.condition == "ground_truth":
            label = functional.interpolate(batch.label[:, None].float(), size, mode="nearest")[:, 0].long()
            void_last = torch.where(label == VOID, N_CLASSES, label)
            known = functional.one_hot(void_last, N_CLASSES + 1).permute(0, 3, 1, 2).float()
        else:
            known = hallucination.smooth(losses.probability_map(heads, size).detach(), s.smoothing)
        return mirrored(known, batch.mirror)

    def hallucinate(self, batch: Batch, condition: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """The stylised images x^ (B,3,H,W), mirrored as the batch is, and H's own terms."""
        s = self.settings
        content, style = given(batch)
        style = perturb(style, s.noise, batch.generator)
        gamma, beta = self.hallucinator(condition, (style.shape[2], style.shape[3]))
        mixed = adain.adain(content, hallucination.modulate(style, gamma.float(), beta.float(), s.delta))
        terms = {}
        if s.use_content:
            terms["content"] = s.lambda_c * functional.mse_loss(mixed, content)
        if s.use_style:
            terms["style"] = s.lambda_s1 * adain.statistics_distance(mixed, style, s.statistics)
        if s.use_divergence:
            terms["divergence"] = -s.lambda_s2 * adain.statistics_distance(mixed, content, s.statistics)
        decoded = self.stylizer.decode(torch.lerp(content, mixed, s.alpha))
        return view(decoded, batch), terms

    def diagnostics(self, batch: Batch) -> dict[str, float]:
        """Figure 4: what each class adds to |gamma| and |beta|, whole and for each pixel predicted as it."""
        with torch.no_grad():
            self.segmenter.eval()
            heads = self.segmenter(batch.image)
            self.segmenter.train()
            condition = self.condition(heads, batch)
            gamma, beta = hallucination.class_contributions(self.hallucinator, condition)
            pixels = condition.argmax(1).flatten().bincount(minlength=condition.shape[1])
        figures = {}
        for kind, values in (("gamma", gamma), ("beta", beta)):
            for k, name in enumerate(CLASSES):
                figures[f"{kind}.{name}"] = float(values[k])
                if pixels[k]:
                    figures[f"{kind}_per_pixel.{name}"] = float(values[k] / pixels[k])
        return figures
