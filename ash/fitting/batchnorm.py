"""BatchNorm as a scaffold: put in for training, folded away for use, so that the frozen nets have none."""

import itertools

import torch
from torch import nn


def with_batchnorm(net: nn.Sequential) -> nn.Sequential:
    """`net` with a BatchNorm between every convolution and its ReLU; the convolutions are shared with `net`."""
    layers = list(net)
    follows_relu = [isinstance(layer, nn.ReLU) for layer in layers[1:]] + [False]
    trained: list[nn.Module] = []
    for layer, before_relu in zip(layers, follows_relu, strict=True):
        trained.append(layer)
        if before_relu and isinstance(layer, nn.Conv2d):
            trained.append(nn.BatchNorm2d(layer.out_channels))
    return nn.Sequential(*trained).train()


@torch.no_grad()
def fold_batchnorm(net: nn.Sequential) -> None:
    """Put each BatchNorm's running affine map into the convolution before it, which `with_batchnorm` shares."""
    layers = list(net)
    for convolution, norm in itertools.pairwise(layers):
        if isinstance(norm, nn.BatchNorm2d) and isinstance(convolution, nn.Conv2d):
            scale = norm.weight / (norm.running_var + norm.eps).sqrt()  # type: ignore[operator,union-attr]
            convolution.weight.mul_(scale[:, None, None, None])
            shifted = (convolution.bias - norm.running_mean) * scale + norm.bias  # type: ignore[operator]
            convolution.bias.copy_(shifted)  # type: ignore[union-attr]
