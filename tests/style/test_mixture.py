"""Mixtures of styles, and a feature map in another style."""

import pytest
import torch

from ash.style.adain import adain, channel_statistics
from ash.style.mixture import dirichlet, restyled

CPU = torch.device("cpu")


@pytest.mark.parametrize(("concentration", "styles"), [(0.1, 2), (1 / 64, 64), (3.0, 5)])
def test_moments_of_the_dirichlet_distribution(concentration, styles):
    """Weights sum to 1, with mean 1/K and variance (K - 1) / (K^2 (K a + 1))."""
    weights = dirichlet(concentration, 20_000, styles, torch.Generator().manual_seed(0), CPU)
    torch.testing.assert_close(weights.sum(1), torch.ones(20_000))
    assert (weights >= 0).all()
    variance = (styles - 1) / (styles**2 * (styles * concentration + 1))
    assert (weights.mean(0) - 1 / styles).abs().max() < 5 * (variance / 20_000) ** 0.5
    assert weights.var(0).mean().item() == pytest.approx(variance, rel=0.05)


def test_draws_come_from_the_generator_alone():
    """The same seed gives the same weights, whatever the global generator does."""
    first, second = (dirichlet(0.1, 3, 4, torch.Generator().manual_seed(5), CPU) for _ in range(2))
    assert torch.equal(first, second)


def test_a_restyled_map_by_hand():
    """Values 1 and 3 have mean 2 and deviation 1; with mean 10 and deviation 5 they are 5 and 15."""
    features = torch.tensor([1.0, 3.0]).view(1, 1, 1, 2)
    two, one, ten, five = (torch.full((1, 1, 1, 1), value) for value in (2.0, 1.0, 10.0, 5.0))
    assert restyled(features, (two, one), (ten, five)).flatten().tolist() == [5.0, 15.0]


def test_the_style_of_another_map_is_adain():
    """The same operation as `adain`, which takes the statistics of a map."""
    content, style = torch.rand(2, 2, 3, 5, 4, generator=torch.Generator().manual_seed(0))
    found = restyled(content, channel_statistics(content), channel_statistics(style))
    torch.testing.assert_close(found, adain(content, style))
