"""MaxSquare: predictions on the target should be sure, with a gradient that does not vanish where they are not.

Chen et al., Domain Adaptation for Semantic Segmentation with Maximum Squares Loss, ICCV 2019.  `against: stylised` puts
the stylised source in the place of the target, as the rows of ASH's tables very probably do; `against: target` is the
method of the MaxSquare paper.

    L_T   = -1/2 mean over n, c of p^2                                      eq. 4   -> max_square
    L_T   = -1/(B C) sum over n, c of p^2 / max(H_n^a H^(1-a), 1)           eq. 8   -> image_wise
            H_n: pixels of the image whose likeliest class is pixel n's, H: all its pixels, a: `image_wise`

    G     L_seg(G(x), y) + lambda_t L_T(G(x_t))

The means are the release's, C times smaller than the print's.  Departures: one head (the release's `multi` is left out);
training starts with both terms, where the release starts from a segmenter that has learnt the source for 80 000 steps.
"""

from collections.abc import Iterator

from pydantic import Field
from torch import Tensor
from torch.nn import functional

from ash.config import Section
from ash.contract import Batch, Method, Needs, Update
from ash.methods._networks import Networks
from ash.segmentation import losses
from ash.style.view import Against, needs_of, others


class Settings(Section):
    """Numbers of the method."""

    segmentation_loss: losses.SegmentationLoss
    alpha: float = Field(ge=0, le=1, description="share of the style in the decoded features")
    against: Against = Field(description="what plays the target's part")
    lambda_t: float = Field(ge=0, description="weight of L_T")
    image_wise: float | None = Field(
        ge=0, le=1, description="exponent a of the image-wise weights; null: all pixels alike"
    )

    @property
    def needs(self) -> Needs:
        """One head, and a painting or a target image for each source image."""
        return needs_of(self.against, heads="single")


class MaxSquare(Method):
    """The segmenter alone, with one head."""

    def __init__(self, settings: Settings, networks: Networks) -> None:
        self.settings, self.segmenter, self.stylizer = settings, networks.segmenter, networks.stylizer
        self.players = {"segmenter": self.segmenter}

    def updates(self, batch: Batch, progress: float) -> Iterator[Update]:
        """Yield the one update."""
        s = self.settings
        heads = self.segmenter(batch.image)
        (logits,) = self.segmenter(others(s.against, self.stylizer, batch, s.alpha))
        p = losses.probability_map([logits], (batch.label.shape[1], batch.label.shape[2]))
        square = max_square(p) if s.image_wise is None else image_wise(p, s.image_wise)
        terms = {
            "segmentation": losses.segmentation(heads, batch.label, s.segmentation_loss),
            "square": s.lambda_t * square,
        }
        yield Update("segmenter", terms)


METHOD = MaxSquare


def max_square(probabilities: Tensor) -> Tensor:
    """-1/2 of the mean square over pixels and classes of (B,C,H,W); -1/(2C) for certain predictions."""
    return -probabilities.square().mean() / 2


def image_wise(probabilities: Tensor, exponent: float) -> Tensor:
    """The squares of (B,C,H,W) summed with the weight of each pixel's likeliest class in its image, over B C, negative.

    Rare classes weigh more: 1 / max(H_c^a H^(1-a), 1).  The weights are constants.
    """
    batch, classes, height, width = probabilities.shape
    chosen = functional.one_hot(probabilities.detach().argmax(1), classes).flatten(1, 2)  # (B,N,C)
    pixels = (chosen * chosen.sum(1, keepdim=True)).sum(2).float()  # of each pixel's class
    weight = 1 / (pixels**exponent * (height * width) ** (1 - exponent)).clamp_min(1)
    return -(probabilities.square() * weight.view(batch, 1, height, width)).sum() / (batch * classes)
