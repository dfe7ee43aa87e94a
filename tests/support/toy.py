"""A small world for tests of the loop: a method with two players, random images, settings of a few steps."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from ash.config import OptimiserSettings, TrainingSettings
from ash.contract import Batch, Method, Update
from ash.training.feed import Feed


def training(**changes: object) -> TrainingSettings:
    """Settings of ten steps of batch 2, with any of them changed."""
    optimiser = {
        "weight_decay": 0.0,
        "momentum": 0.9,
        "beta2": 0.999,
        "head_multiplier": 1.0,
        "backbone_multiplier": 1.0,
    }
    content: dict[str, object] = {
        "iterations": 10,
        "batch": 2,
        "label_stride": 2,
        "warmup": 0.2,
        "power": 0.9,
        "precision": "fp32",
        "order": "simultaneous",
        "log_every": 4,
        "checkpoint_every": 3,
        "optimisers": {
            "segmenter": OptimiserSettings(kind="adamw", lr=1e-2, clip=None, **optimiser),
            "discriminator": OptimiserSettings(kind="sgd", lr=1e-2, clip=1.0, **optimiser),
        },
    }
    return TrainingSettings.model_validate(content | changes)


class Game(Method):
    """A segmenter against a discriminator that scores its noisy output; `poison` makes a term NaN at a step."""

    def __init__(self, seed: int = 0, poison: int | None = None) -> None:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            segmenter = nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 3, 1))
            self.players = {"segmenter": segmenter, "discriminator": nn.Conv2d(3, 1, 1)}
        self.poison, self.calls = poison, 0

    def updates(self, batch: Batch, progress: float) -> Iterator[Update]:
        """Cross-entropy and a fooling term for the segmenter, then the discriminator's own loss."""
        segmenter, judge = self.players["segmenter"], self.players["discriminator"]
        logits = segmenter(batch.image)
        noise = torch.randn(logits.shape, generator=batch.generator, device=logits.device)
        seg = functional.cross_entropy(logits, batch.label % 3)
        if self.poison is not None and self.calls == self.poison:
            seg = seg * float("nan")
        self.calls += 1
        yield Update("segmenter", {"segmentation": seg, "fooling": (1 - progress) * judge(logits + noise).mean()})
        yield Update("discriminator", {"judging": -judge(logits.detach() + noise).mean()})

    def diagnostics(self, batch: Batch) -> dict[str, float]:
        """One figure."""
        return {"mirrored": float(batch.mirror.sum())}


def feed(seed: int = 0, strong: bool = False) -> Feed:
    """Seven random images of 16x8, in the plain or the strong regime."""
    rng = np.random.default_rng(5)
    images = list(rng.integers(0, 256, (7, 8, 16, 3), dtype=np.uint8))
    labels = list(rng.integers(0, 19, (7, 8, 16), dtype=np.uint8))
    return Feed(images, labels, seed=seed, batch=2, label_stride=2, device=torch.device("cpu"), strong=strong)
