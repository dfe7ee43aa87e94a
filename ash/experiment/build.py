"""What a run is made of, built from settings and files: the recipe with its networks, and its batches."""

from collections.abc import Callable
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from ash import methods
from ash.config import Experiment
from ash.contract import Heads, Method, Needs, Parts
from ash.errors import ConfigError, StoreError
from ash.experiment.inputs import RunFiles
from ash.features.encoded import Encoded
from ash.features.file import FeatureFile, holds_features, prepared_identity
from ash.files.hdf5 import PREPARED_SCHEMA, open_h5
from ash.segmentation.deeplab import DeepLab, build_segmenter
from ash.segmentation.discriminator import build_discriminator
from ash.style.hallucination import Hallucinator
from ash.style.rain import StatisticsVae, load_rain
from ash.style.stylizer import Stylizer, load_stylizer
from ash.training.feed import Features, Feed
from ash.weights.checkpoints import load_initial

Network = TypeVar("Network", bound=nn.Module)


def build_recipe(experiment: Experiment, seed: int, files: RunFiles, where: torch.device) -> Method:
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
    experiment: Experiment, seed: int, files: RunFiles, needs: Needs, where: torch.device, stack: ExitStack
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
    experiment: Experiment, files: RunFiles, needs: Needs, where: torch.device, stack: ExitStack
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


def _anchor(experiment: Experiment, seed: int, files: RunFiles, pair: Stylizer) -> Tensor:
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
