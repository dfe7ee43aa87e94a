"""Training on the source alone: the baseline of ASH Table 5.

CLAN without its target: no stylised image is made, and BatchNorm sees source images only.

    L = L_seg(G(x), y) + 2 lambda_weight d L_weight        d = 1 - i/N

    L_seg     -> losses.segmentation
    L_weight  -> losses.weight_discrepancy, CLAN eq. 3; the release counts it twice -> losses.likeness
"""

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from ash.config import Section
from ash.contract import Batch, Method, Needs, Update
from ash.methods._networks import Networks
from ash.segmentation import losses


class Settings(Section):
    """Numbers of the method."""

    needs: ClassVar[Needs] = Needs()

    segmentation_loss: losses.SegmentationLoss
    lambda_weight: float = Field(ge=0, description="weight of the heads' likeness")


class SourceOnly(Method):
    """One player, two terms."""

    def __init__(self, settings: Settings, networks: Networks) -> None:
        self.settings, self.segmenter = settings, networks.segmenter
        self.players = {"segmenter": self.segmenter}

    def updates(self, batch: Batch, progress: float) -> Iterator[Update]:
        """Yield the one update."""
        s = self.settings
        heads = self.segmenter(batch.image)
        yield Update(
            "segmenter",
            {
                "segmentation": losses.segmentation(heads, batch.label, s.segmentation_loss),
                "weight": losses.likeness(self.segmenter, s.lambda_weight, losses.damping(progress)),
            },
        )


METHOD = SourceOnly
