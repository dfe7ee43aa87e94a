"""Reflection padding, and nearest upsampling with the padding behind it, in the precision and the memory layout of their input.

PyTorch's own widen bf16 under autocast, give a map whose channels come first on a GPU, and cannot repeat their gradients
there.  These give PyTorch's values and, on a CPU, its gradients to the bit: sums are taken in the order of its loops.
"""

from typing import Any

import torch
from torch import Tensor, nn

from ash.errors import ShapeError


class ReflectionPad(nn.Module):
    """A border of one pixel that mirrors the image at its edge pixels, (B,C,H,W) -> (B,C,H+2,W+2)."""

    def forward(self, image: Tensor) -> Tensor:
        """Pad; ShapeError where a side has no second pixel to mirror."""
        height, width = image.shape[2:]
        if min(height, width) < 2:
            raise ShapeError(f"reflection padding: a map of {width}x{height}, wanted 2x2 at least; take larger images")
        padded: Tensor = _Reflection.apply(image)  # type: ignore[no-untyped-call]
        return padded


class DoubledPad(nn.Module):
    """Every pixel twice as wide and as high, and a border as of `ReflectionPad` around it: (B,C,h,w) -> (B,C,2h+2,2w+2)."""

    def forward(self, image: Tensor) -> Tensor:
        """Double and pad."""
        padded: Tensor = _Doubled.apply(image)  # type: ignore[no-untyped-call]
        return padded


class _Reflection(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, image: Tensor) -> Tensor:
        ctx.layout = _layout(image)
        padded = _framed(image, image.shape[2], image.shape[3], ctx.layout)
        padded[:, :, 1:-1, 1:-1] = image
        return _bordered(padded)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return _inner(gradient, ctx.layout)


class _Doubled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, image: Tensor) -> Tensor:
        ctx.kind, ctx.layout, (images, channels, height, width) = image.dtype, _layout(image), image.shape
        padded = _framed(image, 2 * height, 2 * width, ctx.layout)
        squares = padded[:, :, 1:-1, 1:-1].view(images, channels, height, 2, width, 2)
        squares.copy_(image[:, :, :, None, :, None])
        return _bordered(padded)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        inner, wide = _inner(gradient, ctx.layout), torch.promote_types(ctx.kind, torch.float32)
        total = inner[:, :, ::2, ::2].to(wide) + inner[:, :, ::2, 1::2]
        return total.add_(inner[:, :, 1::2, ::2]).add_(inner[:, :, 1::2, 1::2]).to(ctx.kind)


def _layout(image: Tensor) -> torch.memory_format:
    """Of what is made of an image and of its gradient: channels last as in the image, and on a GPU in any case."""
    last = image.is_cuda or image.is_contiguous(memory_format=torch.channels_last)
    return torch.channels_last if last else torch.contiguous_format


def _framed(image: Tensor, height: int, width: int, layout: torch.memory_format) -> Tensor:
    """An empty map with room for a border."""
    size = (*image.shape[:2], height + 2, width + 2)
    return torch.empty(size, dtype=image.dtype, device=image.device, memory_format=layout)


def _bordered(padded: Tensor) -> Tensor:
    """With the border filled in."""
    padded[:, :, 0, 1:-1], padded[:, :, -1, 1:-1] = padded[:, :, 2, 1:-1], padded[:, :, -3, 1:-1]
    padded[..., 0], padded[..., -1] = padded[..., 2], padded[..., -3]
    return padded


def _inner(gradient: Tensor, layout: torch.memory_format) -> Tensor:
    """The gradient of a padded map, without its border, each pixel of which is added to the pixel that it shows.

    A pixel that is shown several times has its terms added up by the rows of the padded map, and those of a row from the left.
    """
    own, left, right = gradient[:, :, 1:-1, 1:-1], gradient[:, :, 1:-1, 0], gradient[:, :, 1:-1, -1]
    first, last = gradient[:, :, 0], gradient[:, :, -1]
    inner = own.clone(memory_format=layout)
    inner[..., 1] += left
    top = first[..., 1:-1].clone()
    top[..., 1] += first[..., 0]
    top[..., -2] += first[..., -1]
    top[..., 1] += left[..., 1]
    torch.add(top, own[:, :, 1], out=inner[:, :, 1])
    inner[..., -2] += right
    inner[:, :, -2, 1] += last[..., 0]
    inner[:, :, -2] += last[..., 1:-1]
    inner[:, :, -2, -2] += last[..., -1]
    return inner
