"""Residual blocks of the segmenters, and stages of them that can trade time for memory."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

FEW = 16  # channels
DILATIONS = (1, 1, 2, 4)  # of layer1 to layer4 in DeepLab-v2, whose output stride is 8


class Stage(nn.Sequential):
    """Residual blocks in a row; with `recompute` only what goes into each is kept for the backward pass."""

    recompute = False

    def forward(self, x: Tensor) -> Tensor:
        """(B,C,h,w) -> (B,C',h',w')."""
        if not (self.recompute and torch.is_grad_enabled()):
            result: Tensor = super().forward(x)  # type: ignore[no-untyped-call]
            return result
        for block in self:
            contexts = partial(_contexts, block)
            x = checkpoint(block, x, use_reentrant=False, context_fn=contexts, preserve_rng_state=False)
        return x


def _contexts(block: nn.Module) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    """What the first and the repeated pass of a block run in."""
    return nullcontext(), _Still(block)


class BatchNorm(nn.BatchNorm2d):
    """BatchNorm that does not count its passes: on a GPU that is a kernel for each layer and pass (`DeepLab.features`)."""

    def forward(self, x: Tensor) -> Tensor:
        """(B,C,h,w), normalised by the batch in training, by the running statistics else."""
        return functional.batch_norm(
            x,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training,
            self.momentum or 0.0,
            self.eps,
        )


class _Still:
    """A context in which a block's BatchNorm leaves its running means alone; may be entered repeatedly.

    The repeated pass of a block needs it, which comes once for every backward pass through the same graph.
    """

    def __init__(self, block: nn.Module) -> None:
        self.norms = [module for module in block.modules() if isinstance(module, BatchNorm)]
        self.before = [norm.momentum for norm in self.norms]

    def __enter__(self) -> None:
        for norm in self.norms:
            norm.momentum = 0.0

    def __exit__(self, *_: object) -> None:
        for norm, momentum in zip(self.norms, self.before, strict=True):
            norm.momentum = momentum


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 with a shortcut; caffe style: the stride sits in the first 1x1."""

    expansion = 4

    def __init__(self, inputs: int, planes: int, stride: int, dilation: int, project: bool) -> None:
        super().__init__()
        outputs = planes * self.expansion
        self.conv1 = nn.Conv2d(inputs, planes, 1, stride, bias=False)
        self.bn1 = BatchNorm(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, padding=dilation, dilation=dilation, bias=False)
        self.bn2 = BatchNorm(planes)
        self.conv3 = nn.Conv2d(planes, outputs, 1, bias=False)
        self.bn3 = BatchNorm(outputs)
        self.downsample = _projection(inputs, outputs, stride) if project else None
        self.instance: nn.Module | None = None  # `DeepLab.normalise`

    def forward(self, x: Tensor) -> Tensor:
        """(B,C,h,w) -> (B,4 planes,h/stride,w/stride)."""
        shortcut = x if self.downsample is None else self.downsample(x)
        y = functional.relu(self.bn1(self.conv1(x)), inplace=True)
        y = functional.relu(self.bn2(self.conv2(y)), inplace=True)
        return _activated(self.bn3(self.conv3(y)) + shortcut, self.instance)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions with a shortcut."""

    expansion = 1

    def __init__(self, inputs: int, planes: int, stride: int, dilation: int, project: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, planes, 3, stride, dilation, dilation, bias=False)
        self.bn1 = BatchNorm(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, padding=dilation, dilation=dilation, bias=False)
        self.bn2 = BatchNorm(planes)
        self.downsample = _projection(inputs, planes, stride) if project and (stride > 1 or inputs != planes) else None
        self.instance: nn.Module | None = None  # `DeepLab.normalise`

    def forward(self, x: Tensor) -> Tensor:
        """(B,C,h,w) -> (B,planes,h/stride,w/stride)."""
        shortcut = x if self.downsample is None else self.downsample(x)
        y = functional.relu(self.bn1(self.conv1(x)), inplace=True)
        return _activated(self.bn2(self.conv2(y)) + shortcut, self.instance)


def _activated(total: Tensor, instance: nn.Module | None) -> Tensor:
    """ReLU of a block's sum; of its InstanceNorm where it has one, whose result stays as it is for whoever looks at it."""
    if instance is None:
        return functional.relu(total, inplace=True)
    return functional.relu(instance(total))


def stage_of(
    block: type[Bottleneck] | type[BasicBlock], inputs: int, planes: int, count: int, stride: int, dilation: int
) -> Stage:
    """`count` blocks; the first has the stride, and a projection shortcut."""
    layers = [block(inputs, planes, stride, dilation, project=True)]
    outputs = planes * block.expansion
    layers += [block(outputs, planes, 1, dilation, project=False) for _ in range(count - 1)]
    return Stage(*layers)


def stages(
    block: type[Bottleneck] | type[BasicBlock],
    stem: int,
    planes: Sequence[int],
    blocks: Sequence[int],
    strides: Sequence[int],
) -> dict[str, Stage]:
    """layer1 to layer4 on a stem of so many channels; layer3 and layer4 are dilated in place of strides."""
    inputs = [stem, *(block.expansion * p for p in planes[:3])]
    described = zip(inputs, planes, blocks, strides, DILATIONS, strict=True)
    return {f"layer{k}": stage_of(block, *each) for k, each in enumerate(described, start=1)}


class _Pointwise(nn.Conv2d):
    """A strided 1x1 convolution.

    The gradient of PyTorch's own ends the process on CPUs with AVX-512 where it has 5 to 15 inputs and the map is large (torch
    2.13): these take the cells that count first, to the same values.  Of more inputs that takes longer.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(B,C,h,w) -> (B,C',h/stride,w/stride)."""
        if self.in_channels >= FEW:
            return super().forward(x)
        rows, columns = self.stride
        return functional.conv2d(x[:, :, ::rows, ::columns], self.weight, self.bias)


def _projection(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    return nn.Sequential(_Pointwise(inputs, outputs, 1, stride, bias=False), BatchNorm(outputs))
