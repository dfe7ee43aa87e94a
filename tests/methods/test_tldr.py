"""TLDR: Gram matrices and their distances by plain loops, which entries count, what fades out."""

import pytest
import torch

from ash.methods.tldr import THRESHOLD, gram, grams, texture
from ash.segmentation import losses
from ash.style.view import stylise
from tests.support.world import batch, built, gradients

WEIGHTS = {"regularisation": (0.4, 0.3, 0.2, 0.1), "generalisation": (0.7, 0.6), "share": 0.25}


def test_gram_by_a_plain_loop():
    """Mean product of two channels over the cells."""
    features = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    found = gram(features)
    for b in range(2):
        for i in range(3):
            for j in range(3):
                products = [
                    features[b, i, row, column].item() * features[b, j, row, column].item()
                    for row in range(4)
                    for column in range(5)
                ]
                assert found[b, i, j].item() == pytest.approx(sum(products) / 20, abs=1e-6)


def test_the_distance_by_hand():
    """Differences 3 and 4 of two channels: 5 / 2, over both images of the batch; of masked entries the one that counts."""
    first, second = torch.zeros(2, 2, 2), torch.zeros(2, 2, 2)
    first[0, 0, 1], first[1, 1, 1] = 3.0, 4.0
    assert texture(first, second).item() == pytest.approx(5 / 2)
    where = torch.zeros(2, 2, 2, dtype=torch.bool)
    where[1, 1, 1] = True
    assert texture(first, second, where).item() == pytest.approx(4 / 2)


def stages(net, image):
    """What each stage gives, taken through the modules themselves."""
    found, x = [], net.stem(image)
    for stage in (net.layer1, net.layer2, net.layer3, net.layer4):
        x = stage(x)
        found.append(x)
    return found


def test_the_terms_from_the_equations():
    """Both texture terms and both segmentation losses, in a step whose progress is 1/4."""
    method, given = built("tldr", **WEIGHTS), batch()
    found = gradients(method, given, 0.25)["segmenter"].terms
    net, other = (built("tldr", **WEIGHTS).segmenter for _ in range(2))
    image = stylise(method.stylizer, batch(), method.settings.alpha)
    plain, styled = stages(net, given.image), stages(net, image)
    painted = stages(net, method.stylizer.decode(given.style).clamp(0, 1))
    first = stages(other.eval(), given.image)
    g = [[gram(f) for f in maps] for maps in (plain, styled, painted, first)]
    kept = sum(WEIGHTS["regularisation"][k] * (g[0][k] - g[3][k]).norm() / g[0][k].shape[1] for k in range(4))
    learnt = 0.0
    for k in range(2):
        added = (g[1][k] - g[0][k] > THRESHOLD).float()
        learnt += WEIGHTS["generalisation"][k] * ((g[2][k] - g[1][k]) * added).norm() / g[0][k].shape[1]
    assert found["regularisation"].item() == pytest.approx(0.75 * kept.item(), rel=1e-3)
    assert found["generalisation"].item() == pytest.approx(0.75 * learnt.item(), rel=1e-3)
    assert learnt > 0
    for name, share, maps in (("segmentation", 0.25, plain), ("segmentation_on_stylised", 0.75, styled)):
        loss = losses.segmentation(net.classify(maps[2], maps[3]), given.label, "cross_entropy")
        assert found[name].item() == pytest.approx(share * loss.item(), rel=1e-4)


def test_without_regularisation_there_is_no_initial_network():
    """As in the miniature, whose segmenter starts from nothing."""
    method = built("tldr")
    assert method.initial is None and not method.settings.needs.initial
    assert "regularisation" not in gradients(method, batch())["segmenter"].terms


def test_a_painting_passes_the_stages_that_are_read():
    """Two stages' matrices, and BatchNorm behind them unmoved."""
    net = built("tldr").segmenter
    before = net.layer3[0].bn1.running_mean.clone()
    assert [one.shape[1] for one in grams(net, batch().image, 2)] == [net.channels("layer1"), net.channels("layer2")]
    assert torch.equal(net.layer3[0].bn1.running_mean, before)
