"""What a training method is: a recipe that yields named losses, and knows neither disk nor loop.

A recipe holds its networks and settings.  For each batch it yields updates: who learns, from which weighted terms.  The
loop alone owns autocast, backward passes, optimiser steps, logs and checkpoints (`ash.training.loop`).

    class Recipe:
        def __init__(self, settings, parts): ...
        def updates(self, batch, progress):
            yield Update("segmenter", {"segmentation": ..., "adversarial": s.lambda_adv * ...})
            yield Update("discriminator", {...})

The loop accumulates the gradient of an update's sum for the parameters of its player only, and steps every player after
the last update of a batch, as the release of ASH does.  No weight changes between two updates of one batch.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Batch:
    """Everything that one training step sees.

    image       (B,3,H,W) float32, RGB in [0,1], mirrored left-right where `mirror` says so
    label       (B,h,w) int64 train ids, 255 void, mirrored likewise; h,w may be a fraction of H,W
    mirror      (B,) bool
    content     (B,C,H/s,W/s) encoder features of the source images, never mirrored; None unless the recipe needs style
    style       (B,C,.,.) encoder features of one painting for each image; None unless the recipe needs style
    target      (B,3,.,.) unlabelled target images; None unless the recipe needs target
    generator   a function of (seed, step) alone: all noise of the step comes from it
    """

    image: Tensor
    label: Tensor
    mirror: Tensor
    generator: torch.Generator
    content: Tensor | None = None
    style: Tensor | None = None
    target: Tensor | None = None


def mirrored(values: Tensor, mirror: Tensor) -> Tensor:
    """Flip the last axis of those samples of `values` (B,...,W) that `mirror` (B,) names; its own inverse."""
    return torch.where(mirror.view(-1, *[1] * (values.dim() - 1)), values.flip(-1), values)


@dataclass(frozen=True)
class Update:
    """One player's losses: `terms`, already weighted, are summed and descended by the parameters of `player`.

    `keep_graph` says that a later update of the same batch uses part of the same graph.
    """

    player: str
    terms: Mapping[str, Tensor]
    keep_graph: bool = False


@dataclass(frozen=True)
class Parts:
    """What an experiment hands to a recipe: networks with their initial weights, made when first asked for.

    segmenter      () -> DeepLab; its forward gives the logits of each head, (B,19,h,w)
    discriminator  () -> map of probabilities to a map of domain logits
    hallucinator   (number of condition channels) -> H
    stylizer       () -> frozen encoder and decoder
    source         name of the source data set, for constants that depend on it (lambda_local)
    """

    segmenter: Callable[[], Any]
    discriminator: Callable[[], Any]
    hallucinator: Callable[[int], Any]
    stylizer: Callable[[], Any]
    source: str


class Recipe(Protocol):
    """A training method; one file in `ash/methods/`, with its `Settings` beside it."""

    players: Mapping[str, nn.Module]
    """Every network that learns; "segmenter" is always among them and is what gets evaluated."""
    needs: frozenset[str]
    """Optional parts of a batch that it reads: any of "style", "target"."""

    def updates(self, batch: Batch, progress: float) -> Iterator[Update]:
        """Yield the updates of one step; `progress` is i/N, 0 at the first step."""
        ...

    def diagnostics(self, batch: Batch) -> dict[str, float]:
        """Figures worth a column in history.csv, taken now and then; empty for most methods."""
        ...
