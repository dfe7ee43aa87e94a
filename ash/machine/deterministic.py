"""Operators whose gradients CUDA computes in no fixed order, in a form that has one.

`torch.use_deterministic_algorithms(True)`, under which every training runs, refuses the gradients of reflection padding, of
bilinear resizing and of adaptive pooling on CUDA, because they add up by atomic operations.  Here they are slices and matrix
products, equal up to rounding.  On a CPU, where PyTorch's own are exact and repeatable, these are used.
"""

import os
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn
from torch.nn import functional

WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"  # cuBLAS repeats its sums only with a workspace of fixed size


def switch_on() -> None:
    """Have every operator repeat itself exactly, or raise; to be called before the first one runs on a GPU."""
    os.environ.setdefault(WORKSPACE, ":4096:8")
    torch.use_deterministic_algorithms(True)
    # Deterministic mode also fills every fresh tensor with NaN, to show reads of uninitialised memory: a seventh of a
    # small network's step on a CPU.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


def unordered(values: Tensor) -> bool:
    """Whether the gradients of `values` would be summed in no fixed order by PyTorch's own operators."""
    return values.is_cuda


def without_autocast(values: Tensor) -> AbstractContextManager[object]:
    """A context in which operators keep the precision of `values`; the meta device, which has only shapes, needs none."""
    kind = values.device.type
    return torch.autocast(kind, enabled=False) if torch.amp.is_autocast_available(kind) else nullcontext()


class ReflectionPad(nn.ReflectionPad2d):
    """A border of one pixel that mirrors the image at its edge pixels, (B,C,H,W) -> (B,C,H+2,W+2)."""

    def __init__(self) -> None:
        super().__init__(1)

    def forward(self, image: Tensor) -> Tensor:
        """Pad; the same values either way."""
        if not unordered(image):
            with without_autocast(image):  # which would widen bf16 to fp32, and back after it
                return super().forward(image)
        rows = torch.cat([image[:, :, 1:2], image, image[:, :, -2:-1]], 2)
        return torch.cat([rows[..., 1:2], rows, rows[..., -2:-1]], 3).contiguous(memory_format=torch.channels_last)


def bilinear(values: Tensor, size: tuple[int, int]) -> Tensor:
    """Bilinear resize of (B,C,h,w) to (height, width), corners aligned."""
    if not unordered(values):
        return functional.interpolate(values, size, mode="bilinear", align_corners=True)
    with without_autocast(values):
        rows = _interpolation(values.shape[2], size[0], values)
        columns = _interpolation(values.shape[3], size[1], values)
        return rows @ (values @ columns.T)


def average_pool(values: Tensor, grid: int) -> Tensor:
    """Means of (B,C,h,w) over `grid` x `grid` fields of nearly equal size, (B,C,grid,grid)."""
    if not unordered(values):
        return functional.adaptive_avg_pool2d(values, grid)
    with without_autocast(values):
        return _fields(values.shape[2], grid, values) @ (values @ _fields(values.shape[3], grid, values).T)


def _interpolation(before: int, after: int, like: Tensor) -> Tensor:
    """(after, before): each row has the weights of the two cells that a new one lies between."""
    step = (before - 1) / (after - 1) if after > 1 else 0.0
    position = torch.arange(after, device=like.device, dtype=torch.float32) * step
    cells = torch.arange(before, device=like.device)
    return (1 - (position[:, None] - cells).abs()).clamp_min(0).to(like.dtype)


def _fields(before: int, grid: int, like: Tensor) -> Tensor:
    """(grid, before): each row averages the cells floor(k n / grid) to ceil((k + 1) n / grid) of n."""
    k = torch.arange(grid, device=like.device)[:, None]
    cells = torch.arange(before, device=like.device)
    first, last = k * before // grid, -(-(k + 1) * before // grid)
    inside = ((cells >= first) & (cells < last)).to(like.dtype)
    return inside / inside.sum(1, keepdim=True)
