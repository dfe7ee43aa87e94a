"""What a run is made of, built once and top down from settings and files: networks for the method's needs, and batches."""

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor

from ash.config import Experiment
from ash.contract import Needs
from ash.errors import ConfigError, StoreError
from ash.experiment.compiled import compile_regions
from ash.experiment.inputs import RunFiles
from ash.features.encoded import Encoded, encode
from ash.features.file import FeatureFile, holds_features, prepared_identity
from ash.files.hdf5 import PREPARED_SCHEMA, open_h5
from ash.methods._networks import Networks
from ash.segmentation.deeplab import DeepLab, build_segmenter
from ash.segmentation.discriminator import build_discriminator
from ash.style.hallucination import Hallucinator
from ash.style.rain import load_rain
from ash.style.stylizer import Stylizer, load_stylizer
from ash.training.feed import Features, Feed, joined
from ash.weights.checkpoints import load_initial

Made = TypeVar("Made")


def build_networks(experiment: Experiment, needs: Needs, seed: int, files: RunFiles, where: torch.device) -> Networks:
    """The networks that an experiment's method needs; their initial weights depend on the seed and the network alone.

    So two experiments of one seed start from the same segmenter.
    """
    d, h = experiment.discriminator, experiment.hallucinator
    pair = None
    if needs.stylizer:
        pair = load_stylizer(files.require("stylizer", experiment), needs.weights).to(where)
    channels = 0 if pair is None else pair.channels
    judges = _seeded(seed, 1, lambda: [build_discriminator(d) for _ in range(needs.discriminators)])
    segmenter = _segmenter(experiment, needs, seed, files).to(where)
    networks = Networks(
        segmenter=segmenter,
        source=experiment.source,
        initial=segmenter.frozen() if needs.initial else None,
        discriminators=tuple(judge.to(where) for judge in judges),
        hallucinator=_seeded(seed, 2, lambda: Hallucinator(needs.condition, channels, h.condition, h.stride)).to(where)
        if needs.condition
        else None,
        stylizer=pair,
        rain=load_rain(files.require("rain", experiment), pair.digest).to(where) if pair and needs.rain else None,
        anchor=_anchor(experiment, seed, files, pair).to(where) if pair and needs.anchor else None,
    )
    if experiment.training.compile == "regions":
        compile_regions(networks, needs)
    return networks


def _segmenter(experiment: Experiment, needs: Needs, seed: int, files: RunFiles) -> DeepLab:
    built = _seeded(seed, 0, lambda: build_segmenter(experiment.segmenter, needs.heads, needs.instance_norm))
    if experiment.segmenter.weights is not None:
        load_initial(files.require("initial", experiment), built)
    return built.recompute(experiment.training.recompute)


def build_feed(
    experiment: Experiment,
    needs: Needs,
    seed: int,
    files: RunFiles,
    pair: Stylizer | None,
    where: torch.device,
    stack: ExitStack,
) -> Feed:
    """The batches of a run; `pair` encodes what no cache holds; opened files close with `stack`."""
    paths = [files.prepared, *([files.require("withheld", experiment)] if needs.withheld else [])]
    sources = [stack.enter_context(open_h5(path, PREPARED_SCHEMA)) for path in paths]
    style, content = (None, None) if pair is None else _features(experiment, files, needs, pair, stack)
    if style is not None and len(style) < (needs.bank or 0):
        raise ConfigError(
            f"experiments.{experiment.name}: a bank of {needs.bank} paintings, {files.style} holds {len(style)}; "
            "lower `styles`, or give more paintings"
        )
    target = None
    if needs.target:
        target = stack.enter_context(open_h5(files.require("target", experiment), PREPARED_SCHEMA))["image"]
    training = experiment.training
    return Feed(
        joined([source["image"] for source in sources]),
        joined([source["label"] for source in sources]),
        seed=seed,
        batch=training.batch,
        label_stride=training.label_stride,
        jitter=training.jitter,
        strong=training.regime == "strong",
        classes=training.classes,
        encode=None if pair is None else partial(encode, pair, needs.convention),
        device=where,
        needs=needs,
        style=style if needs.paintings else None,
        content=content,
        targets=target,
    )


def _features(
    experiment: Experiment, files: RunFiles, needs: Needs, pair: Stylizer, stack: ExitStack
) -> tuple[Features, Features | None]:
    """Features of the paintings and of the source images, cached or encoded in every step.

    None for source images that are not shown as they were prepared: the feed encodes what is shown.
    """

    def encoded(path: Path) -> Encoded:
        return Encoded(stack.enter_context(open_h5(path, PREPARED_SCHEMA))["image"], pair, needs.convention)

    style: Features
    if needs.cached_style:
        style = stack.enter_context(FeatureFile(files.require("style", experiment), pair.digest))
    else:
        style = encoded(files.require("paintings", experiment))
    if needs.encode_mirrored or needs.fresh_content:
        return style, None
    if not needs.cached_content or files.content is None or not holds_features(files.content):
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


def _seeded(seed: int, stream: int, make: Callable[[], Made]) -> Made:
    """Initialise networks from a generator state of its own and leave the global one as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed * 1000 + stream)
        return make()
