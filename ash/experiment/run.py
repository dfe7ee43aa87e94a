"""Training of one experiment: builds the parts, feeds the loop, writes the results."""

import logging
import platform
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

import ash
from ash import methods, precision
from ash.config import Experiment, Settings
from ash.errors import ConfigError
from ash.experiment.model import run_digest, save_model
from ash.features import FeatureFile, prepared_identity
from ash.recipe import Parts, Recipe
from ash.segmentation.deeplab import build_segmenter
from ash.segmentation.discriminator import build_discriminator
from ash.store import PREPARED_SCHEMA, digest, open_h5, write_json, write_text
from ash.style.hallucination import Hallucinator
from ash.style.stylizer import Stylizer, load_stylizer
from ash.training.feed import Feed
from ash.training.loop import train

log = logging.getLogger(__name__)
Progress = Callable[[int, int], None]
Network = TypeVar("Network", bound=nn.Module)


def quiet(done: int, total: int) -> None:
    """Report no progress."""


@dataclass(frozen=True)
class TrainFiles:
    """The files that a run reads: the prepared source, and for recipes that stylise the pair and its features.

    Without `content` the source features are encoded in every step, with the same result.
    """

    prepared: Path
    stylizer: Path | None = None
    style: Path | None = None
    content: Path | None = None


def device() -> torch.device:
    """The GPU if there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def train_run(
    settings: Settings, name: str, seed: int, files: TrainFiles, out: Path, progress: Progress = quiet
) -> None:
    """Train one experiment with one seed into the folder `out`, going on from out/resume.pt if it is there.

    Writes model.safetensors, history.csv and provenance.json.  The same settings, seed and files give the same bytes
    on one kind of CPU, whether or not the run was interrupted.
    """
    torch.use_deterministic_algorithms(True)
    # Deterministic mode also fills every fresh tensor with NaN, to show reads of uninitialised memory: a seventh of a
    # small network's step on a CPU.
    torch.utils.deterministic.fill_uninitialized_memory = False
    experiment, where, resume = settings.experiment(name), device(), out / "resume.pt"
    arithmetic = precision.resolve(experiment.training.precision, where)
    run = run_digest(experiment, seed)
    stylizer = None if files.stylizer is None else load_stylizer(files.stylizer).to(where)
    recipe = build_recipe(experiment, seed, stylizer, where)
    log.info("%s, seed %d: recipe %s on %s in %s", name, seed, experiment.recipe, where, arithmetic)
    with ExitStack() as stack:
        history = train(
            recipe,
            build_feed(experiment, seed, files, stylizer, recipe.needs, where, stack),
            experiment.training,
            resume=resume,
            digest=digest({"run": run, "precision": arithmetic}),
            autocast=precision.autocast(arithmetic, where),
            progress=progress,
        )
    save_model(out / "model.safetensors", recipe.players["segmenter"], experiment.segmenter, run)
    write_text(out / "history.csv", history.csv())
    write_json(out / "provenance.json", provenance(experiment, seed, arithmetic, where))
    resume.unlink()


def build_recipe(experiment: Experiment, seed: int, stylizer: Stylizer | None, where: torch.device) -> Recipe:
    """The recipe of an experiment with its initial weights, which depend on the seed and the network alone.

    So two experiments of one seed start from the same segmenter.
    """

    def pair() -> Stylizer:
        if stylizer is None:
            raise ConfigError(f"{experiment.name}: recipe {experiment.recipe} stylises; give --stylizer and --style")
        return stylizer

    def hallucinator(classes: int) -> Hallucinator:
        h, channels = experiment.hallucinator, pair().channels
        return _seeded(seed, 2, lambda: Hallucinator(classes, channels, h.condition, h.stride)).to(where)

    parts = Parts(
        segmenter=cache(lambda: _seeded(seed, 0, lambda: build_segmenter(experiment.segmenter)).to(where)),
        discriminator=cache(lambda: _seeded(seed, 1, lambda: build_discriminator(experiment.discriminator)).to(where)),
        hallucinator=hallucinator,
        stylizer=pair,
        source=experiment.source,
    )
    return methods.build(experiment.recipe, experiment.method, parts)


def build_feed(
    experiment: Experiment,
    seed: int,
    files: TrainFiles,
    stylizer: Stylizer | None,
    needs: frozenset[str],
    where: torch.device,
    stack: ExitStack,
) -> Feed:
    """The batches of a run; opened files close with `stack`."""
    source = stack.enter_context(open_h5(files.prepared, PREPARED_SCHEMA))
    style: FeatureFile | None = None
    content: FeatureFile | Callable[[Tensor], Tensor] | None = None
    if "style" in needs:
        if stylizer is None or files.style is None:
            raise ConfigError(f"{experiment.name}: recipe {experiment.recipe} stylises; give --stylizer and --style")
        style = stack.enter_context(FeatureFile(files.style, stylizer.digest))
        if files.content is None:
            content = partial(_encode, stylizer)
        else:
            made_from = prepared_identity(files.prepared)
            content = stack.enter_context(FeatureFile(files.content, stylizer.digest, made_from))
    return Feed(
        source["image"],
        source["label"],
        seed=seed,
        batch=experiment.training.batch,
        label_stride=experiment.training.label_stride,
        device=where,
        style=style,
        content=content,
    )


def _encode(stylizer: Stylizer, image: Tensor) -> Tensor:
    """Features as a cache would hold them: rounded to fp16."""
    with torch.no_grad():
        return stylizer.encode(image).half().float()


def provenance(experiment: Experiment, seed: int, arithmetic: str, where: torch.device) -> dict[str, Any]:
    """What a reader needs to judge or repeat a run; holds no clock, so equal runs give equal files."""
    cpu = torch.cpu.get_capabilities()
    return {
        "experiment": experiment.name,
        "settings": experiment.model_dump(mode="json"),
        "digest": run_digest(experiment, seed),
        "seed": seed,
        "precision": arithmetic,
        "version": ash.__version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "machine": {
            "device": torch.cuda.get_device_name() if where.type == "cuda" else str(cpu.get("cpu_name", "unknown")),
            "architecture": platform.machine(),
            "threads": torch.get_num_threads(),
        },
    }


def _seeded(seed: int, stream: int, make: Callable[[], Network]) -> Network:
    """Initialise a network from a generator state of its own and leave the global one as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed * 1000 + stream)
        return make()
