"""How many operators, and on a GPU kernels, one training step launches: what it costs whatever its size.

At batch 1 a GPU computes an operator about as fast as Python can ask for it, so this number is a time.  It depends on the
networks and the method, not on the size of images, and is counted in the forms that operators have on CUDA, so that a small
step on a CPU gives the number of a large one on a GPU.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile
from torch.utils._python_dispatch import TorchDispatchMode

from ash.bench.step import build_stepper, changed
from ash.config import Settings
from ash.experiment.build import build_feed
from ash.experiment.inputs import RunFiles
from ash.machine import deterministic
from ash.machine.device import device, wait

IMAGE, PAINTING = (128, 96), (64, 64)  # width and height: large enough for every layer of the paper's networks
NOTHING = ("empty", "new_empty", "detach", "lift_fresh", "set_", "resize_", "_record_function")  # is computed by these


class Launches(TorchDispatchMode):
    """Counts operators that compute: neither views nor allocations."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.found: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func._overloadpacket.__name__
        if not _is_view(func._schema) and not name.startswith(NOTHING):
            self.found[name] += 1
        return func(*args, **(kwargs or {}))


def _is_view(schema: Any) -> bool:
    """Whether what an operator gives is its argument's memory, unchanged."""
    returned = [value.alias_info for value in schema.returns]
    return any(alias is not None and not alias.is_write for alias in returned)


def count_launches(settings: Settings, name: str, files: RunFiles) -> list[dict[str, Any]]:
    """A row for each part of a step of experiment `name` in bf16, and one for all, with the commonest operators of each.

    `kernels` are those of the whole step, copies and fillings among them, where there is a GPU to ask; else None.
    """
    where, parts = device(), dict[str, Counter[str]]()
    experiment = changed(settings.experiment(name), {"precision": "bf16"})

    @contextmanager
    def part(title: str) -> Iterator[None]:
        with Launches() as launches:
            yield
        kind = title.partition(" ")[0]
        parts[kind] = parts.get(kind, Counter()) + launches.found

    with ExitStack() as stack:
        stack.enter_context(deterministic.as_on_cuda())
        networks, needs, stepper = build_stepper(experiment, files, where)
        feed = build_feed(experiment, needs, 0, files, networks.stylizer, where, stack)
        stepper.step(feed.batch(0), 0, 0.5)
        with part("reading"):
            batch = feed.batch(1)
        stepper.step(batch, 1, 0.5, part)
        kernels = _kernels(lambda: stepper.step(feed.batch(2), 2, 0.5)) if where.type == "cuda" else None
    parts["step"] = sum(parts.values(), Counter())
    rows = [{"part": kind, "operators": found.total(), "most": found.most_common(6)} for kind, found in parts.items()]
    return [*rows[:-1], rows[-1] | {"kernels": kernels}]


def _kernels(work: Callable[[], object]) -> int:
    """What the GPU was asked for by `work`."""
    with profile(activities=[ProfilerActivity.CUDA]) as profiled:
        work()
        wait(torch.device("cuda"))
    return sum(event.device_type.name == "CUDA" for event in profiled.events() or ())
