"""How long a training step takes on this machine, split by part."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch

from ash import precision
from ash.config import Settings
from ash.experiment.run import TrainFiles, build_feed, build_recipe, device
from ash.style.stylizer import load_stylizer
from ash.training import schedule


def bench_step(settings: Settings, name: str, files: TrainFiles, steps: int) -> list[dict[str, float | str]]:
    """Median milliseconds of each part of a step of experiment `name`, over `steps` steps after two that warm up.

    Parts: reading the batch; for each update the forward pass that leads to it and its backward pass; the optimisers.
    """
    experiment, where = settings.experiment(name), device()
    arithmetic = precision.resolve(experiment.training.precision, where)
    autocast = precision.autocast(arithmetic, where)
    stylizer = None if files.stylizer is None else load_stylizer(files.stylizer).to(where)
    recipe = build_recipe(experiment, 0, stylizer, where)
    optimisers = [schedule.build_optimiser(p, experiment.training.optimisers[n]) for n, p in recipe.players.items()]
    times: dict[str, list[float]] = {}
    with ExitStack() as stack:
        feed = build_feed(experiment, 0, files, stylizer, recipe.needs, where, stack)
        for step in range(steps + 2):
            if step == 2:
                times.clear()
            with _timed(times, "read batch", where):
                batch = feed.batch(step)
            updates, k = recipe.updates(batch, 0.5), 0
            while True:
                with autocast(), _timed(times, f"forward {k + 1}", where):
                    update = next(updates, None)
                if update is None:
                    break
                weights = [p for p in recipe.players[update.player].parameters() if p.requires_grad]
                with _timed(times, f"backward {k + 1}: {update.player}", where):
                    total = torch.stack([term.float() for term in update.terms.values()]).sum()
                    torch.autograd.backward(total, inputs=weights, retain_graph=update.keep_graph)
                k += 1
            with _timed(times, "optimisers", where):
                for optimiser in optimisers:
                    optimiser.step()
                    optimiser.zero_grad(set_to_none=True)
    rows: list[dict[str, Any]] = [{"part": part, "ms": 1e3 * float(np.median(t))} for part, t in times.items()]
    return [*rows, {"part": f"step ({arithmetic}, {where.type})", "ms": sum(row["ms"] for row in rows)}]


@contextmanager
def _timed(times: dict[str, list[float]], part: str, where: torch.device) -> Iterator[None]:
    _wait(where)
    start = time.perf_counter()
    yield
    _wait(where)
    times.setdefault(part, []).append(time.perf_counter() - start)


def _wait(where: torch.device) -> None:
    if where.type == "cuda":
        torch.cuda.synchronize()
