"""What a training method owes the loop: it yields named losses, and knows neither disk nor loop.

A method holds its networks and settings.  For each batch it yields updates: who learns, from which weighted terms.  The
loop alone owns autocast, backward passes, optimiser steps, logs and checkpoints (`ash.training`).

    class Clan(Method):
        def updates(self, batch, progress):
            yield Update("segmenter", {"segmentation": ..., "adversarial": s.lambda_adv * ...})
            yield Update("discriminator", {...})

The loop accumulates the gradient of an update's sum for the parameters of its player only, and steps every player after
the last update of a batch, as the release of ASH does.  No weight changes between two updates of one batch, but for an
update that says `then_step` and for `order: sequential` of the training settings.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import torch
from torch import Tensor, nn

Heads = Literal[
    "pair", "auxiliary", "single", "attention"
]  # layouts of the segmenter's heads (ash.segmentation.deeplab)
InstanceNorm = Literal["none", "plain", "affine"]  # in the segmenter's first stages (ash.segmentation.deeplab)
Convention = Literal["rgb", "release"]  # how images enter the encoder (ash.style.view)
StyleImages = Literal["prepared", "source"]  # the size at which paintings are encoded
Weights = Literal["fp16", "fp32"]  # what encoder and decoder are rounded to


@dataclass(frozen=True)
class Batch:
    """Everything that one training step sees.

    image       (B,3,H,W) float32, RGB in [0,1], mirrored left-right where `mirror` says so
    label       (B,h,w) int64 train ids, 255 void, mirrored likewise; h,w may be a fraction of H,W
    mirror      (B,) bool: where the image is mirrored and `content` is not
    content     (B,C,H/s,W/s) encoder features of the source images, not mirrored unless `Needs.encode_mirrored`; None
                unless needed
    style       (K B,C,.,.) encoder features of K paintings for each image, the first of every image first; None unless
                needed
    target      (B,3,.,.) unlabelled target images; None unless needed
    generator   a function of (seed, step) alone: all noise of the step comes from it
    """

    image: Tensor
    label: Tensor
    mirror: Tensor
    generator: torch.Generator
    content: Tensor | None = None
    style: Tensor | None = None
    target: Tensor | None = None


@dataclass(frozen=True)
class Needs:
    """What a method needs, as its settings say: networks, and what it reads besides labelled source images.

    heads           layout of the segmenter's heads
    instance_norm   InstanceNorm in the segmenter's stem and first two stages, without or with weights of its own
    initial         a frozen copy of the segmenter with its initial weights
    discriminators  how many maps of class probabilities to a map of domain logits
    condition       channels that the hallucinator is told of each pixel; 0: the method has no hallucinator
    paintings       features of so many paintings for each source image, and of the source images themselves
    bank            the paintings come from so many that are drawn once for the run; None: from the whole set
    target          unlabelled target images, as many as source images
    anchor          features of one image, fixed for the run: of the target if the experiment names one, else of a painting
    rain            the VAE of style statistics (`ash.style.rain`)
    convention      how images enter the encoder: RGB in [0,1] as it expects, or as the release of ASH feeds them
    encode_mirrored a mirrored image is encoded as such, as in the release, and `Batch.mirror` is false then
    style_images    paintings are encoded as prepared, or at the source's size times a random factor, as in the release
    weights         encoder and decoder rounded to float16, as they are kept, or as published where the file has that
    fresh_content   the training shows images that no cache of features knows (`training.jitter`, `training.regime`, or
                    `withheld`)
    withheld        the held-out images of the source are among them (`training.images`)
    """

    heads: Heads = "pair"
    instance_norm: InstanceNorm = "none"
    initial: bool = False
    discriminators: int = 0
    condition: int = 0
    paintings: int = 0
    bank: int | None = None
    target: bool = False
    anchor: bool = False
    rain: bool = False
    convention: Convention = "rgb"
    encode_mirrored: bool = False
    style_images: StyleImages = "prepared"
    weights: Weights = "fp16"
    fresh_content: bool = False
    withheld: bool = False

    @property
    def stylizer(self) -> bool:
        """Whether the method stylises at all."""
        return self.paintings > 0 or self.anchor

    @property
    def cached_style(self) -> bool:
        """Whether features of paintings come from a cache; it holds those of the pair in float16, of RGB images as prepared."""
        return self.convention == "rgb" and self.style_images == "prepared" and self.weights == "fp16"

    @property
    def cached_content(self) -> bool:
        """Whether features of source images may come from a cache."""
        fresh = self.encode_mirrored or self.fresh_content
        return self.convention == "rgb" and self.weights == "fp16" and not fresh

    @property
    def any_target(self) -> bool:
        """Whether images of a target may be used."""
        return self.target or self.anchor


@dataclass(frozen=True)
class Update:
    """One player's losses: `terms`, already weighted, are summed and descended by the parameters of `player`.

    `keep_graph` says that a later update of the same batch uses part of the same graph; `then_step` that the player
    takes its step before the next update is asked for; `also` names tensors, leaves of the graph, whose gradients the
    method reads from `.grad` before its next update.
    """

    player: str
    terms: Mapping[str, Tensor]
    keep_graph: bool = False
    then_step: bool = False
    also: tuple[Tensor, ...] = ()


class Method(ABC):
    """A training method.  Those of the papers are one file each in `ash/methods/`, with their `Settings` beside them."""

    players: Mapping[str, nn.Module]
    """Every network that learns, by the name that its updates and its optimiser have."""

    memory: Mapping[str, nn.Module] = MappingProxyType({})
    """What a method carries from step to step beside its players, as buffers that it changes in place.

    Nothing of it learns, and no model holds it.  The resume file keeps it, so that a killed run goes on as it would have.
    """

    @abstractmethod
    def updates(self, batch: Any, progress: float) -> Iterator[Update]:
        """Yield the updates of one step; `batch` is what the feed gives, `progress` is i/N, 0 at the first step."""

    def diagnostics(self, shown: Any) -> dict[str, float]:
        """Figures worth a column in history.csv, taken at every log line of one batch; most methods have none.

        `shown` is the same batch for the whole run, so that figures of two steps can be compared.  No weight, no statistic
        of a BatchNorm and no generator may change.
        """
        return {}
