"""IBN, IW and ISW: covariances and their loss by plain loops, k-means against brute force, the window in which v is taken."""

import copy
from itertools import combinations

import numpy as np
import pytest
import torch

from ash.methods.isw import (
    CHOSEN,
    NOTHING,
    PLACED,
    covariance,
    kmeans,
    normalised,
    recoloured,
    sensitive,
    turn,
    weighed,
    whitening,
)
from tests.support.world import batch, built, gradients


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def squares(values: np.ndarray) -> float:
    """Sum of squared distances to the mean."""
    return float(((values - values.mean()) ** 2).sum())


def by_brute_force(values: np.ndarray, clusters: int) -> float:
    """The least sum over all ways to cut the sorted values."""
    rising = np.sort(values)
    cuts = combinations(range(1, len(values)), clusters - 1)
    return min(sum(squares(part) for part in np.split(rising, cut)) for cut in cuts)


@pytest.mark.parametrize("clusters", [2, 3, 4])
@pytest.mark.parametrize("seed", range(4))
def test_kmeans_against_brute_force(seed, clusters):
    """Nine values, some of them twice; labels rise with the values, and their sum of squares is the least there is."""
    rng = np.random.default_rng(seed)
    values = np.concatenate([rng.normal(size=6) ** 3, rng.integers(0, 2, 3)])
    labels = kmeans(values, clusters)
    assert {*labels} == {*range(clusters)}
    assert sum(squares(values[labels == k]) for k in range(clusters)) == pytest.approx(by_brute_force(values, clusters))
    assert (np.diff(labels[values.argsort()]) >= 0).all()


@pytest.mark.parametrize("values", [[3.0], [1.0, 1.0], [0.0, 2.0, 0.0]])
def test_kmeans_of_few_values(values):
    """Fewer distinct values than clusters are a cluster each."""
    assert kmeans(np.array(values), 3).tolist() == [sorted({*values}).index(value) for value in values]


def test_the_mask_of_a_variance():
    """Pairs of channels above the diagonal in the two higher clusters; what lies below the diagonal counts as 0."""
    variance = torch.tensor([[9.0, 5.0, 0.1], [9.0, 9.0, 1.0], [9.0, 9.0, 9.0]])
    assert sensitive(variance).tolist() == [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]]


def test_whitening_by_a_plain_loop():
    """Mean over images of the mean absolute covariance of the masked pairs."""
    z, mask = torch.randn(2, 3, 4, 5, generator=seeded()), torch.tensor([[0.0, 1, 1], [0, 0, 0], [0, 0, 0]])
    total, flat = 0.0, z.flatten(2).double().numpy()
    for image in flat:
        for i, j in ((0, 1), (0, 2)):
            total += abs(sum(a * b for a, b in zip(image[i], image[j], strict=True)) / 19)
    assert whitening(z, mask).item() == pytest.approx(total / 2 / 2, rel=1e-5)
    assert covariance(z)[0, 1, 1].item() == pytest.approx((flat[0, 1] ** 2).sum() / 19 + 1e-5, rel=1e-5)
    assert whitening(z, torch.zeros(3, 3)).item() == 0


def test_what_is_whitened_is_normal():
    """Of the stem and of stages 1 and 2: mean 0, variance 1, negative numbers included; then no hook is left."""
    method = built("iw")
    _, normal = normalised(method.segmenter, lambda: method.segmenter(batch().image))
    assert [z.shape[1] for z in normal] == [method.segmenter.channels(place) for place in PLACED]
    for z in normal:
        assert z.mean((2, 3)).abs().max() < 1e-4
        assert (z.var((2, 3), unbiased=False) - 1).abs().max() < 0.05
        assert z.min() < 0
    assert not any(module._forward_hooks for module in method.segmenter.modules())


def test_which_terms_each_mask_has():
    """IBN whitens nothing, IW from the first step, ISW from `start` on; IBN alone has weights in InstanceNorm."""
    for name, progress, wanted in (("ibn", 0.9, False), ("iw", 0.0, True), ("isw", 0.1, False), ("isw", 0.12, True)):
        method = built(name)
        assert ("whitening" in gradients(method, batch(), progress)["segmenter"].terms) == wanted, (name, progress)
        assert (method.segmenter.bn1.weight is not None) == (name == "ibn")


def test_the_loss_is_that_of_all_places():
    """lambda times the mean of three places' losses, each over every pair of channels."""
    method = built("iw", lambda_whitening=2.0)
    _, normal = normalised(method.segmenter, lambda: method.segmenter(batch().image))
    each = []
    for z in normal:
        s = torch.stack([torch.cov(image.flatten(1)) for image in z])  # of mean 0 already
        pairs = torch.ones(s.shape[1:]).triu(1).bool()
        each.append(s[:, pairs].abs().mean())
    found = gradients(built("iw", lambda_whitening=2.0), batch())["segmenter"].terms["whitening"]
    assert found.item() == pytest.approx(2 * sum(each).item() / 3, rel=1e-3)


def test_the_window_by_a_plain_loop():
    """v is the variance of two covariances summed over images and steps, and the mask is chosen of it once, at `start`."""
    method, given = built("isw", start=0.5, window=0.3), batch()
    method.look(given, 0.19)
    assert method.masks.progress.item() == NOTHING
    eager = copy.deepcopy(method.segmenter).eval()
    expected = [torch.zeros_like(mask) for mask in method.masks.masks()]
    for step in range(2):
        given.generator.manual_seed(step)
        method.look(given, 0.2 + 0.2 * step)
        other = recoloured(given.image, seeded(step))
        for image in range(2):
            pair = torch.stack([given.image[image], other[image]])
            for k, z in enumerate(normalised(eager, lambda pair=pair: eager(pair))[1]):
                expected[k] += torch.stack([torch.cov(one.flatten(1)) for one in z]).var(0)
    found = [method.masks.get_buffer(f"{place}_variance") for place in PLACED]
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other.detach(), rtol=1e-2, atol=1e-4)
    method.look(given, 0.5)
    assert method.masks.progress.item() == CHOSEN
    chosen = [mask.clone() for mask in method.masks.masks()]
    assert all(torch.equal(mask, sensitive(variance)) for mask, variance in zip(chosen, found, strict=True))
    assert all(0 < mask.sum() < mask.numel() / 2 for mask in chosen)
    method.masks.stem_variance.zero_()
    method.look(given, 0.6)
    assert all(torch.equal(a, b) for a, b in zip(chosen, method.masks.masks(), strict=True))


def test_watching_moves_nothing():
    """In evaluation mode: no statistic of the segmenter changes, and it is in training mode again."""
    method = built("isw", start=0.5, window=0.5)
    before = {key: value.clone() for key, value in method.segmenter.state_dict().items()}
    method.look(batch(), 0.1)
    assert all(torch.equal(before[key], value) for key, value in method.segmenter.state_dict().items())
    assert method.segmenter.training and method.segmenter.layer1[0].bn1.training


def test_turning_chroma():
    """By 0 or a full circle nothing changes, by half a circle chroma is mirrored; luma stays, and grey is grey."""
    image = torch.rand(1, 3, 4, 5, generator=seeded())
    angles = [torch.full((1, 1, 1, 1), angle) for angle in (0.0, 2 * torch.pi, torch.pi)]
    torch.testing.assert_close(turn(image, angles[0]), image)
    torch.testing.assert_close(turn(image, angles[1]), image, rtol=1e-4, atol=1e-5)
    luma = weighed(image, (0.299, 0.587, 0.114))
    torch.testing.assert_close(turn(image, angles[2]), luma - (image - luma), rtol=1e-3, atol=1e-3)
    grey = torch.full((1, 3, 2, 2), 0.4)
    torch.testing.assert_close(turn(grey, angles[2]), grey, rtol=1e-3, atol=1e-3)


def test_each_image_has_colours_of_its_own():
    """Two equal images come out apart, within [0,1]."""
    image = torch.rand(1, 3, 8, 8, generator=seeded()).expand(2, -1, -1, -1)
    found = recoloured(image, seeded(1))
    assert found.min() >= 0 and found.max() <= 1
    assert (found[0] - found[1]).abs().mean() > 0.02
    assert torch.equal(found, recoloured(image, seeded(1)))
