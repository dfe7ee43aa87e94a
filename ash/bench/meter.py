"""Measures parts of a step: time, floating-point operations, memory; and what the device could do at most."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry, sdpa_backward_flop_count, sdpa_flop_count

from ash.machine.device import wait
from ash.machine.precision import Precision

SIDE, CHANNELS = 4096, 512  # of the square matrices, and of the convolution, that show the device's peak
STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class Operations(TorchDispatchMode):
    """Counts what convolutions, products of matrices and attention compute, two for each multiplication and addition.

    torch's own FlopCounterMode hooks into modules, which breaks where a method calls `torch.autograd.grad`; its rules are
    used here, and extended by attention on a CPU.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.total = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result, packet = func(*args, **(kwargs or {})), func._overloadpacket
        if packet in flop_registry:
            factors = [
                value for value in args if not isinstance(value, torch.dtype)
            ]  # of which torch's rules do not know
            self.total += flop_registry[packet](*factors, **(kwargs or {}), out_val=result)
        elif packet is torch.ops.aten._scaled_dot_product_flash_attention_for_cpu:
            self.total += sdpa_flop_count(*(tensor.shape for tensor in args[:3]))  # type: ignore[no-untyped-call]
        elif packet is torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward:
            self.total += sdpa_backward_flop_count(*(tensor.shape for tensor in args[:4]))  # type: ignore[no-untyped-call]
        return result


class Meter:
    """Seconds of every part in every step, and the operations of each part, counted once.

    cpu holds the seconds of processor time of all threads: on a machine shared with others it says more than the clock.
    """

    def __init__(self, where: torch.device, *, count: bool = True) -> None:
        """`count`: whether the first step counts operations, which is slow on small networks."""
        self.where, self.counting = where, count
        self.times: dict[str, list[float]] = {}
        self.cpu: dict[str, list[float]] = {}
        self.flops: dict[str, int] = {}
        self.steps: list[float] = []
        self.cpu_steps: list[float] = []

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Measure what runs within."""
        counter = Operations() if self.counting else None
        wait(self.where)
        start, processor = time.perf_counter(), time.process_time()
        # What is compiled cannot be watched: while operations are counted, all of it runs as it is written.
        with counter or nullcontext(), torch.compiler.set_stance("force_eager" if counter else "default"):
            yield
        wait(self.where)
        self.times.setdefault(name, []).append(time.perf_counter() - start)
        self.cpu.setdefault(name, []).append(time.process_time() - processor)
        if counter is not None:
            self.flops[name] = counter.total

    def forget(self) -> None:
        """Drop the times of the steps so far, which warmed up; operations stay."""
        for kept in (self.times, self.cpu, self.steps, self.cpu_steps):
            kept.clear()

    def milliseconds(self) -> dict[str, float]:
        """The median of each part."""
        return {name: 1e3 * float(np.median(values)) for name, values in self.times.items()}

    def end_step(self) -> None:
        """Note the seconds of the step that has ended, all its parts together, by the clock and of the processor."""
        self.steps.append(sum(map(sum, self.times.values())) - sum(self.steps))
        self.cpu_steps.append(sum(map(sum, self.cpu.values())) - sum(self.cpu_steps))

    def processor_seconds(self) -> float:
        """Of a median step, all threads."""
        return sum(float(np.median(values)) for values in self.cpu.values())


def peak_rate(precision: Precision, where: torch.device) -> float:
    """Operations a second of a large product of matrices or of a large convolution, whichever is more, the best of five.

    Both are asked because a CPU's libraries for the two differ by up to two times.
    """
    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    left, right = (torch.randn(SIDE, SIDE, device=where, dtype=kind) for _ in range(2))
    image = torch.randn(1, CHANNELS, 96, 160, device=where, dtype=kind).contiguous(memory_format=torch.channels_last)
    kernel = torch.randn(CHANNELS, CHANNELS, 3, 3, device=where, dtype=kind)
    rates = {
        2 * SIDE**3: lambda: left @ right,
        2 * 9 * CHANNELS**2 * 96 * 160: lambda: functional.conv2d(image, kernel, padding=1),
    }
    return max(operations / _fastest(work, where) for operations, work in rates.items())


def _fastest(work: Callable[[], object], where: torch.device) -> float:
    """Seconds of the best of five."""
    best = float("inf")
    for _ in range(5):
        wait(where)
        start = time.perf_counter()
        work()
        wait(where)
        best = min(best, time.perf_counter() - start)
    return best


def reset_peak(where: torch.device) -> None:
    """Forget the largest memory so far."""
    if where.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    elif RESET.exists():
        RESET.write_text("5")


def peak_memory(where: torch.device) -> float:
    """The largest memory since then in GiB: allocated on the GPU, or resident in this process; 0 where it cannot be told."""
    if where.type == "cuda":
        return torch.cuda.max_memory_allocated() / 2**30
    found = re.search(r"VmHWM:\s+(\d+) kB", STATUS.read_text()) if STATUS.exists() else None
    return int(found[1]) / 2**20 if found else 0.0
