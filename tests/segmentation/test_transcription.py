"""The networks against their papers' code, written out with plain functions on fixed weights.

Sizes and names of tensors say nothing of dilations, slopes, strides and the order of operations; these tests do.
"""

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from ash.config import DiscriminatorSettings, SegmenterSettings
from ash.segmentation.deeplab import build_segmenter
from ash.segmentation.discriminator import build_discriminator
from tests.support.networks import fixed

Weights = dict[str, Tensor]
RATES = (6, 12, 18, 24)
LAYERS = {"resnet101": ((1, 1), (2, 1), (1, 2), (1, 4)), "small": ((2, 1), (2, 1), (1, 2), (1, 4))}
"""(stride, dilation) of layer1 to layer4: the last two keep an eighth of the image's size and widen their view instead."""


def norm(w: Weights, name: str, x: Tensor, training: bool) -> Tensor:
    """BatchNorm by the batch's statistics or by the running ones, epsilon 1e-5."""
    if training:
        mean, variance = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)
    else:
        mean, variance = w[f"{name}.running_mean"], w[f"{name}.running_var"]
    scale = w[f"{name}.weight"] / (variance + 1e-5).sqrt()
    return (x - mean[:, None, None]) * scale[:, None, None] + w[f"{name}.bias"][:, None, None]


def block(w: Weights, name: str, x: Tensor, stride: int, dilation: int, training: bool) -> Tensor:
    """A residual block: 1x1 (with the stride), 3x3 (dilated), 1x1 if it has three convolutions, else 3x3 and 3x3."""
    deep = f"{name}.conv3.weight" in w
    if deep:
        y = functional.conv2d(x, w[f"{name}.conv1.weight"], stride=stride)
    else:
        y = functional.conv2d(x, w[f"{name}.conv1.weight"], stride=stride, padding=dilation, dilation=dilation)
    y = norm(w, f"{name}.bn1", y, training).clamp_min(0)
    y = functional.conv2d(y, w[f"{name}.conv2.weight"], padding=dilation, dilation=dilation)
    y = norm(w, f"{name}.bn2", y, training)
    if deep:
        y = norm(w, f"{name}.bn3", functional.conv2d(y.clamp_min(0), w[f"{name}.conv3.weight"]), training)
    if f"{name}.downsample.0.weight" in w:
        x = norm(
            w, f"{name}.downsample.1", functional.conv2d(x, w[f"{name}.downsample.0.weight"], stride=stride), training
        )
    return (x + y).clamp_min(0)


def backbone(w: Weights, kind: str, image: Tensor, training: bool) -> tuple[Tensor, Tensor]:
    """What layer3 and layer4 give for RGB in [0,1]."""
    if kind == "resnet101":
        mean = torch.tensor([104.00698793, 116.66876762, 122.67891434], dtype=image.dtype)
        x = image[:, [2, 1, 0]] * 255 - mean[:, None, None]
    else:
        x = 2 * image - 1
    x = norm(w, "bn1", functional.conv2d(x, w["conv1.weight"], stride=2, padding=3), training).clamp_min(0)
    if kind == "resnet101":
        x = functional.max_pool2d(x, 3, stride=2, padding=1, ceil_mode=True)
    shallow = x
    for k, (stride, dilation) in enumerate(LAYERS[kind], 1):
        shallow, number = x, 0
        while f"layer{k}.{number}.conv1.weight" in w:
            x = block(w, f"layer{k}.{number}", x, stride if number == 0 else 1, dilation, training)
            number += 1
        assert number == 2
    return shallow, x


def head(w: Weights, name: str, x: Tensor) -> Tensor:
    """Four 3x3 convolutions, dilated by 6, 12, 18 and 24, summed."""
    branches = [
        (w[f"{name}.conv2d_list.{k}.weight"], w[f"{name}.conv2d_list.{k}.bias"], r) for k, r in enumerate(RATES)
    ]
    return sum(functional.conv2d(x, weight, bias, padding=rate, dilation=rate) for weight, bias, rate in branches)


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@pytest.mark.parametrize("layout", ["pair", "auxiliary", "single"])
@pytest.mark.parametrize("kind", ["resnet101", "small"])
def test_segmenter(kind, layout, training):
    """The logits of every head equal those of the transcription; the map is wide enough for the largest dilation."""
    net = build_segmenter(SegmenterSettings(kind=kind, width=4, blocks=(2, 2, 2, 2), rates=RATES), layout)
    weights = fixed(net)
    image = torch.rand(2, 3, 72, 216, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    with torch.no_grad():
        found = net.train(training)(image)
    shallow, deep = backbone(weights, kind, image, training)
    wanted = {
        "pair": lambda: [head(weights, "layer5", deep), head(weights, "layer6", deep)],
        "auxiliary": lambda: [head(weights, "layer6", deep), head(weights, "layer5", shallow)],
        "single": lambda: [head(weights, "layer5", deep)],
    }[layout]()
    assert wanted[0].shape[3] > max(RATES)
    assert len(found) == len(wanted)
    for ours, theirs in zip(found, wanted, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_initial_weights():
    """The convolutions of the paper's net and all heads start from a normal distribution of deviation 0.01."""
    settings = SegmenterSettings(kind="resnet101", width=16, blocks=(1, 1, 1, 1), rates=RATES)
    kernels = {name: value for name, value in build_segmenter(settings).named_parameters() if value.dim() == 4}
    for name, kernel in kernels.items():
        if kernel.numel() > 2000:
            assert kernel.std().item() == pytest.approx(0.01, rel=0.1), name
            assert abs(kernel.mean().item()) < 0.001, name
    small = build_segmenter(settings.model_copy(update={"kind": "small"}))
    assert small.layer5.conv2d_list[3].weight.std().item() == pytest.approx(0.01, rel=0.1)


@pytest.mark.parametrize("strides", [(2, 2, 2, 2, 2), (2, 1, 2)])
def test_discriminator(strides):
    """4x4 convolutions where the stride is 2, 3x3 where it is 1, a leaky ReLU of slope 0.2 after each but the last."""
    net = build_discriminator(DiscriminatorSettings(width=4, strides=strides, map_size=(96, 64)))
    weights = fixed(net)
    x = probabilities = torch.rand(2, 19, 64, 96, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    for k, stride in enumerate(strides):
        kernel = weights[f"layers.{2 * k}.weight"]
        assert kernel.shape[2:] == {2: (4, 4), 1: (3, 3)}[stride]
        x = functional.conv2d(x, kernel, weights[f"layers.{2 * k}.bias"], stride=stride, padding=1)
        if k < len(strides) - 1:
            x = torch.where(x > 0, x, 0.2 * x)
    torch.testing.assert_close(net(probabilities).detach(), x)
