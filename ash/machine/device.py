"""The device that steps compute on: which one, when it has finished, and what to say when its memory does not suffice."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from ash.errors import ConfigError, ResourceError, flat

VARIABLE = "ASH_DEVICE"
CPU_FAILURE = "DefaultCPUAllocator"  # how PyTorch's message of a failed allocation on the CPU begins


def device() -> torch.device:
    """The GPU if there is one, else the CPU, unless ASH_DEVICE says cuda or cpu.

    ConfigError if it says anything else, ResourceError if it says cuda and there is none.
    """
    asked = os.environ.get(VARIABLE, "auto")
    if asked not in ("auto", "cpu", "cuda"):
        raise ConfigError(f"{VARIABLE}={asked}: wanted auto, cpu or cuda; set one of these, or unset it")
    there = torch.cuda.is_available()
    if asked == "cuda" and not there:
        built = f"built for CUDA {torch.version.cuda}" if torch.version.cuda else "built without CUDA"
        raise ResourceError(
            f"{VARIABLE}=cuda: torch {torch.__version__}, {built}, finds no GPU; install a build and a driver that fit, "
            f"or set {VARIABLE}=cpu"
        )
    return torch.device("cuda" if there and asked != "cpu" else "cpu")


def wait(where: torch.device) -> None:
    """Return once the device has done all the work that was queued on it; at once on a CPU."""
    if where.type == "cuda":
        torch.cuda.synchronize()


@contextmanager
def enough_memory(where: torch.device, remedy: str) -> Iterator[None]:
    """Turn a failed allocation within into a ResourceError of one line: device, what it has, and what to lower."""
    try:
        yield
    except torch.OutOfMemoryError as cause:
        total = torch.cuda.get_device_properties(where).total_memory / 2**30 if torch.cuda.is_available() else 0
        raise ResourceError(f"{where}: out of memory, {total:.0f} GiB in all; {remedy}") from cause
    except MemoryError as cause:
        raise ResourceError(f"{where}: out of memory; {remedy}") from cause
    except RuntimeError as cause:
        if CPU_FAILURE not in str(cause):
            raise
        raise ResourceError(f"{where}: out of memory ({_bytes(cause)}); {remedy}") from cause


def _bytes(cause: RuntimeError) -> str:
    """What could not be had, in PyTorch's words."""
    return flat(cause).partition(CPU_FAILURE)[2].lstrip(": ").partition(" Error code")[0].removesuffix(".")
