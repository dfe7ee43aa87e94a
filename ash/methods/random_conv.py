"""RandConv: three random convolutions of an image should be segmented alike.

Xu et al., Robust and Generalizable Visual Representation Learning via Random Convolutions, ICLR 2021.  Its views alone are
`view: random_conv` of method augmentation.

    x_i = (1 - a_i) x + a_i (W_i * x), i = 1, 2, 3                                          -> random_conv
    L   = L_seg(G(x_1), y) + lambda_con JSD(G(x_1), G(x_2), G(x_3)) + 2 lambda_weight d L_weight

    JSD   mean over the three and over pixels of KL(p_i, mean of the three)                 -> jensen_shannon

Departures: the likeness of the heads is every method's here; the released code makes x_2 and x_3 of x_1, which the paper does
not, and here all three are made of x.
"""

from collections.abc import Iterator
from typing import ClassVar

import torch
from pydantic import Field

from ash.config import Section
from ash.contract import Batch, Method, Needs, Update
from ash.methods._consistency import jensen_shannon
from ash.methods._networks import Networks
from ash.methods._views import random_conv
from ash.segmentation import losses

DRAWS = 3


class Settings(Section):
    """Numbers of the method."""

    needs: ClassVar[Needs] = Needs()

    segmentation_loss: losses.SegmentationLoss
    lambda_weight: float = Field(ge=0, description="weight of the heads' likeness")
    lambda_con: float = Field(ge=0, description="weight of the three predictions' divergence; 10 in the paper")


class RandConv(Method):
    """The segmenter alone."""

    def __init__(self, settings: Settings, networks: Networks) -> None:
        self.settings, self.segmenter = settings, networks.segmenter
        self.players = {"segmenter": self.segmenter}

    def updates(self, batch: Batch, progress: float) -> Iterator[Update]:
        """Yield the one update; the image itself never passes G, but where a share a is 0."""
        s = self.settings
        with torch.no_grad():
            images = [random_conv(batch.image, batch.generator) for _ in range(DRAWS)]
        views = [self.segmenter(image) for image in images]
        yield Update(
            "segmenter",
            {
                "segmentation": losses.segmentation(views[0], batch.label, s.segmentation_loss),
                "consistency": s.lambda_con * jensen_shannon(views),
                "weight": losses.likeness(self.segmenter, s.lambda_weight, losses.damping(progress)),
            },
        )


METHOD = RandConv
