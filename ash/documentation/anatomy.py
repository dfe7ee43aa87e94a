"""What a method is made of, found by building it on tiny networks: heads of the segmenter, players, needs."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ash import methods
from ash.config import DiscriminatorSettings, Experiment, SegmenterSettings
from ash.contract import Needs, Parts
from ash.segmentation.deeplab import build_segmenter
from ash.segmentation.discriminator import build_discriminator
from ash.style.hallucination import Hallucinator
from ash.style.rain import StatisticsVae
from ash.style.stylizer import NetworkSettings, Stylizer
from ash.style.vgg import mirror

SEGMENTER = SegmenterSettings(kind="small", width=4, blocks=(1, 1, 1, 1), rates=(1,))
DISCRIMINATOR = DiscriminatorSettings(width=4, strides=(2, 1), map_size=(16, 8))
PAIR = NetworkSettings(width=2, depth="relu3_1", decoder=mirror(2, "relu3_1"))
HEADS = {
    "pair": "two on layer4, a prediction is their sum",
    "auxiliary": "one on layer4, from which predictions come, and one on layer3",
    "single": "one on layer4",
    "attention": "one on the position attention of layer4",
}


@dataclass(frozen=True)
class Anatomy:
    """In words: which heads, which networks learn, what is read."""

    heads: str
    players: str
    needs: str


def anatomy(experiment: Experiment) -> Anatomy:
    """Build an experiment's method, and say what it is made of."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        built = methods.build(experiment.recipe, experiment.method, _parts(experiment.source))
    layout = str(built.players["segmenter"].layout)
    return Anatomy(f"`{layout}`: {HEADS.get(layout, layout)}", ", ".join(built.players), words(built.needs))


def words(needs: Needs) -> str:
    """`Needs` as a list in words."""
    found = []
    if needs.paintings:
        count = "a painting" if needs.paintings == 1 else f"{needs.paintings} paintings"
        found.append(
            f"{count} for each source image" + (f", out of {needs.bank} drawn for the run" if needs.bank else "")
        )
    if needs.target:
        found.append("unlabelled target images")
    if needs.anchor:
        found.append("one image, the same for the whole run: of the target if one is named, else a painting")
    if needs.rain:
        found.append("the VAE of style statistics")
    if needs.stylizer and needs.convention != "rgb":
        found.append(f"images enter the encoder as in `{needs.convention}`, so no cached features")
    return "; ".join(found) or "nothing"


def _parts(source: str) -> Parts:
    """The smallest networks that a method can be built on."""
    pair = Stylizer(PAIR)

    def anchor() -> Tensor:
        return pair.encode(torch.zeros(1, 3, 16, 16))

    return Parts(
        segmenter=lambda layout: build_segmenter(SEGMENTER, layout),
        discriminators=lambda count: nn.ModuleList(build_discriminator(DISCRIMINATOR) for _ in range(count)),
        hallucinator=lambda classes: Hallucinator(classes, pair.channels, (4, 4), 2),
        stylizer=lambda: pair,
        rain=lambda: StatisticsVae(pair.channels).eval().requires_grad_(False),
        anchor=anchor,
        source=source,
    )
