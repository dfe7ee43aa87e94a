"""What each form of orthogonal noise preserves."""

import pytest
import torch

from ash.style.adain import adain, channel_statistics
from ash.style.noise import channel_qr, channel_rotation, elementwise_svd, gram, perturb

FORMS = ("elementwise_svd", "channel_small", "channel_qr", "gram")


def generator(seed: int = 0) -> torch.Generator:
    """A generator of its own for each draw."""
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def features() -> torch.Tensor:
    """Positive, correlated features of two samples: 8 channels, 10x15 cells."""
    values = torch.randn(2, 8, 10, 15, generator=generator(7))
    mixing = torch.randn(8, 8, generator=generator(8))
    return torch.relu(torch.einsum("ij,bjhw->bihw", mixing, values) + 1)


def covariance(features: torch.Tensor) -> torch.Tensor:
    """Covariance of the channels over positions, sample by sample."""
    return torch.stack([torch.cov(sample.flatten(1)) for sample in features])


def inner_products(features: torch.Tensor) -> torch.Tensor:
    """f^T f: inner products between positions."""
    flat = features.flatten(2)
    return flat.transpose(1, 2) @ flat


@pytest.mark.parametrize("form", FORMS)
def test_noise_is_a_function_of_the_generator(form, features):
    """The same generator state gives the same noise, another gives another, and something changes."""
    first = perturb(features, form, generator(1))
    assert torch.equal(first, perturb(features, form, generator(1)))
    assert not torch.allclose(first, perturb(features, form, generator(2)))
    assert not torch.allclose(first, features)


def test_none_changes_nothing(features):
    """Without noise the features pass through and the generator is not advanced."""
    source = generator(1)
    before = source.get_state()
    assert torch.equal(perturb(features, "none", source), features)
    assert torch.equal(source.get_state(), before)


@pytest.mark.parametrize("size", [(10, 15), (15, 10), (12, 12)])
def test_elementwise_factor_holds_orthonormal_vectors(size):
    """The factor's V holds min(H, W) orthonormal vectors of length max(H, W), in the release's order."""
    height, width = size
    factor = elementwise_svd(torch.ones(1, 3, height, width), generator()) - 1
    vectors = factor.reshape(3, max(size), min(size))
    identity = torch.eye(min(size)).expand(3, -1, -1)
    torch.testing.assert_close(vectors.transpose(1, 2) @ vectors, identity, atol=1e-5, rtol=0)


def test_elementwise_factor_has_deviation_of_one_over_root_width():
    """V has standard deviation 1/sqrt(W), 0.079 at the release's 160 columns."""
    factor = elementwise_svd(torch.ones(1, 8, 90, 160), generator()) - 1
    assert factor.std().item() == pytest.approx(160**-0.5, rel=0.01)
    assert abs(factor.mean().item()) < 0.001


@pytest.mark.parametrize("form", ["channel_small", "channel_qr"])
def test_channel_forms_preserve_inner_products_between_positions(form, features):
    """f^T f is unchanged: the property that the paper states."""
    moved = perturb(features, form, generator())
    torch.testing.assert_close(inner_products(moved), inner_products(features), atol=1e-3, rtol=1e-4)


def test_small_rotation_without_strength_is_the_identity(features):
    """Q is near I by construction, and is I at strength 0."""
    torch.testing.assert_close(channel_rotation(features, generator(), strength=0.0), features)


def test_small_rotation_is_smaller_than_a_full_one(features):
    """channel_small moves the features less than half as far as channel_qr."""
    small = (channel_rotation(features, generator()) - features).norm()
    full = (channel_qr(features, generator()) - features).norm()
    assert small < 0.5 * full


def test_gram_preserves_mean_and_covariance(features):
    """Deep Feature Perturbation keeps mean and covariance of every sample."""
    moved = gram(features, generator())
    torch.testing.assert_close(moved.mean((2, 3)), features.mean((2, 3)), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(covariance(moved), covariance(features), atol=1e-3, rtol=1e-3)


def test_gram_is_invisible_to_adain(features):
    """Noise that keeps the statistics of a style cannot diversify AdaIN."""
    content = torch.rand(2, 8, 6, 6, generator=generator(5))
    torch.testing.assert_close(
        adain(content, gram(features, generator())), adain(content, features), atol=1e-3, rtol=1e-3
    )


def test_gram_survives_dead_channels(features):
    """Channels that are zero everywhere have no variance to whiten; they stay zero and nothing becomes NaN."""
    features[:, :3] = 0
    moved = gram(features, generator())
    assert moved.isfinite().all()
    torch.testing.assert_close(moved[:, :3], features[:, :3], atol=1e-4, rtol=0)


def test_full_rotation_does_not_keep_the_style(features):
    """channel_qr moves the channel means by a good part of themselves: it is no noise on a style."""
    before, after = channel_statistics(features)[0], channel_statistics(channel_qr(features, generator()))[0]
    assert (after - before).norm() > 0.5 * before.norm()
