"""The heads of DeepLab-v2: 3x3 convolutions of several dilations in parallel, summed.

    out(y, x) = sum_k [ b_k + sum_ij W_k(i, j) f(y + (i - 1) r_k, x + (j - 1) r_k) ],  f = 0 beyond the map

Few outputs of many channels at large dilations are what libraries of convolutions are slowest at.  For wide features all taps
of all branches are one product of matrices here, whose columns are then moved and added up: `product`.
"""

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from ash.labels import N_CLASSES

INIT_STD = 0.01
TAPS = tuple(itertools.product(range(3), range(3)))  # of a kernel, by row
WIDE = 1024  # channels from which on a product is the faster form, on CPUs and GPUs (docs/measured/performance.md)


class Branch(NamedTuple):
    """One convolution: weight (O,C,3,3), bias (O,), and its dilation."""

    weight: Tensor
    bias: Tensor
    rate: int


class AtrousHead(nn.Module):
    """The convolutions of a head (all of them: some forks return after the second)."""

    def __init__(self, channels: int, rates: tuple[int, ...]) -> None:
        super().__init__()
        convs = (nn.Conv2d(channels, N_CLASSES, 3, padding=rate, dilation=rate) for rate in rates)
        self.conv2d_list = nn.ModuleList(convs)
        for conv in self.conv2d_list:
            nn.init.normal_(conv.weight, 0, INIT_STD)  # type: ignore[arg-type]

    def branches(self) -> list[Branch]:
        """What the head is made of."""
        convs: Any = self.conv2d_list
        return [Branch(conv.weight, conv.bias, conv.dilation[0]) for conv in convs]

    def forward(self, features: Tensor) -> Tensor:
        """(B,C,h,w) -> logits (B,19,h,w)."""
        return atrous(features, self.branches())


def side_by_side(first: AtrousHead, second: AtrousHead, features: Tensor) -> tuple[Tensor, Tensor]:
    """Both heads of the same features as one of twice the classes.

    19 outputs leave a vector unit half empty: at 1280x720 on a CPU with AVX-512 the pair costs half as much so.
    """
    pairs = zip(first.branches(), second.branches(), strict=True)
    both = [Branch(torch.cat([a.weight, b.weight]), torch.cat([a.bias, b.bias]), a.rate) for a, b in pairs]
    logits = atrous(features, both)
    return logits[:, :N_CLASSES], logits[:, N_CLASSES:]


def atrous(features: Tensor, branches: Sequence[Branch]) -> Tensor:
    """(B,C,h,w) -> (B,O,h,w), in the form that is the faster one for so many channels; equal up to rounding."""
    if features.shape[1] >= WIDE:
        return product(features, branches)
    each = [functional.conv2d(features, b.weight, b.bias, 1, b.rate, b.rate) for b in branches]
    return torch.stack(each).sum(0)


def product(features: Tensor, branches: Sequence[Branch]) -> Tensor:
    """The same from one product of the cells (B h w, C) with all taps (C, K 3 3 O), float32.

    At 2048 channels of 161x91 in bf16, forward and backward, it takes an eighth of the convolutions' time on a CPU with AMX.
    """
    taps = torch.stack([branch.weight for branch in branches]).permute(0, 3, 4, 1, 2)  # (K,3,3,O,C)
    cells = features.permute(0, 2, 3, 1)
    found = functional.linear(cells, taps.flatten(0, 3)).reshape(*cells.shape[:3], *taps.shape[:4])  # (B,h,w,K,3,3,O)
    moved: list[Tensor] = [_Moved.apply(found[:, :, :, k], b.rate) for k, b in enumerate(branches)]  # type: ignore[no-untyped-call]
    total = torch.stack(moved).sum(0) + torch.stack([branch.bias for branch in branches]).sum(0)
    return total.permute(0, 3, 1, 2)


class _Moved(torch.autograd.Function):
    """What each tap found, (B,h,w,3,3,O), summed where the tap looks from: (B,h,w,O), float32.

    The tap (i, j) of a cell lies `rate` (i - 1) rows below and `rate` (j - 1) columns beside it.
    """

    @staticmethod
    def forward(ctx: Any, found: Tensor, rate: int) -> Tensor:
        ctx.rate, ctx.kind = rate, found.dtype
        seen = [window[:, :, :, i, j] for window, (i, j) in zip(_windows(found, rate), TAPS, strict=True)]
        return torch.stack(seen).sum(0, dtype=torch.float32)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        gradient = gradients[0].to(ctx.kind)
        seen = _windows(gradient, ctx.rate)[::-1]  # a tap is looked at from the opposite side
        return torch.stack(seen, 3).view(*gradient.shape[:3], 3, 3, -1), None


def _windows(maps: Tensor, rate: int) -> list[Tensor]:
    """What each tap looks at: maps (B,h,w,...) moved by it, 0 from beyond their border."""
    height, width = maps.shape[1:3]
    padded = functional.pad(maps, (0, 0) * (maps.dim() - 3) + (rate,) * 4)
    return [padded[:, rate * i : rate * i + height, rate * j : rate * j + width] for i, j in TAPS]
