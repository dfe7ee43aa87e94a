"""Steps that a GPU repeats from a recording, one CUDA graph for a whole step: nothing is launched one by one any more.

A graph reads and writes the same memory every time.  So each batch is copied into the first one's place, learning rates and
progress are tensors, and the noise comes from one generator that is seeded anew.  What the method decides by progress is
noted while it is recorded; once a decision comes out differently, as at the end of the pre-heat, the step is recorded anew.
"""

import operator
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import fields, replace
from typing import cast

import torch
from torch import Tensor

from ash.config import TrainingSettings
from ash.contract import Batch
from ash.training.batches import Batches
from ash.training.step import Stepper, Terms, Watch

WARM_UP = 3  # steps before a recording, in which libraries choose their kernels and take their memory


class Progress:
    """i/N as a method sees it: arithmetic is done on the device, comparisons are answered on the host and noted."""

    def __init__(self, where: torch.device) -> None:
        self.value, self.tensor = 0.0, torch.zeros((), device=where)
        self.decisions: list[tuple[Callable[[float, float], bool], float, bool]] = []

    def move(self, value: float) -> bool:
        """Go on to `value`; whether all decisions so far would be the same there."""
        self.value = value
        self.tensor.fill_(value)
        return all(compare(value, other) == answer for compare, other, answer in self.decisions)

    def _decide(self, compare: Callable[[float, float], bool], other: float) -> bool:
        answer = compare(self.value, other)
        self.decisions.append((compare, other, answer))
        return answer

    def __ge__(self, other: float) -> bool:
        return self._decide(operator.ge, other)

    def __gt__(self, other: float) -> bool:
        return self._decide(operator.gt, other)

    def __lt__(self, other: float) -> bool:
        return self._decide(operator.lt, other)

    def __rsub__(self, other: float) -> Tensor:
        return other - self.tensor

    def __mul__(self, other: float) -> Tensor:
        return self.tensor * other

    __rmul__ = __mul__


def recorded(stepper: Stepper, training: TrainingSettings, feed: Batches) -> "Stepper | CapturedStepper":
    """Steps as the settings want them for a feed: recorded on a GPU under `compile: regions`, one by one else.

    One by one too where the sizes of images differ from step to step.
    """
    wanted = feed.device.type == "cuda" and training.compile == "regions" and feed.one_shape
    return CapturedStepper(stepper, feed.device) if wanted else stepper


class CapturedStepper:
    """Takes the steps of a `Stepper`, up to rounding in what is computed from progress; one batch's shapes for all steps."""

    def __init__(self, stepper: Stepper, where: torch.device) -> None:
        self.stepper, self.where = stepper, where
        self.progress, self.generator = Progress(where), torch.Generator(where)
        self.batch: Batch | None = None
        self.graph: torch.cuda.CUDAGraph | None = None
        self.terms: Terms | None = None
        self.taken = 0  # steps since the last decision that came out differently
        self.stream = torch.cuda.Stream() if where.type == "cuda" else None  # type: ignore[no-untyped-call]

    def step(self, batch: Batch, number: int, progress: float, watch: Watch = nullcontext) -> Terms:
        """As `Stepper.step`; of a recorded step `watch` sees one part, "step"."""
        if not self.progress.move(progress):
            self.graph, self.taken = None, 0
            self.progress.decisions.clear()
        self._fill(batch)
        if self.graph is None and self.taken < WARM_UP:
            self.taken += 1
            with self._aside():
                return self._take(number, watch)
        with watch("step"):
            if self.graph is None:
                self._record()
            assert self.graph is not None
            assert self.terms is not None
            self.graph.replay()
            return replace(self.terms, step=number, values=self.terms.values.clone())

    def _fill(self, batch: Batch) -> None:
        """Copy a batch into the place of the first."""
        if self.batch is None:
            self.batch = replace(batch, generator=self.generator)
        self.generator.manual_seed(batch.generator.initial_seed())
        for field in fields(batch):
            values, place = getattr(batch, field.name), getattr(self.batch, field.name)
            if isinstance(values, Tensor) and values is not place:
                place.copy_(values)

    def _take(self, number: int, watch: Watch = nullcontext) -> Terms:
        """The step itself."""
        return self.stepper.step(self.batch, number, cast(float, self.progress), watch)

    @contextmanager
    def _aside(self) -> Iterator[None]:
        """On a GPU, work on the stream of recordings, in turn with the usual one."""
        if self.stream is None:
            yield
            return
        usual = torch.cuda.current_stream()
        self.stream.wait_stream(usual)
        with torch.cuda.stream(self.stream):
            yield
        usual.wait_stream(self.stream)

    def _record(self) -> None:
        """Record a step; nothing is computed."""
        graph = torch.cuda.CUDAGraph()
        graph.register_generator_state(self.generator)
        adams = [group for o in self.stepper.optimisers.values() for group in o.param_groups if "capturable" in group]
        for group in adams:
            group["capturable"] = True
        try:
            with torch.cuda.graph(graph, stream=self.stream):
                self.terms = self._take(0)
        finally:
            for group in adams:
                group["capturable"] = False
        self.graph = graph
