"""Mixtures of styles."""

import pytest
import torch

from ash.style.mixture import dirichlet

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
