"""Residual blocks of the segmenters, and stages of them that can trade time for memory."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint


class Stage(nn.Sequential):
    """Residual blocks in a row; with `recompute` only what goes into each is kept for the backward pass."""

    recompute = False

    def forward(self, x: Tensor) -> Tensor:
        """(B,C,h,w) -> (B,C',h',w')."""
        if not (self.recompute and torch.is_grad_enabled()):
            result: Tensor = super().forward(x)  # type: ignore[no-untyped-call]
            return result
        for block in self:
            x = checkpoint(block, x, use_reentrant=False, context_fn=_once(block), preserve_rng_state=False)
        return x


def _once(block: nn.Module) -> Callable[[], tuple[AbstractContextManager[None], AbstractContextManager[None]]]:
    """Contexts of the first and of the repeated pass of a block: the latter must not move BatchNorm's running means."""

    @contextmanager
    def still() -> Iterator[None]:
        norms = [module for module in block.modules() if isinstance(module, nn.BatchNorm2d)]
        before = [norm.track_running_stats for norm in norms]
        for norm in norms:
            norm.track_running_stats = False
        try:
            yield
        finally:
            for norm, tracked in zip(norms, before, strict=True):
                norm.track_running_stats = tracked

    return lambda: (nullcontext(), still())


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 with a shortcut; caffe style: the stride sits in the first 1x1."""

    expansion = 4

    def __init__(self, inputs: int, planes: int, stride: int, dilation: int, project: bool) -> None:
        super().__init__()
        outputs = planes * self.expansion
        self.conv1 = nn.Conv2d(inputs, planes, 1, stride, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, padding=dilation, dilation=dilation, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.downsample = _projection(inputs, outputs, stride) if project else None

    def forward(self, x: Tensor) -> Tensor:
        """(B,C,h,w) -> (B,4 planes,h/stride,w/stride)."""
        shortcut = x if self.downsample is None else self.downsample(x)
        y = functional.relu(self.bn1(self.conv1(x)), inplace=True)
        y = functional.relu(self.bn2(self.conv2(y)), inplace=True)
        return functional.relu(self.bn3(self.conv3(y)) + shortcut, inplace=True)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions with a shortcut."""

    expansion = 1

    def __init__(self, inputs: int, planes: int, stride: int, dilation: int, project: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, planes, 3, stride, dilation, dilation, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, padding=dilation, dilation=dilation, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.downsample = _projection(inputs, planes, stride) if project and (stride > 1 or inputs != planes) else None

    def forward(self, x: Tensor) -> Tensor:
        """(B,C,h,w) -> (B,planes,h/stride,w/stride)."""
        shortcut = x if self.downsample is None else self.downsample(x)
        y = functional.relu(self.bn1(self.conv1(x)), inplace=True)
        return functional.relu(self.bn2(self.conv2(y)) + shortcut, inplace=True)


def stage_of(
    block: type[Bottleneck] | type[BasicBlock], inputs: int, planes: int, count: int, stride: int, dilation: int
) -> Stage:
    """`count` blocks; the first has the stride, and a projection shortcut."""
    layers = [block(inputs, planes, stride, dilation, project=True)]
    outputs = planes * block.expansion
    layers += [block(outputs, planes, 1, dilation, project=False) for _ in range(count - 1)]
    return Stage(*layers)


def _projection(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
