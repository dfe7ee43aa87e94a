"""Losses against hand arithmetic and plain loops."""

import math

import pytest
import torch
from torch.nn import functional

from ash.errors import ConfigError
from ash.segmentation import losses


def logits_of(probabilities: list[float]) -> torch.Tensor:
    """Logits (1,K,1,1) whose softmax is given."""
    return torch.tensor(probabilities).log().view(1, -1, 1, 1)


def test_cross_entropy_by_hand():
    """-log 0.5 and -log 0.25 over two pixels, void left out, summed over two equal heads."""
    head = torch.tensor([[[[0.5, 0.25, 0.9]], [[0.5, 0.75, 0.1]]]]).log()
    label = torch.tensor([[[0, 0, 255]]])
    expected = 2 * (math.log(2) + math.log(4)) / 2
    assert losses.segmentation([head, head], label, "cross_entropy").item() == pytest.approx(expected)


@pytest.mark.parametrize(("p", "share"), [(0.5, 1 / 4), (0.9, 1 / 100)])
def test_focal_divides_the_loss(p, share):
    """gamma 2: at p = 0.5 a quarter of cross-entropy, at 0.9 a hundredth."""
    head, label = logits_of([p, 1 - p]), torch.zeros(1, 1, 1, dtype=torch.long)
    focal = losses.segmentation([head], label, "focal").item()
    assert focal == pytest.approx(-share * math.log(p), rel=1e-5)


@pytest.mark.parametrize(("p", "learns"), [(1e-12, False), (2e-9, True), (0.3, True)])
def test_the_clamped_focal_loss_stops_where_the_releases_does(p, learns):
    """Below 1e-9 the loss of a head is 20.72 and has no gradient; above it is the plain one."""
    head, label = logits_of([p, 1 - p]).requires_grad_(), torch.zeros(1, 1, 1, dtype=torch.long)
    loss = losses.segmentation([head], label, "focal_clamped")
    loss.backward()
    plain = losses.segmentation([head], label, "focal").item()
    assert loss.item() == pytest.approx(plain if learns else -math.log(1e-9), rel=1e-4)
    assert bool(head.grad.abs().sum() > 0) == learns


def test_an_all_void_label_costs_nothing():
    """No valid pixel: 0 and a zero gradient, not NaN."""
    head = torch.randn(1, 19, 2, 2, requires_grad=True)
    loss = losses.segmentation([head], torch.full((1, 4, 4), 255), "cross_entropy")
    loss.backward()
    assert loss.item() == 0
    assert head.grad.abs().sum() == 0


def test_segmentation_equals_the_framework():
    """At full size it is torch's own cross-entropy of aligned-corner logits with ignore_index 255."""
    generator = torch.Generator().manual_seed(0)
    head = torch.randn(2, 19, 3, 5, generator=generator)
    label = torch.randint(0, 19, (2, 12, 20), generator=generator)
    label[0, :4] = 255
    up = functional.interpolate(head, (12, 20), mode="bilinear", align_corners=True)
    expected = functional.cross_entropy(up, label, ignore_index=255)
    torch.testing.assert_close(losses.segmentation([head], label, "cross_entropy"), expected)


def test_equal_heads_do_not_disagree():
    """M = 0 for identical heads, 1 for heads that never agree."""
    p = torch.softmax(torch.randn(1, 19, 4, 4), 1)
    assert losses.discrepancy(p, p).abs().max().item() == pytest.approx(0, abs=1e-6)
    one_hot = torch.zeros(1, 2, 1, 1)
    other = one_hot.clone()
    one_hot[:, 0], other[:, 1] = 1, 1
    assert losses.discrepancy(one_hot, other).item() == pytest.approx(1)


def test_disagreement_is_one_minus_the_cosine():
    """Values and gradients are those of the cosine in double precision, also where both heads are nearly sure."""
    generator = torch.Generator().manual_seed(0)
    scale = torch.tensor([0.1, 1.0, 30.0]).view(3, 1, 1, 1)
    first, second = (
        (scale * torch.randn(3, 19, 4, 5, generator=generator)).softmax(1).requires_grad_() for _ in range(2)
    )
    exact = [p.detach().double().requires_grad_() for p in (first, second)]
    found, wanted = losses.discrepancy(first, second), 1 - functional.cosine_similarity(*exact, dim=1)[:, None]
    torch.testing.assert_close(found.double(), wanted, rtol=0, atol=1e-6)
    for result in (found, wanted):
        result.square().sum().backward()
    for p, q in zip((first, second), exact, strict=True):
        torch.testing.assert_close(p.grad.double(), q.grad, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("domain", [losses.SOURCE, losses.STYLISED])
def test_adversarial_is_binary_cross_entropy(domain):
    """Without a weight, and with weight 1 everywhere, A is plain BCE on logits."""
    logits = torch.randn(2, 1, 3, 4)
    up = functional.interpolate(logits, (6, 8), mode="bilinear", align_corners=True)
    expected = functional.binary_cross_entropy_with_logits(up, torch.full_like(up, domain))
    torch.testing.assert_close(losses.adversarial(logits, domain, None, (6, 8)), expected)
    torch.testing.assert_close(losses.adversarial(logits, domain, torch.ones(2, 1, 6, 8), (6, 8)), expected)


def test_local_weight_of_equal_heads_is_epsilon():
    """epsilon + lambda_local * 0."""
    head = torch.randn(1, 19, 3, 3)
    weight = losses.local_weight([head, head], (6, 6), 0.4, 40.0, through=True)
    torch.testing.assert_close(weight, torch.full((1, 1, 6, 6), 0.4), atol=1e-4, rtol=0)


def test_weight_discrepancy_bounds():
    """Equal heads 2, opposite heads 0, orthogonal heads 1."""
    a = [torch.nn.Parameter(torch.tensor([1.0, 0.0]))]
    for other, expected in (([1.0, 0.0], 2), ([-1.0, 0.0], 0), ([0.0, 1.0], 1)):
        b = [torch.nn.Parameter(torch.tensor(other))]
        assert losses.weight_discrepancy(a, b).item() == pytest.approx(expected)


def test_a_source_without_its_constant_is_refused():
    """lambda_local depends on the source and is never guessed."""
    with pytest.raises(ConfigError, match="no value for source 'mapillary'"):
        losses.of_source({"gta5": 40.0}, "mapillary")
