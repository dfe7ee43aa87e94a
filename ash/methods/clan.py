"""CLAN: an adversary on the segmenter's output, strongest where its two heads disagree.

Luo et al., Taking A Closer Look at Domain Shift: Category-level Adversaries for Semantics Consistent Domain Adaptation,
CVPR 2019.  With `against: stylised` the stylised source stands in the place of the target; with `noise` it is the row "+
orthogonal noise" of ASH's Table 5.  That table prints the same 40.1 for "+ stylisation" as Table 1 for CLAN, so ASH's
CLAN rows are very probably this.  With `against: target` it is the method of the CLAN paper.

    x^ = Dec(alpha AdaIN(f_c, Z f_s) + (1 - alpha) f_c), or a target image       -> view.stylise, Z -> noise.perturb
    M  = 1 - cos(p1, p2) of G's two heads on x^                                  -> losses.local_weight

    G    L_seg(G(x), y) + lambda_adv d A(D(G(x^)), source; M) + 2 lambda_weight d L_weight          d = 1 - i/N
    D    BCE(D(G(x)), source) + A(D(G(x^)), stylised; M)
"""

from collections.abc import Iterator

from pydantic import Field

from ash.config import Section
from ash.contract import Batch, Method, Needs, Update
from ash.methods._networks import Networks
from ash.segmentation import losses
from ash.style.noise import NoiseForm
from ash.style.view import Against, needs_of, others


class Settings(Section):
    """Numbers of the method."""

    segmentation_loss: losses.SegmentationLoss
    lambda_weight: float = Field(ge=0, description="weight of the heads' likeness")
    alpha: float = Field(ge=0, le=1, description="share of the style in the decoded features")
    lambda_adv: float = Field(ge=0, description="weight of the adversarial term")
    lambda_local: dict[str, float] = Field(description="CLAN's local weight, by source")
    epsilon: float = Field(ge=0, description="CLAN's floor of the local weight")
    preheat: float = Field(ge=0, le=1, description="share of training with unweighted adversarial terms")
    damping: bool = Field(description="whether d = 1 - i/N; else 1")
    through_m: bool = Field(description="whether M passes gradients; else it is a constant")
    noise: NoiseForm = Field(description="form of the orthogonal noise on style features")
    against: Against = Field(description="what plays the target's part")

    @property
    def needs(self) -> Needs:
        """A discriminator, and a painting or a target image for each source image."""
        return needs_of(self.against, discriminators=1)


class Clan(Method):
    """Segmenter and discriminator."""

    def __init__(self, settings: Settings, networks: Networks) -> None:
        """ConfigError if the source has no lambda_local."""
        self.settings, self.stylizer = settings, networks.stylizer
        self.segmenter, (self.discriminator,) = networks.segmenter, networks.discriminators
        self.lambda_local = losses.of_source(settings.lambda_local, networks.source)
        self.players = {"segmenter": self.segmenter, "discriminator": self.discriminator}

    def updates(self, batch: Batch, progress: float) -> Iterator[Update]:
        """Yield G's update, then D's."""
        s, size = self.settings, self.discriminator.map_size
        damping = losses.damping(progress, s.damping)
        heads = self.segmenter(batch.image)
        stylised_heads = self.segmenter(others(s.against, self.stylizer, batch, s.alpha, s.noise))
        weight = None
        if progress >= s.preheat:
            weight = losses.local_weight(stylised_heads, size, s.epsilon, self.lambda_local, through=s.through_m)
        stylised_map = losses.probability_map(stylised_heads, size)
        fooling = losses.adversarial(self.discriminator(stylised_map), losses.SOURCE, weight, size)
        yield Update(
            "segmenter",
            {
                "segmentation": losses.segmentation(heads, batch.label, s.segmentation_loss),
                "adversarial": s.lambda_adv * damping * fooling,
                "weight": losses.likeness(self.segmenter, s.lambda_weight, damping),
            },
        )
        yield losses.discriminator_update(self.discriminator, heads, size, stylised_map, weight)


METHOD = Clan
