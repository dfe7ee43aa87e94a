"""The head of wide features: one product, moved and added up, beside the convolutions that it stands for."""

import pytest
import torch
from torch.nn import functional

from ash.segmentation import heads
from ash.segmentation.heads import AtrousHead, Branch, atrous, product, side_by_side

RATES = (1, 2, 5, 24)  # the last one looks past the map from every cell


def convolutions(features, branches):
    """As it is written."""
    return sum(functional.conv2d(features, b.weight, b.bias, 1, b.rate, b.rate) for b in branches)


def given(size, channels=6, outputs=3, images=2):
    """Features in double precision, and branches."""
    draw = torch.Generator().manual_seed(0)
    features = torch.randn(images, channels, *size, dtype=torch.float64, generator=draw)
    weights = torch.randn(len(RATES), outputs, channels, 3, 3, dtype=torch.float64, generator=draw)
    biases = torch.randn(len(RATES), outputs, dtype=torch.float64, generator=draw)
    return features, weights, biases


@pytest.mark.parametrize("size", [(9, 14), (1, 1), (2, 30), (50, 3)])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_the_product_is_the_convolutions(size, layout):
    """Values and gradients of features, weights and biases."""
    results = []
    for form in (convolutions, product):
        inputs = [values.requires_grad_() for values in given(size)]
        branches = [Branch(w, b, r) for w, b, r in zip(inputs[1], inputs[2], RATES, strict=True)]
        out = form(inputs[0].contiguous(memory_format=layout), branches)
        (out.double() * torch.arange(out.numel()).view(out.shape).cos()).sum().backward()
        results.append([out.double(), *(values.grad for values in inputs)])
    for found, wanted in zip(*reversed(results), strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)


def test_one_tap_by_hand():
    """The tap at the upper left looks `rate` rows up and `rate` columns to the left; beyond the map is 0."""
    weight = torch.zeros(1, 1, 3, 3)
    weight[0, 0, 0, 0] = 1
    features = torch.arange(12.0).view(1, 1, 3, 4)
    found = product(features, [Branch(weight, torch.tensor([100.0]), 2)])
    assert found[0, 0].tolist() == [[100, 100, 100, 100], [100, 100, 100, 100], [100, 100, 100, 101]]


def test_in_bf16_no_further_from_the_exact_sum_than_the_convolutions():
    """Sums over taps and branches are in fp32, where the convolutions round each branch."""
    features, weights, biases = (values.float() for values in given((12, 20), channels=64))
    branches = [Branch(w, b, r) for w, b, r in zip(weights, biases, RATES, strict=True)]
    exact = convolutions(features, branches)
    with torch.autocast("cpu", torch.bfloat16):
        errors = [(form(features, branches).float() - exact).norm() for form in (product, convolutions)]
    assert 0 < errors[0] <= errors[1]


def test_width_decides(monkeypatch):
    """The miniature's heads are convolutions, those of the paper's network products."""
    used = []
    monkeypatch.setattr(heads, "product", lambda features, branches: used.append(features.shape[1]))
    for channels in (96, heads.WIDE - 1, heads.WIDE, 2048):
        atrous(torch.zeros(1, channels, 2, 2), [Branch(torch.zeros(1, channels, 3, 3), torch.zeros(1), 1)])
    assert used == [heads.WIDE, 2048]


@pytest.mark.parametrize("channels", [8, heads.WIDE])
def test_a_pair_is_both_heads(channels):
    """In this order, and for either form."""
    first, second = AtrousHead(channels, (1, 3)), AtrousHead(channels, (1, 3))
    features = torch.rand(1, channels, 4, 6, generator=torch.Generator().manual_seed(1))
    for found, head in zip(side_by_side(first, second, features), (first, second), strict=True):
        torch.testing.assert_close(found, head(features), rtol=1e-4, atol=1e-5)
