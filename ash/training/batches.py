"""The batches of a loop, one after the other, and what a loop asks of whoever makes them.

A batch is read on the host and then placed on the device.  On a GPU a process of its own reads the next ones while a step
computes, and nothing waits for the copies; on a CPU there is no core to spare for it, and the loop reads in its own turn.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from ash.contract import Batch
from ash.errors import AshError, ResourceError, flat


class Batches(ABC):
    """What the loop asks of its feed: `read` touches no device, `place` no file."""

    device: torch.device
    one_shape = True  # of all batches, field by field

    @abstractmethod
    def read(self, step: int) -> Any:
        """The content of the batch of `step`, a function of the step alone: a tuple of tensors and numbers."""

    @abstractmethod
    def place(self, content: Any) -> Batch:
        """The batch of what was read, on the device."""

    def shown(self) -> Batch | None:
        """A batch that is the same at every step, for a method's diagnostics; None: the feed has none."""
        return None

    def batch(self, step: int) -> Batch:
        """Read and place the batch of `step`."""
        return self.place(self.read(step))


class _Steps(Dataset[Any]):
    """What a feed reads, by step; its own errors are handed over, since a loader would wrap them in a traceback."""

    def __init__(self, feed: Batches) -> None:
        self.feed = feed

    def __getitem__(self, step: int) -> Any:
        try:
            return self.feed.read(step)
        except AshError as error:
            return error


def batches(feed: Batches, start: int, stop: int, *, ahead: bool) -> Iterator[Batch]:
    """The batches of steps `start` to `stop` - 1; `ahead`: read by another process while a step computes."""
    if not ahead:
        yield from (feed.batch(step) for step in range(start, stop))
        return
    loader: DataLoader[Any] = DataLoader(
        _Steps(feed),
        batch_size=None,
        sampler=range(start, stop),
        num_workers=1,
        pin_memory=feed.device.type == "cuda",
    )
    for content in _alive(loader):
        if isinstance(content, AshError):
            raise content
        yield feed.place(content)


def _alive(loader: DataLoader[Any]) -> Iterator[Any]:
    """What a loader gives; ResourceError if the process that reads for it has died."""
    try:
        yield from loader
    except RuntimeError as cause:
        if "DataLoader worker" not in str(cause):
            raise
        raise ResourceError(
            f"the process that reads batches ahead died ({flat(cause)}); give the job more memory, or see why it was killed"
        ) from cause
