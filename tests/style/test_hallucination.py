"""ASH's module H."""

import pytest
import torch

from ash.errors import ShapeError
from ash.style.hallucination import Hallucinator, class_contributions, modulate, smooth


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
    """Gamma and beta are resized to the style features' size, whatever the condition's."""
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


def test_contributions_against_a_plain_loop(small):
    """The contribution of a class is the drop of sum|gamma| when its channel is zeroed; an absent class has none."""
    condition = probabilities()
    condition[:, 4] = 0
    gamma, beta = class_contributions(small, condition)
    without = condition.clone()
    without[:, 2] = 0
    expected = small(condition, (4, 6))[0].abs().sum() - small(without, (4, 6))[0].abs().sum()
    assert gamma.shape == beta.shape == (5,)
    assert gamma[2].item() == pytest.approx(expected.item(), rel=1e-4)
    assert gamma[4] == beta[4] == 0


def test_wrong_conditions_are_refused(small):
    """Another number of classes, or a map of a single cell, is an error that says both."""
    with pytest.raises(ShapeError, match="wanted 5 classes"):
        small(probabilities(classes=4), (4, 6))
    with pytest.raises(ShapeError, match="more than one cell"):
        small(probabilities()[:, :, :4, :4], (4, 6))
