"""How long a training step takes on this machine, split by part, and how often it passes the segmenter."""

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ash import methods
from ash.bench.meter import Meter, peak_memory, peak_rate, reset_peak
from ash.config import Experiment, Settings
from ash.contract import Needs
from ash.experiment.build import build_feed, build_networks
from ash.experiment.inputs import RunFiles
from ash.experiment.train import remedy
from ash.machine import deterministic, precision
from ash.machine.device import device, enough_memory, wait
from ash.methods._networks import Networks
from ash.training import captured
from ash.training.batches import batches
from ash.training.captured import CapturedStepper, recorded
from ash.training.feed import Feed
from ash.training.step import Stepper

WARM_UP = 2  # steps


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


def bench_step(
    settings: Settings, name: str, files: RunFiles, steps: int, changes: Mapping[str, Any] | None = None
) -> list[dict[str, float | str]]:
    """Median milliseconds and operations of each part of a step of experiment `name`, over `steps` steps.

    Others warm up, the first of which counts operations.  Parts: reading the batch; for each update the forward pass that leads
    to it and its backward pass; the optimisers; of a recorded step the reading alone.  `changes` replace settings of the
    training.  The last row is the whole step, with the share of the time that its operations would take at the device's peak,
    the processor time of all threads in seconds, the peak memory in GiB, and on a GPU the milliseconds that a step takes in a
    training, where nothing waits between its parts and another process reads ahead.

    A forward part that no backward part follows is left out: it is the end of a method's updates, after the last of them.
    """
    experiment, where = changed(settings.experiment(name), changes or {}), device()
    meter, _, arithmetic, memory, running = _measure(experiment, files, steps, run=where.type == "cuda")
    peak = peak_rate(arithmetic, where)
    followed = {
        part.partition(":")[0].replace("backward", "forward") for part in meter.times if part.startswith("backward")
    }
    rows: list[dict[str, Any]] = [
        {"part": part, "ms": ms, "tflop": flops / 1e12, "share": flops / peak / ms * 1e3}
        for part, ms in meter.milliseconds().items()
        for flops in [meter.flops.get(part, 0)]  # of a recorded step, those of its parts before it was
        if part in followed or not part.startswith("forward")
    ]
    total, flops = sum(row["ms"] for row in rows), sum(meter.flops.values())
    whole = {"part": f"step ({arithmetic}, {where.type})", "ms": total, "tflop": flops / 1e12}
    whole |= {"share": flops / peak / total * 1e3, "peak_tflops": peak / 1e12}
    return [*rows, whole | {"cpu_s": meter.processor_seconds(), "memory_gib": memory, "running_ms": running}]


def changed(experiment: Experiment, changes: Mapping[str, Any]) -> Experiment:
    """The experiment with some settings of its training replaced, and its segmenter from random weights.

    What a step costs does not depend on the weights that it starts from.
    """
    training = experiment.training.model_copy(update=dict(changes))
    segmenter = experiment.segmenter.model_copy(update={"weights": None})
    return experiment.model_copy(update={"training": training, "segmenter": segmenter})


def bench_cost(
    settings: Settings, names: Sequence[str], files: RunFiles, steps: int, rounds: int, *, count: bool = False
) -> list[dict[str, float | str]]:
    """What a step of each experiment costs: passes through the segmenter for each source image, and milliseconds.

    All are measured in turn, `rounds` times, `steps` steps each time.  `ms` is the median by the clock.  `least_ms` is for
    comparing them whatever else the machine does: the least that a step took, of processor time of all threads on a CPU,
    by the clock on a GPU.  With `count`, also the operations of a step.
    """
    rows: dict[str, dict[str, Any]] = {}
    taken: dict[str, list[Meter]] = {name: [] for name in names}
    for turn in range(rounds):
        for name in names:
            experiment = changed(settings.experiment(name), {})
            meter, passes, arithmetic, *_ = _measure(experiment, files, steps, count=count and turn == 0)
            taken[name].append(meter)
            if turn == 0:
                images = (steps + WARM_UP) * experiment.training.batch
                rows[name] = {
                    "experiment": name,
                    "method": experiment.method,
                    "forward": passes.forward / images,
                    "backward": passes.backward / images,
                    "precision": arithmetic,
                    **({"tflop": sum(meter.flops.values()) / 1e12} if count else {}),
                }
    clock = "wall" if device().type == "cuda" else "processor"
    for name, meters in taken.items():
        wall = [seconds for meter in meters for seconds in meter.steps]
        work = wall if clock == "wall" else [seconds for meter in meters for seconds in meter.cpu_steps]
        rows[name] |= {"ms": 1e3 * float(np.median(wall)), "least_ms": 1e3 * min(work), "clock": clock}
    return list(rows.values())


class Measured(NamedTuple):
    """What steps took.

    meter      each part in each of them
    passes     of all steps, with those that warm up
    memory     the peak, in GiB
    running    milliseconds of a step in a training, if asked for
    """

    meter: Meter
    passes: Passes
    precision: precision.Precision
    memory: float
    running: float | None


def _measure(experiment: Experiment, files: RunFiles, steps: int, *, count: bool = True, run: bool = False) -> Measured:
    """Take `steps` steps part by part, and with `run` as many without a wait between.

    The steps are those of training (`ash.training.step`), from the middle of the run on, where no pre-heat holds any more.
    """
    where = device()
    networks, needs, stepper = build_stepper(experiment, files, where)
    arithmetic = precision.resolve(experiment.training.precision, where)
    passes, meter = Passes(networks.segmenter), Meter(where, count=count)
    with ExitStack() as stack, enough_memory(where, remedy(experiment.training)):
        feed = build_feed(experiment, needs, 0, files, networks.stylizer, where, stack)
        taken = recorded(stepper, experiment.training, feed)
        warm_up = WARM_UP if taken is stepper else captured.WARM_UP + WARM_UP
        for step in range(steps + warm_up):
            if step == 1:
                meter.counting = False
                reset_peak(where)
            if step == warm_up:
                meter.forget()
            with meter.part("read batch"):
                batch = feed.batch(step)
            taken.step(batch, step, 0.5, meter.part)
            meter.end_step()
        running = _running(taken, feed, steps) if run else None
    return Measured(meter, passes, arithmetic, peak_memory(where), running)


def _running(taken: Stepper | CapturedStepper, feed: Feed, steps: int) -> float:
    """Milliseconds of a step as training takes them on a GPU: batches are read ahead, and nothing waits before the end."""
    start = 0.0
    for number, batch in enumerate(batches(feed, 0, steps + WARM_UP, ahead=True)):
        if number == WARM_UP:
            wait(feed.device)
            start = time.perf_counter()
        taken.step(batch, number, 0.5)
    wait(feed.device)
    return (time.perf_counter() - start) / steps * 1e3


def build_stepper(experiment: Experiment, files: RunFiles, where: torch.device) -> tuple[Networks, Needs, Stepper]:
    """The networks of an experiment, what else it needs, and its steps, all as in training."""
    if where.type == "cuda":  # on a CPU it changes nothing
        deterministic.switch_on()
    needs = methods.check_experiment(experiment)
    networks = build_networks(experiment, needs, 0, files, where)
    autocast = precision.autocast(precision.resolve(experiment.training.precision, where), where)
    return networks, needs, Stepper.from_settings(methods.build(experiment, networks), experiment.training, autocast)
