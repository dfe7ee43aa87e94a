"""Operators whose gradients CUDA computes in no fixed order, in a form that has one, and what CUDA has a faster form of.

`torch.use_deterministic_algorithms(True)`, under which every training runs, refuses the gradients of bilinear resizing and of
adaptive pooling on CUDA, because they add up by atomic operations, and that of reflection padding (`ash.style.padding`).  Here
they are matrix products, equal up to rounding.  On a CPU PyTorch's own are used where they are the faster ones; that of
bilinear resizing is not: it takes eight times as long for maps whose channels come first.
"""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional

WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"  # cuBLAS repeats its sums only with a workspace of fixed size


def switch_on() -> None:
    """Have every operator repeat itself exactly, or raise; to be called before the first one runs on a GPU."""
    os.environ.setdefault(WORKSPACE, ":4096:8")
    torch.use_deterministic_algorithms(True)
    # Deterministic mode also fills every fresh tensor with NaN, to show reads of uninitialised memory: a seventh of a
    # small network's step on a CPU.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


_everywhere = False


@contextmanager
def as_on_cuda() -> Iterator[None]:
    """Take the forms for CUDA on every device, to count and to compare them where there is no GPU."""
    global _everywhere  # noqa: PLW0603  a mode of the process, as the framework's own
    before, _everywhere = _everywhere, True
    try:
        yield
    finally:
        _everywhere = before


def unordered(values: Tensor) -> bool:
    """Whether `values` want the forms for CUDA: PyTorch's own would sum their gradients in no fixed order there."""
    return values.is_cuda or _everywhere


def without_autocast(values: Tensor) -> AbstractContextManager[object]:
    """A context in which operators keep the precision of `values`; the meta device, which has only shapes, needs none."""
    kind = values.device.type
    return torch.autocast(kind, enabled=False) if torch.amp.is_autocast_available(kind) else nullcontext()


def bilinear(values: Tensor, size: tuple[int, int]) -> Tensor:
    """Bilinear resize of (B,C,h,w) to (height, width), corners aligned, in the precision of `values`; channels come first."""
    with without_autocast(values):
        rows = _interpolation(values.shape[2], size[0], values.device, values.dtype)
        columns = _interpolation(values.shape[3], size[1], values.device, values.dtype)
        maps = values.shape[0] * values.shape[1]
        wide = values.reshape(-1, values.shape[3]) @ columns.T
        # A batched product, because `rows @ wide` gives a transposed map, which whatever follows copies first.
        return torch.bmm(rows.expand(maps, -1, -1), wide.view(maps, -1, size[1])).view(*values.shape[:2], *size)


def chosen(values: Tensor, index: Tensor) -> Tensor:
    """The value of each pixel's class: (B,K,H,W) by `index` (B,H,W) -> (B,H,W)."""
    if not unordered(values):
        return values.gather(1, index[:, None])[:, 0]
    classes = torch.arange(values.shape[1], device=values.device)[:, None, None]
    return torch.where(classes == index[:, None], values, 0.0).sum(1)


def average_pool(values: Tensor, grid: int) -> Tensor:
    """Means of (B,C,h,w) over `grid` x `grid` fields of nearly equal size, (B,C,grid,grid)."""
    if not unordered(values):
        return functional.adaptive_avg_pool2d(values, grid)
    with without_autocast(values):
        rows = _fields(values.shape[2], grid, values.device, values.dtype)
        columns = _fields(values.shape[3], grid, values.device, values.dtype)
        return rows @ (values @ columns.T)


def orthonormal(matrices: Tensor) -> Tensor:
    """Orthonormal columns (..., m, k) spanning those of `matrices`, as QR with a positive diagonal of R gives them.

    R is Cholesky's factor of the columns' products, in double precision, since these have the square of the condition number.
    QR itself takes 36 ms for 512 matrices of 64x64 on an H200, where cuSOLVER takes one after another, and twice as long on a
    CPU.
    """
    with without_autocast(matrices):
        wide = matrices.double()
        upper = torch.linalg.cholesky_ex(wide.mT @ wide, upper=True).L
        return torch.linalg.solve_triangular(upper, wide, upper=True, left=False).to(matrices.dtype)


@cache
def _interpolation(before: int, after: int, where: torch.device, kind: torch.dtype) -> Tensor:
    """(after, before): each row has the weights of the two cells that a new one lies between."""
    step = (before - 1) / (after - 1) if after > 1 else 0.0
    with torch.inference_mode(False):
        position = torch.arange(after, device=where, dtype=torch.float64) * step
        cells = torch.arange(before, device=where)
        return (1 - (position[:, None] - cells).abs()).clamp_min(0).to(kind)


@cache
def _fields(before: int, grid: int, where: torch.device, kind: torch.dtype) -> Tensor:
    """(grid, before): each row averages the cells floor(k n / grid) to ceil((k + 1) n / grid) of n."""
    with torch.inference_mode(False):
        k = torch.arange(grid, device=where)[:, None]
        cells = torch.arange(before, device=where)
        first, last = k * before // grid, -(-(k + 1) * before // grid)
        inside = ((cells >= first) & (cells < last)).to(kind)
        return inside / inside.sum(1, keepdim=True)
