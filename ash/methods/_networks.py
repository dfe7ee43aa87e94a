"""The networks that a method is built on, each made once from what its `Needs` state (`ash.experiment.build`)."""

from dataclasses import dataclass
from typing import TypeVar

from torch import Tensor

from ash.errors import ConfigError
from ash.segmentation.deeplab import DeepLab
from ash.segmentation.discriminator import Discriminator
from ash.style.hallucination import Hallucinator
from ash.style.rain import StatisticsVae
from ash.style.stylizer import Stylizer

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Networks:
    """Networks with their initial weights, on the device that trains them; None where `Needs` did not ask for one.

    segmenter       DeepLab; its forward gives the logits of each head, (B,19,h,w)
    discriminators  so many maps of class probabilities to a map of domain logits
    hallucinator    H, for `Needs.condition` channels
    stylizer        frozen encoder and decoder
    rain            frozen VAE of style statistics
    anchor          features (1,C,h,w) of the one image that `Needs.anchor` speaks of
    initial         the segmenter as it began, frozen (`DeepLab.frozen`)
    source          name of the source data set, for constants that depend on it (lambda_local)
    """

    segmenter: DeepLab
    source: str
    initial: DeepLab | None = None
    discriminators: tuple[Discriminator, ...] = ()
    hallucinator: Hallucinator | None = None
    stylizer: Stylizer | None = None
    rain: StatisticsVae | None = None
    anchor: Tensor | None = None


def stated(network: T | None, need: str) -> T:
    """A network that the method's `Needs` must have asked for; ConfigError names the need that they do not state."""
    if network is None:
        raise ConfigError(f"the method uses a network that its needs do not state; state `{need}` in Settings.needs")
    return network
