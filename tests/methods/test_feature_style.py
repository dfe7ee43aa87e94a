"""MixStyle and DSU: new styles by hand and by a transcription, what passes gradients, batches of one image."""

import numpy as np
import pytest
import torch

from ash.methods import feature_style
from ash.methods.feature_style import EPS, Recent, mixed, partners, spreads, uncertain
from ash.style.adain import channel_statistics
from tests.support.world import batch, built, gradients

CPU = torch.device("cpu")


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def maps(images: int, seed: int = 0, channels: int = 8) -> torch.Tensor:
    """Random features of layer1's channels."""
    return torch.rand(images, channels, 5, 4, generator=seeded(seed)) * torch.arange(1, channels + 1)[:, None, None]


def test_mixstyle_by_a_plain_loop(monkeypatch):
    """Each image's channels are normalised, then scaled and shifted by the mixture of its style and its partner's."""
    shares = torch.tensor([[0.25, 0.75], [0.5, 0.5], [1.0, 0.0]])
    monkeypatch.setattr(feature_style, "dirichlet", lambda *_: shares)
    method, features = built("mixstyle", probability=1.0), maps(3)
    found = method.changed("layer1", seeded(4), features)
    order = torch.rand(3, generator=seeded(4)).argsort().tolist()
    x = features.double().numpy()
    expected = np.zeros_like(x)
    for i in range(3):
        for c in range(x.shape[1]):
            mine, theirs = x[i, c], x[order[i], c]
            deviations = [np.sqrt(values.var(ddof=1) + EPS) for values in (mine, theirs)]
            share = shares[i, 0].item()
            deviation = share * deviations[0] + (1 - share) * deviations[1]
            mean = share * mine.mean() + (1 - share) * theirs.mean()
            expected[i, c] = deviation * (mine - mine.mean()) / deviations[0] + mean
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-4, atol=1e-4)


def test_partners_are_the_images_of_the_batch():
    """A permutation of the images, in which a mean keeps its deviation."""
    style = channel_statistics(maps(5))
    mean, deviation = partners(style, Recent(8, 1.0, CPU), seeded(1))
    places = [(style[0] == one).all((1, 2, 3)).nonzero().item() for one in mean]
    assert sorted(places) == [0, 1, 2, 3, 4] and places != [0, 1, 2, 3, 4]
    assert torch.equal(deviation, style[1][places])


def test_mixstyles_statistics_are_constants(monkeypatch):
    """The gradient of the sum of F' w is w sigma' / sigma, as of a fixed scale and shift, mixed with another image's style."""
    monkeypatch.setattr(feature_style, "dirichlet", lambda *_: torch.tensor([[0.3, 0.7], [0.3, 0.7]]))
    monkeypatch.setattr(feature_style, "partners", lambda style, *_: tuple(part.flip(0) for part in style))
    method, features = built("mixstyle", probability=1.0), maps(2).requires_grad_()
    weights = maps(2, seed=3)
    found = method.changed("layer1", seeded(), features)
    (slope,) = torch.autograd.grad((found * weights).sum(), features)
    scale = found.detach().std((2, 3), keepdim=True) / features.detach().std((2, 3), keepdim=True)
    torch.testing.assert_close(slope, weights * scale, rtol=1e-3, atol=1e-3)


def release_of_dsu(x, noise):
    """Uncertainty of the feature statistics, transcribed with two draws of noise in the place of its own."""
    mean, std = x.mean((2, 3)), (x.var((2, 3)) + 1e-6).sqrt()
    beta = mean + noise[0] * (mean.var(0, keepdim=True) + 1e-6).sqrt()
    gamma = std + noise[1] * (std.var(0, keepdim=True) + 1e-6).sqrt()
    normal = (x - mean[:, :, None, None]) / std[:, :, None, None]
    return normal * gamma[:, :, None, None] + beta[:, :, None, None]


def test_dsu_is_the_releases_with_its_gradient():
    """Values and gradients, which pass the means, the deviations and their spreads."""
    method, features = built("dsu", probability=1.0), maps(3).requires_grad_()
    found = method.changed("layer1", seeded(2), features)
    generator = seeded(2)
    noise = [torch.randn(3, 8, 1, 1, generator=generator)[:, :, 0, 0] for _ in range(2)]
    expected = release_of_dsu(features, noise)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    weights = maps(3, seed=3)
    slopes = [torch.autograd.grad((values * weights).sum(), features)[0] for values in (found, expected)]
    torch.testing.assert_close(*slopes, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", ["mixstyle", "dsu"])
def test_without_probability_it_is_source_only(name):
    """The same terms and gradients to the bit; and with it others."""
    found = {}
    for experiment, changes in (("source_only", {}), (name, {"probability": 0.0}), (name, {"probability": 1.0})):
        method = built(experiment, **changes)
        gradients(method, batch())
        found[experiment, *changes.values()] = [p.grad for p in method.segmenter.parameters()]
    plain, off, on = found.values()
    assert all(torch.equal(a, b) for a, b in zip(plain, off, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(plain, on, strict=True))


def test_a_change_comes_as_often_as_stated():
    """Of 400 draws with probability 0.3 about 120 change the features."""
    method, features = built("dsu", probability=0.3), maps(2)
    changed = sum(not torch.equal(method.changed("layer1", seeded(k), features), features) for k in range(400))
    assert 90 < changed < 150


def test_a_single_image_is_mixed_with_the_one_before(monkeypatch):
    """The first with itself, the second with the first, the third with the second."""
    monkeypatch.setattr(feature_style, "dirichlet", lambda *_: torch.tensor([[0.0, 1.0]]))  # wholly the other style
    method = built("mixstyle", probability=1.0)
    images = [maps(1, seed) for seed in range(3)]
    found = [method.changed("layer1", seeded(), image) for image in images]
    for result, other in zip(found, (images[0], images[0], images[1]), strict=True):
        for mine, theirs in zip(channel_statistics(result), channel_statistics(other), strict=True):
            torch.testing.assert_close(mine, theirs, rtol=1e-3, atol=1e-3)


def test_the_spread_of_single_images_is_that_of_all_so_far():
    """Up to 1/rate images the running variance is the variance of their styles; later ones weigh `rate`."""
    recent, styles = Recent(2, 0.1, CPU), torch.randn(11, 4, 1, 1, generator=seeded())
    for k in range(10):
        recent.add(tuple(styles[k : k + 1].chunk(2, 1)))
    torch.testing.assert_close(recent.mean[0], styles[:10].mean(0))
    torch.testing.assert_close(recent.variance[0], styles[:10].var(0, unbiased=False))
    mean, deviation = spreads(tuple(styles[:1].chunk(2, 1)), recent)
    torch.testing.assert_close(torch.cat([mean, deviation], 1), (recent.variance + EPS).sqrt())
    before = recent.mean.clone()
    recent.add(tuple(styles[10:].chunk(2, 1)))
    torch.testing.assert_close(recent.mean, 0.9 * before + 0.1 * styles[10:])


def test_noise_is_drawn_for_each_image_and_channel():
    """A spread of 0 leaves a style as it is; else no two numbers move alike."""
    style = channel_statistics(maps(2))
    still = uncertain(style, (torch.zeros(1, 8, 1, 1),) * 2, seeded())
    assert all(torch.equal(a, b) for a, b in zip(still, style, strict=True))
    moved = uncertain(style, (torch.ones(1, 8, 1, 1),) * 2, seeded())
    assert len({*torch.stack([a - b for a, b in zip(moved, style, strict=True)]).flatten().tolist()}) == 32


def test_a_share_of_one_keeps_the_style(monkeypatch):
    """lambda weighs an image's own style."""
    monkeypatch.setattr(feature_style, "dirichlet", lambda *_: torch.tensor([[1.0, 0.0], [1.0, 0.0]]))
    style = channel_statistics(maps(2))
    found = mixed(style, (torch.zeros(2, 8, 1, 1),) * 2, 0.1, seeded())
    assert all(torch.equal(a, b) for a, b in zip(found, style, strict=True))
