"""What a method is made of, found by building it on tiny networks: heads of the segmenter, players, needs."""

from dataclasses import dataclass

import torch

from ash import methods
from ash.config import DiscriminatorSettings, Experiment, SegmenterSettings
from ash.contract import Needs
from ash.methods._networks import Networks
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
    """Build an experiment's method on the smallest networks that it can have, and say what it is made of."""
    needs = methods.check_experiment(experiment)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        built = methods.build(experiment, _networks(experiment.source, needs))
    return Anatomy(f"`{needs.heads}`: {HEADS[needs.heads]}", ", ".join(built.players), words(needs))


def words(needs: Needs) -> str:
    """`Needs` as a list in words."""
    found = _of_segmenter(needs)
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
    if needs.withheld:
        found.append("the held-out images of the source")
    if needs.stylizer and needs.convention != "rgb":
        found.append(f"images enter the encoder as in `{needs.convention}`, so no cached features")
    elif needs.stylizer and not (needs.cached_style and needs.cached_content):
        found.append("features of images as they are shown, so no cached ones")
    return "; ".join(found) or "nothing"


def _of_segmenter(needs: Needs) -> list[str]:
    """What `Needs` says of the segmenter beside its heads."""
    learnt = "with" if needs.instance_norm == "affine" else "without"
    norm = [f"a segmenter with InstanceNorm in its stem and first two stages, {learnt} weights of its own"]
    initial = ["a frozen copy of the segmenter with its initial weights"]
    return (norm if needs.instance_norm != "none" else []) + (initial if needs.initial else [])


def _networks(source: str, needs: Needs) -> Networks:
    """Networks of a few weights each."""
    pair = Stylizer(PAIR)
    segmenter = build_segmenter(SEGMENTER, needs.heads, needs.instance_norm)
    return Networks(
        segmenter=segmenter,
        source=source,
        initial=segmenter.frozen() if needs.initial else None,
        discriminators=tuple(build_discriminator(DISCRIMINATOR) for _ in range(needs.discriminators)),
        hallucinator=Hallucinator(needs.condition, pair.channels, (4, 4), 2) if needs.condition else None,
        stylizer=pair if needs.stylizer else None,
        rain=StatisticsVae(pair.channels).eval().requires_grad_(False) if needs.rain else None,
        anchor=pair.encode(torch.zeros(1, 3, 16, 16)) if needs.anchor else None,
    )
