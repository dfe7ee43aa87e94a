"""How long a training step takes on this machine, split by part, and how often it passes the segmenter."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ash import precision
from ash.config import Settings
from ash.experiment.memory import device
from ash.experiment.parts import TrainFiles, build_feed, build_recipe
from ash.recipe import Batch, Recipe
from ash.training import schedule

Times = dict[str, list[float]]


class Passes:
    """Counts images that pass the segmenter forwards, and gradients of images that pass it backwards."""

    def __init__(self, segmenter: nn.Module) -> None:
        """Watch layer1, which every pass goes through, whichever heads it ends in."""
        self.forward = self.backward = 0
        segmenter.layer1.register_forward_hook(self._count)  # type: ignore[union-attr]

    def _count(self, _: nn.Module, __: object, features: Tensor) -> None:
        self.forward += len(features)
        if features.requires_grad:
            features.register_hook(self._count_back)  # type: ignore[no-untyped-call]

    def _count_back(self, gradient: Tensor) -> None:
        self.backward += len(gradient)


def bench_step(settings: Settings, name: str, files: TrainFiles, steps: int) -> list[dict[str, float | str]]:
    """Median milliseconds of each part of a step of experiment `name`, over `steps` steps after two that warm up.

    Parts: reading the batch; for each update the forward pass that leads to it and its backward pass; the optimisers.
    """
    times, _, arithmetic = _measure(settings, name, files, steps)
    rows: list[dict[str, Any]] = [{"part": part, "ms": 1e3 * float(np.median(t))} for part, t in times.items()]
    total = sum(row["ms"] for row in rows)
    return [*rows, {"part": f"step ({arithmetic}, {device().type})", "ms": total}]


def bench_cost(settings: Settings, name: str, files: TrainFiles, steps: int) -> dict[str, float | str]:
    """What a step of an experiment costs: passes through the segmenter for each source image, and milliseconds."""
    times, passes, arithmetic = _measure(settings, name, files, steps)
    images = (steps + 2) * settings.experiment(name).training.batch
    return {
        "experiment": name,
        "recipe": settings.experiment(name).recipe,
        "forward": passes.forward / images,
        "backward": passes.backward / images,
        "ms": 1e3 * sum(float(np.median(t)) for t in times.values()),
        "precision": arithmetic,
    }


def _measure(settings: Settings, name: str, files: TrainFiles, steps: int) -> tuple[Times, Passes, str]:
    """Seconds of each part in each of `steps` steps, and the passes of all steps, those that warm up included."""
    experiment, where = settings.experiment(name), device()
    arithmetic = precision.resolve(experiment.training.precision, where)
    recipe = build_recipe(experiment, 0, files, where)
    optimisers = [schedule.build_optimiser(p, experiment.training.optimisers[n]) for n, p in recipe.players.items()]
    passes, times = Passes(recipe.players["segmenter"]), Times()
    with ExitStack() as stack:
        feed = build_feed(experiment, 0, files, recipe.needs, where, stack)
        for step in range(steps + 2):
            if step == 2:
                times.clear()
            with _timed(times, "read batch", where):
                batch = feed.batch(step)
            _step(recipe, batch, times, precision.autocast(arithmetic, where), where)
            with _timed(times, "optimisers", where):
                for optimiser in optimisers:
                    optimiser.step()
                    optimiser.zero_grad(set_to_none=True)
    return times, passes, arithmetic


def _step(recipe: Recipe, batch: Batch, times: Times, autocast: Any, where: torch.device) -> None:
    """The updates of one step, timed; players that would step between two updates wait here."""
    updates, k = recipe.updates(batch, 0.5), 0
    while True:
        with autocast(), _timed(times, f"forward {k + 1}", where):
            update = next(updates, None)
        if update is None:
            return
        weights = [p for p in recipe.players[update.player].parameters() if p.requires_grad]
        with _timed(times, f"backward {k + 1}: {update.player}", where):
            total = torch.stack([term.float() for term in update.terms.values()]).sum()
            torch.autograd.backward(total, inputs=weights, retain_graph=update.keep_graph)
        k += 1


@contextmanager
def _timed(times: Times, part: str, where: torch.device) -> Iterator[None]:
    _wait(where)
    start = time.perf_counter()
    yield
    _wait(where)
    times.setdefault(part, []).append(time.perf_counter() - start)


def _wait(where: torch.device) -> None:
    if where.type == "cuda":
        torch.cuda.synchronize()
