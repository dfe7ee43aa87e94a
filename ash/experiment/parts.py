"""What a run is made of, built from settings and files: the recipe with its networks, and its batches."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from ash import methods
from ash.config import Experiment
from ash.errors import ConfigError, StoreError
from ash.experiment.caching import holds_features
from ash.experiment.checkpoints import load_initial
from ash.features import FeatureFile, prepared_identity
from ash.recipe import Convention, Heads, Needs, Parts, Recipe
from ash.segmentation.deeplab import DeepLab, build_segmenter
from ash.segmentation.discriminator import build_discriminator
from ash.store import PREPARED_SCHEMA, open_h5
from ash.style.hallucination import Hallucinator
from ash.style.rain import StatisticsVae, load_rain
from ash.style.stylizer import Stylizer, load_stylizer
from ash.style.view import enter
from ash.training.feed import Features, Feed, to_image

Network = TypeVar("Network", bound=nn.Module)


@dataclass(frozen=True)
class TrainFiles:
    """The files that a run reads; all but the first only where the recipe needs them.

    prepared    the source, prepared
    stylizer    the pair of encoder and decoder
    paintings   prepared paintings, where they are encoded in every step
    style       cached features of the paintings, where they are not
    content     cached features of the source; without them they are encoded in every step, with the same result
    target      training images of the target, prepared; their labels are never read
    rain        the VAE of style statistics
    initial     the segmenter's initial weights, where the protocol names some
    """

    prepared: Path
    stylizer: Path | None = None
    paintings: Path | None = None
    style: Path | None = None
    content: Path | None = None
    target: Path | None = None
    rain: Path | None = None
    initial: Path | None = None

    def require(self, name: str, experiment: Experiment) -> Path:
        """One of the files; ConfigError names the option that is missing."""
        path: Path | None = getattr(self, name)
        if path is None:
            raise ConfigError(f"{experiment.name}: recipe {experiment.recipe} needs --{name}; give the file")
        return path


class Encoded:
    """Features of a prepared set, encoded when they are read: the same as cached ones of storage fp16."""

    def __init__(self, images: Sequence[np.ndarray], stylizer: Stylizer, convention: Convention) -> None:
        self.images, self.stylizer, self.convention = images, stylizer, convention
        self.where = next(stylizer.parameters()).device

    def __len__(self) -> int:
        """Images in the set."""
        return len(self.images)

    @torch.no_grad()
    def read(self, indices: Sequence[int] | np.ndarray) -> Tensor:
        """Features (B,C,h,w), float32, rounded to fp16 as a cache would hold them (not the release's, which overflow it)."""
        image = to_image(np.stack([self.images[int(i)] for i in indices])).to(self.where)
        features = self.stylizer.encode(enter(image, self.convention))
        return features.half().float() if self.convention == "rgb" else features


def build_recipe(experiment: Experiment, seed: int, files: TrainFiles, where: torch.device) -> Recipe:
    """The recipe of an experiment with its initial weights, which depend on the seed and the network alone.

    So two experiments of one seed start from the same segmenter.
    """

    @cache
    def pair() -> Stylizer:
        return load_stylizer(files.require("stylizer", experiment)).to(where)

    def segmenter(layout: Heads) -> DeepLab:
        built = _seeded(seed, 0, lambda: build_segmenter(experiment.segmenter, layout))
        if experiment.segmenter.weights is not None:
            load_initial(files.require("initial", experiment), built)
        return built.recompute(experiment.training.recompute).to(where)

    def discriminators(count: int) -> nn.ModuleList:
        d = experiment.discriminator
        return _seeded(seed, 1, lambda: nn.ModuleList(build_discriminator(d) for _ in range(count))).to(where)

    def hallucinator(classes: int) -> Hallucinator:
        h, channels = experiment.hallucinator, pair().channels
        return _seeded(seed, 2, lambda: Hallucinator(classes, channels, h.condition, h.stride)).to(where)

    def rain() -> StatisticsVae:
        return load_rain(files.require("rain", experiment), pair().digest).to(where)

    parts = Parts(
        segmenter=segmenter,
        discriminators=discriminators,
        hallucinator=hallucinator,
        stylizer=pair,
        rain=rain,
        anchor=lambda: _anchor(experiment, seed, files, pair()).to(where),
        source=experiment.source,
    )
    return methods.build(experiment.recipe, experiment.method, parts)


def build_feed(
    experiment: Experiment, seed: int, files: TrainFiles, needs: Needs, where: torch.device, stack: ExitStack
) -> Feed:
    """The batches of a run; opened files close with `stack`."""
    source = stack.enter_context(open_h5(files.prepared, PREPARED_SCHEMA))
    style, content = _features(experiment, files, needs, where, stack) if needs.stylizer else (None, None)
    if style is not None and len(style) < (needs.bank or 0):
        raise ConfigError(
            f"experiments.{experiment.name}: a bank of {needs.bank} paintings, {files.style} holds {len(style)}; "
            "lower `styles`, or give more paintings"
        )
    target = None
    if needs.target:
        target = stack.enter_context(open_h5(files.require("target", experiment), PREPARED_SCHEMA))["image"]
    return Feed(
        source["image"],
        source["label"],
        seed=seed,
        batch=experiment.training.batch,
        label_stride=experiment.training.label_stride,
        device=where,
        needs=needs,
        style=style if needs.paintings else None,
        content=content,
        targets=target,
    )


def _features(
    experiment: Experiment, files: TrainFiles, needs: Needs, where: torch.device, stack: ExitStack
) -> tuple[Features, Features]:
    """Features of the paintings and of the source images, cached or encoded in every step."""
    pair = load_stylizer(files.require("stylizer", experiment)).to(where)

    def encoded(path: Path) -> Encoded:
        return Encoded(stack.enter_context(open_h5(path, PREPARED_SCHEMA))["image"], pair, needs.convention)

    if needs.convention == "release":  # caches hold features of RGB images
        return encoded(files.require("paintings", experiment)), encoded(files.prepared)
    style = stack.enter_context(FeatureFile(files.require("style", experiment), pair.digest))
    if files.content is None or not holds_features(files.content):
        return style, encoded(files.prepared)
    made_from = prepared_identity(files.prepared)
    return style, stack.enter_context(FeatureFile(files.content, pair.digest, made_from))


def _anchor(experiment: Experiment, seed: int, files: TrainFiles, pair: Stylizer) -> Tensor:
    """Features (1,C,h,w) of the first training image of the target, or without a target of the seed-th painting."""
    if experiment.target is not None:
        with open_h5(files.require("target", experiment), PREPARED_SCHEMA) as file:
            return Encoded(file["image"], pair, "rgb").read([0])
    with FeatureFile(files.require("style", experiment), pair.digest) as paintings:
        if seed >= len(paintings):
            raise StoreError(
                f"{files.style}: {len(paintings)} paintings, wanted number {seed} for seed {seed}; cache more"
            )
        return paintings.read([seed])


def _seeded(seed: int, stream: int, make: Callable[[], Network]) -> Network:
    """Initialise a network from a generator state of its own and leave the global one as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed * 1000 + stream)
        return make()
