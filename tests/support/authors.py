"""Checkpoints in the layout of ASH's authors, written out from their network and not from ours."""

from collections.abc import Iterator
from itertools import pairwise

import torch

from tests.support.paper import THIN

Shape = tuple[int, ...]


def layout(width: int, blocks: tuple[int, ...], classes: int = 19) -> dict[str, Shape]:
    """Names and shapes of the state_dict of their CLAN_G.py, which `torch.save` writes bare: two heads on layer4."""
    shapes = dict([convolution("conv1", width, 3, 7), *norm("bn1", width)])
    into = width
    for stage, count in enumerate(blocks, 1):
        for block in range(count):
            shapes |= dict(bottleneck(f"layer{stage}.{block}", into, width * 2 ** (stage - 1), block == 0))
            into = 4 * width * 2 ** (stage - 1)
    for name in (f"{head}.conv2d_list.{branch}" for head in ("layer5", "layer6") for branch in range(4)):
        shapes |= dict([convolution(name, classes, into, 3), (f"{name}.bias", (classes,))])
    return shapes


def convolution(name: str, out: int, into: int, size: int) -> tuple[str, Shape]:
    """Its weight."""
    return f"{name}.weight", (out, into, size, size)


def norm(name: str, channels: int) -> Iterator[tuple[str, Shape]]:
    """The five tensors of a BatchNorm."""
    yield from ((f"{name}.{part}", (channels,)) for part in ("weight", "bias", "running_mean", "running_var"))
    yield f"{name}.num_batches_tracked", ()


def bottleneck(name: str, into: int, planes: int, first: bool) -> Iterator[tuple[str, Shape]]:
    """Three convolutions, and a projection beside the first of a stage."""
    for k, (before, after) in enumerate(pairwise((into, planes, planes, 4 * planes)), 1):
        yield convolution(f"{name}.conv{k}", after, before, 3 if k == 2 else 1)
        yield from norm(f"{name}.bn{k}", after)
    if first:
        yield convolution(f"{name}.downsample.0", 4 * planes, into, 1)
        yield from norm(f"{name}.downsample.1", 4 * planes)


def state(seed: int = 0, width: int = THIN.width, classes: int = 19) -> dict[str, torch.Tensor]:
    """Distinct values in that layout; variances are positive."""
    torch.manual_seed(seed)
    return {
        name: torch.tensor(7) if name.endswith("tracked") else torch.rand(size) + 0.1
        for name, size in layout(width, THIN.blocks, classes).items()
    }
