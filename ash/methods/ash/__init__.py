"""ASH: an adversarial hallucinator makes the style of stylised images harder for the segmenter.

Tjio et al., Adversarial Semantic Hallucination for Domain Generalized Semantic Segmentation, WACV 2022.

    P   = 0.9 softmax(G(x)) + 0.1/19                                    -> Ash.condition
    f'  = Z f_s (gamma + delta) + beta,  gamma, beta = H(P)   eq. 2, 3  -> hallucination.modulate
    t   = AdaIN(f_c, f')                                      eq. 1     -> mix
    x^  = Dec(alpha t + (1 - alpha) f_c)                      eq. 4     -> Ash.hallucinate
    L_adv   = A(D(G(x^)), source; M)                          eq. 5   -> losses.adversarial
    L_c     = MSE(t, f_c)                                     eq. 7
    L_s1    = S(t, f_s),  L_s2 = S(t, f_c)                    eq. 8-9 -> adain.statistics_distance

    H   - lambda_adv d L_adv + lambda_c L_c + lambda_s1 L_s1 - lambda_s2 L_s2           eq. 6
    G     L_seg(G(x), y) + lambda_adv d L_adv + 2 lambda_weight d L_weight
    D     BCE(D(G(x)), source) + A(D(G(x^)), stylised; M)

Departures from the print, all with the released code: the sign of L_c (the text minimises it, eq. 6 does not); L_s1
compares with the style before H changes it (as printed it is identically 0, because AdaIN hands the style's mean on
exactly); statistics are mean and deviation; G takes one step.  `sub_losses`, `statistics` and `g_steps` lead back to the
print (experiment `ash_print`).  Departures from the release have a switch back too, which experiment `ash_release` turns:
one stylised image a step serves H and G, and the condition has the resolution of the logits (`g_image`); D sees both maps
at one size (`stylised_map`); images enter the encoder as it expects them (`vgg_input`).  docs/why/fidelity.md lists all.

Beside this file: switches.py has the settings and sublosses.py what H has besides the game; release.py makes G's image anew
as the released code does, printed.py has G step twice as Algorithm 1 does, reversal.py has the same game in fewer passes,
local.py lets gamma and beta act on each cell, which is ours (`modulation: local`), figure4.py has Figure 4.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from ash.contract import Batch, Method, Update
from ash.labels import N_CLASSES
from ash.methods._networks import Networks, stated
from ash.methods.ash.figure4 import contributions
from ash.methods.ash.local import mix_locally
from ash.methods.ash.sublosses import terms
from ash.methods.ash.switches import Settings
from ash.pixels import mirrored
from ash.segmentation import losses
from ash.style import adain, hallucination
from ash.style.hallucination import Hallucinator
from ash.style.noise import perturb
from ash.style.view import given, view


class Game(NamedTuple):
    """What G and D make of stylised images: G's heads, the map that D sees, CLAN's weight, and how well G fools D."""

    heads: tuple[Tensor, ...]
    map: Tensor
    weight: Tensor | None
    fooling: Tensor


class Ash(Method):
    """Segmenter, hallucinator and discriminator: the paper's game."""

    def __init__(self, settings: Settings, networks: Networks) -> None:
        """ConfigError if the source has no lambda_local."""
        self.settings, self.stylizer = settings, stated(networks.stylizer, "paintings")
        self.segmenter, (self.discriminator,) = networks.segmenter, networks.discriminators
        self.hallucinator = stated(networks.hallucinator, "condition")
        self.mix = mix_locally if settings.modulation == "local" else mix
        self.lambda_local = losses.of_source(settings.lambda_local, networks.source)
        self.players = {
            "segmenter": self.segmenter,
            "hallucinator": self.hallucinator,
            "discriminator": self.discriminator,
        }

    def updates(self, batch: Batch, progress: float) -> Iterator[Update]:
        """Yield H's update, G's and D's.  G sees x^ once: the graph of that pass serves H first and G after it."""
        heads = self.segmenter(batch.image)
        stylised, h_terms = self.hallucinate(batch, self.condition(heads, batch))
        game = self.play(stylised, progress)
        yield Update("hallucinator", self.h_terms(game, h_terms, progress), keep_graph=True)
        yield Update("segmenter", self.g_terms(heads, game, batch, progress))
        yield self.d_update(heads, game)

    def strength(self, progress: float) -> float:
        """lambda_adv d, the weight of the adversarial term in H and in G; Table 4 varies lambda_adv."""
        s = self.settings
        return s.lambda_adv * s.lambda_adv_multiple * losses.damping(progress, s.damping)

    def h_terms(self, game: Game, own: dict[str, Tensor], progress: float) -> dict[str, Tensor]:
        """H climbs what G descends, and has terms of its own.  Eq. 6."""
        return {"adversarial": -self.strength(progress) * game.fooling, **own}

    def source_terms(self, heads: tuple[Tensor, ...], batch: Batch, progress: float) -> dict[str, Tensor]:
        """G's terms without x^: L_seg, and the damped likeness of the heads."""
        s = self.settings
        return {
            "segmentation": losses.segmentation(heads, batch.label, s.segmentation_loss),
            "weight": losses.likeness(self.segmenter, s.lambda_weight, losses.damping(progress, s.damping)),
        }

    def stylised_terms(self, game: Game, batch: Batch, progress: float) -> dict[str, Tensor]:
        """G's terms on x^: that of the game, and L_seg where it is asked for."""
        s = self.settings
        terms = {"adversarial": self.strength(progress) * game.fooling}
        if s.segmentation_on_stylised:
            stylised_loss = losses.segmentation(game.heads, batch.label, s.segmentation_loss)
            terms["segmentation_on_stylised"] = s.segmentation_on_stylised * stylised_loss
        return terms

    def g_terms(self, heads: tuple[Tensor, ...], game: Game, batch: Batch, progress: float) -> dict[str, Tensor]:
        """All of G's terms, in the order in which they are summed."""
        of_source, of_stylised = self.source_terms(heads, batch, progress), self.stylised_terms(game, batch, progress)
        return {
            "segmentation": of_source["segmentation"],
            "adversarial": of_stylised["adversarial"],
            **of_source,
            **of_stylised,
        }

    def d_update(self, heads: tuple[Tensor, ...], game: Game) -> Update:
        """D tells maps of sources from maps of stylised images."""
        size = self.discriminator.map_size
        return losses.discriminator_update(self.discriminator, heads, size, game.map, game.weight)

    def play(self, stylised: Tensor, progress: float) -> Game:
        """G and D look at stylised images (B,3,H,W)."""
        s, size = self.settings, self.discriminator.map_size
        if s.stylised_map is not None:
            size = (round(size[0] * s.stylised_map[1]), round(size[1] * s.stylised_map[0]))
        heads = self.segmenter(stylised)
        weight = None
        if progress > s.preheat or (progress >= s.preheat and not s.preheat_inclusive):
            weight = losses.local_weight(heads, size, s.epsilon, self.lambda_local, through=s.through_m)
        probabilities = losses.probability_map(heads, size)
        fooling = losses.adversarial(self.discriminator(probabilities), losses.SOURCE, weight, size)
        return Game(heads, probabilities, weight, fooling)

    def condition(self, heads: tuple[Tensor, ...], batch: Batch, *, at_label_size: bool = False) -> Tensor:
        """P, what H is told of each pixel: (B,K,h/8,w/8), detached, not mirrored, as the features are.

        The release gives H's step the logits' own resolution and G's step that of the label; so does `at_label_size`.
        """
        s = self.settings
        shape = batch.label.shape[1:] if at_label_size else heads[0].shape[2:]
        size = (shape[0], shape[1])
        if s.condition == "uniform":
            return torch.full((len(heads[0]), N_CLASSES, *size), 1 / N_CLASSES, device=heads[0].device)
        if s.condition == "ground_truth":
            known = losses.one_hot(losses.nearest(batch.label, size))
        else:
            known = hallucination.smooth(losses.probability_map(heads, size).detach(), s.smoothing)
        return mirrored(known, batch.mirror)

    def hallucinate(self, batch: Batch, condition: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """The stylised images x^ (B,3,H,W), mirrored as the batch is, and H's own terms."""
        s = self.settings
        content, style = given(batch)
        style = perturb(style, s.noise, batch.generator)
        mixed, changed = self.mix(self.hallucinator, s, content, style, condition)
        own = terms(s, content, style, changed, mixed)
        decoded = self.stylizer.decode(torch.lerp(content, mixed, s.alpha))
        return view(decoded, batch, s.vgg_input), own

    def diagnostics(self, shown: Batch) -> dict[str, float]:
        """Figure 4: what each class adds to |gamma| and |beta|, of one image that stays the same."""
        with torch.no_grad():
            self.segmenter.eval()
            heads = self.segmenter(shown.image)
            self.segmenter.train()
            return contributions(self.hallucinator, self.condition(heads, shown))


def mix(
    h: Hallucinator, settings: Settings, content: Tensor, style: Tensor, condition: Tensor
) -> tuple[Tensor, Tensor]:
    """t, the content's features with the style that H makes of the painting's, and that style f', all (B,C,.,.).  Eq. 1-3."""
    gamma, beta = hallucination.maps(h, condition, style, settings.bound)
    changed = hallucination.modulate(style, gamma, beta, settings.delta)
    return adain.adain(content, changed), changed


def METHOD(settings: Settings, networks: Networks) -> Method:  # noqa: N802  the name that every method has
    """The paper's game, or the form of it that the settings ask for."""
    if settings.g_image == "own":
        from ash.methods.ash.release import AshOwnImage

        return AshOwnImage(settings, networks)
    if settings.g_steps == 2:
        from ash.methods.ash.printed import AshPrinted

        return AshPrinted(settings, networks)
    if settings.reversal and not settings.segmentation_on_stylised:
        from ash.methods.ash.reversal import AshReversed

        return AshReversed(settings, networks)
    return Ash(settings, networks)
