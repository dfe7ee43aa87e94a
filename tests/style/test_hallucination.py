"""ASH's module H."""

import pytest
import torch
from torch.nn import functional

from ash.errors import ShapeError
from ash.style.hallucination import Hallucinator, class_contributions, modulate, smooth
from tests.support.networks import fixed


@pytest.fixture
def small() -> Hallucinator:
    """A small H for 5 classes."""
    torch.manual_seed(0)
    return Hallucinator(5, 6, (8, 12), 4)


def probabilities(classes: int = 5, seed: int = 1) -> torch.Tensor:
    """A random probability map, 16x24."""
    return torch.randn(1, classes, 16, 24, generator=torch.Generator().manual_seed(seed)).softmax(1)


def test_paper_size():
    """19 classes, 512 channels, (128, 256), stride 4: 926 336 parameters."""
    paper = Hallucinator(19, 512, (128, 256), 4)
    assert sum(parameter.numel() for parameter in paper.parameters()) == 926_336


def test_void_as_a_class_adds_one_kernel_slice():
    """A 20th class adds 128 kernels of 4x4."""
    paper = Hallucinator(20, 512, (128, 256), 4)
    assert sum(parameter.numel() for parameter in paper.parameters()) == 926_336 + 128 * 16


def test_maps_have_the_size_asked_for(small):
    """gamma and beta are resized to the style features' size, whatever the condition's."""
    gamma, beta = small(probabilities(), (7, 9))
    assert gamma.shape == beta.shape == (1, 6, 7, 9)


@pytest.mark.parametrize(
    "condition", [torch.full((1, 5, 16, 24), 0.2), torch.eye(5)[2].view(1, 5, 1, 1).repeat(1, 1, 16, 24)]
)
def test_constant_condition_gives_constant_maps(small, condition):
    """A condition that is the same everywhere gives gamma and beta that are the same everywhere."""
    for values in small(condition, (4, 6)):
        torch.testing.assert_close(values, values[:, :, :1, :1].expand_as(values))


def test_uniform_condition_gives_learned_constants_only(small):
    """Instance normalisation wipes a constant condition out: any two give the same per-channel constants."""
    uniform, other = torch.full((1, 5, 16, 24), 0.2), torch.full((1, 5, 16, 24), 0.9)
    for first, second in zip(small(uniform, (4, 6)), small(other, (4, 6)), strict=True):
        torch.testing.assert_close(first, second, atol=1e-4, rtol=0)


def test_modulation_by_hand():
    """3 * (0.5 + 1) + 2 = 6.5."""
    one = torch.ones(1, 1, 1, 1)
    assert modulate(3 * one, 0.5 * one, 2 * one, delta=1.0).item() == 6.5


def test_smoothing_by_hand():
    """A certain class among 19 keeps 0.9 + 0.1/19; the sum stays 1."""
    certain = torch.zeros(1, 19, 1, 1)
    certain[0, 3] = 1
    smoothed = smooth(certain)
    assert smoothed[0, 3].item() == pytest.approx(0.9 + 0.1 / 19)
    assert smoothed.sum().item() == pytest.approx(1)


def test_forward_against_a_transcription():
    """A 4x4 convolution of stride 4 and two 1x1, two more 1x1 for each map, leaky ReLUs of slope 0.1, two norms."""
    net = Hallucinator(5, 6, (8, 12), 4)
    w = fixed(net)

    def conv(name: str, x: torch.Tensor, stride: int = 1) -> torch.Tensor:
        return functional.conv2d(x, w[f"{name}.weight"], w[f"{name}.bias"], stride=stride)

    def leaky(x: torch.Tensor) -> torch.Tensor:
        return torch.where(x > 0, x, 0.1 * x)

    def norm(x: torch.Tensor) -> torch.Tensor:
        variance = x.var((2, 3), unbiased=False, keepdim=True)
        return (x - x.mean((2, 3), keepdim=True)) / (variance + 1e-5).sqrt()

    condition = torch.cat([probabilities(seed=seed) for seed in (1, 2)]).double()
    x = norm(leaky(conv("condition.0", condition, stride=4)))
    x = norm(leaky(conv("condition.5", leaky(conv("condition.3", x)))))
    for name, found in zip(("gamma", "beta"), net(condition, (7, 9)), strict=True):
        values = conv(f"{name}.2", leaky(conv(f"{name}.0", x)))
        assert values.shape == (2, 6, 4, 6)
        wanted = functional.interpolate(values, (7, 9), mode="bilinear", align_corners=True)
        torch.testing.assert_close(found.detach(), wanted)


def test_contributions_against_a_plain_loop(small):
    """What a class adds is the drop of sum|gamma| and sum|beta| when its channel is zeroed; an absent class adds 0."""
    condition = torch.cat([probabilities(seed=seed) for seed in (1, 2)])
    condition[:, 4] = 0
    found = class_contributions(small, condition)
    whole = small(condition, (4, 6))
    for kind in (0, 1):
        assert found[kind].shape == (5,)
        for k in range(5):
            without = condition.clone()
            without[:, k] = 0
            drop = whole[kind].abs().sum() - small(without, (4, 6))[kind].abs().sum()
            assert found[kind][k].item() == pytest.approx(drop.item(), rel=1e-3, abs=1e-4)
        assert found[kind][4] == 0
    assert not torch.allclose(found[0], found[1])


def test_wrong_conditions_are_refused(small):
    """Another number of classes, or a map of a single cell, is an error that says both."""
    with pytest.raises(ShapeError, match="wanted 5 classes"):
        small(probabilities(classes=4), (4, 6))
    with pytest.raises(ShapeError, match="more than one cell"):
        small(probabilities()[:, :, :4, :4], (4, 6))
