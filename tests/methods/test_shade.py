"""SHADE: base styles against brute force, both consistencies by hand, the doubled batch, the network it looks back at."""

import math

import numpy as np
import pytest
import torch

from ash.labels import VOID
from ash.methods import shade
from ash.methods._consistency import jensen_shannon
from ash.methods.shade import FILLED, THINGS, Styles, distance, farthest, things
from ash.style.adain import channel_statistics
from ash.training.step import Stepper
from tests.support.world import batch, built, gradients

CPU = torch.device("cpu")


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def by_brute_force(points: np.ndarray, count: int, first: int, known: list[int]) -> list[int]:
    """At each turn, the smallest distance of every point to all that were taken, anew."""
    chosen = [first]
    while len(chosen) < count:
        best = max(known, key=lambda k: min(((points[k] - points[j]) ** 2).sum() for j in chosen))
        chosen.append(best)
    return chosen


@pytest.mark.parametrize("seed", range(5))
def test_farthest_points_against_brute_force(seed):
    """Of 30 points in the plane, of which five are not known."""
    points = torch.randn(30, 2, generator=seeded(seed))
    known = torch.arange(30) < 25
    found = farthest(points, 8, torch.tensor([3]), known).tolist()
    assert found == by_brute_force(points.numpy(), 8, 3, list(range(25)))


def test_the_last_styles_are_kept():
    """Five styles in three places: the last three, in whichever order; base styles come from those that there are."""
    kept, styles = Styles(3, 1, CPU), torch.arange(10.0).view(5, 2)
    kept.add(styles[:2])
    assert {*kept.base(2, seeded())[:, 0].tolist()} == {0.0, 2.0}
    for one in styles[2:]:
        kept.add(one[None])
    assert sorted(kept.styles[:, 0].tolist()) == [4.0, 6.0, 8.0]
    assert kept.seen.item() == 5
    assert {*kept.base(3, seeded())[:, 0].tolist()} == {4.0, 6.0, 8.0}


def test_more_base_styles_than_images():
    """Some come twice, and none that was never seen."""
    kept = Styles(6, 1, CPU)
    kept.add(torch.tensor([[1.0, 1.0], [5.0, 5.0]]))
    assert {*kept.base(4, seeded())[:, 0].tolist()} == {1.0, 5.0}


def test_divergence_by_hand():
    """Predictions (1/2, 1/2) and (9/10, 1/10) at one pixel, equal ones at another: half of the first's."""
    logits = torch.tensor([[0.5, 0.9], [0.5, 0.1]]).log().view(1, 2, 1, 2)
    other = torch.tensor([[0.9, 0.9], [0.1, 0.1]]).log().view(1, 2, 1, 2)
    m = (0.7, 0.3)
    first = 0.5 * math.log(0.5 / m[0]) + 0.5 * math.log(0.5 / m[1])
    second = 0.9 * math.log(0.9 / m[0]) + 0.1 * math.log(0.1 / m[1])
    assert jensen_shannon([[logits], [other]]).item() == pytest.approx((first + second) / 4, rel=1e-5)


def test_divergence_of_certain_predictions():
    """ln 2 at most, with a finite gradient where probabilities are 0 in single precision."""
    first = torch.tensor([300.0, -300.0]).view(1, 2, 1, 1).requires_grad_()
    value = jensen_shannon([[first], [-first.detach()]])
    assert value.item() == pytest.approx(math.log(2))
    value.backward()
    assert first.grad.isfinite().all()


@pytest.mark.parametrize("size", [(4, 8), (5, 9)])
def test_things_by_a_plain_loop(size):
    """A cell is one of things where three quarters of its pixels have one such class; pixels of void have none."""
    label = torch.randint(0, 19, (2, 4, 8), generator=seeded()).repeat_interleave(4, 1).repeat_interleave(4, 2)
    label[0, :8, :8], label[0, 0, :2], label[1, 8:, 8:] = 13, 0, VOID
    found = things(label, size)
    for b in range(2):
        for i in range(size[0]):
            for j in range(size[1]):
                rows = slice(i * 16 // size[0], -(-(i + 1) * 16 // size[0]))
                columns = slice(j * 32 // size[1], -(-(j + 1) * 32 // size[1]))
                cell = label[b, rows, columns]
                shares = [(cell == k).float().mean().item() for k in THINGS]
                assert found[b, i, j].item() == (max(shares) >= FILLED), (b, i, j)
    assert found.any() and not found.all()


def test_the_distance_by_hand():
    """Of two cells one is of things: the mean square of its two channels; without any it is 0."""
    label = torch.tensor([[[13, 13, 0, 0]]])
    features = torch.tensor([[[[1.0, 7.0]], [[2.0, 7.0]]]])
    assert distance(features, torch.zeros_like(features), label).item() == pytest.approx((1 + 4) / 2)
    assert distance(features, torch.zeros_like(features), torch.zeros_like(label)).item() == 0


def test_the_batch_doubles_after_the_stem(monkeypatch):
    """First the features themselves to the bit, then the same in the mixed style; its statistics were detached."""
    method = built("shade", styles=3)
    features = torch.rand(2, 8, 6, 7, generator=seeded(), requires_grad=True)
    weights = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.5, 0.5]])
    monkeypatch.setattr(shade, "dirichlet", lambda *_: weights)
    method.styles.add(torch.rand(5, 16, generator=seeded(1)))
    found = method.doubled(seeded(2), features)
    assert torch.equal(found[:2], features)
    drawn = method.styles.base(3, seeded(2))  # the same draw of the first style
    for k, style in enumerate((drawn[0], (drawn[1] + drawn[2]) / 2)):
        mean, deviation = channel_statistics(found[2 + k : 3 + k], 0.0)
        torch.testing.assert_close(torch.cat([mean, deviation], 1).flatten(), style, rtol=1e-4, atol=1e-4)
    (slope,) = torch.autograd.grad(found[2:].sum(), features)
    scale = channel_statistics(found[2:], 0.0)[1] / channel_statistics(features, 0.0)[1]
    torch.testing.assert_close(slope, scale.detach().expand_as(slope), rtol=1e-3, atol=1e-3)


def test_the_terms_have_their_weights():
    """Both consistencies scale with theirs; without the second there is no initial network."""
    terms = {}
    for weight in (1.0, 4.0):
        given = batch()
        given.label.fill_(13)
        terms[weight] = gradients(built("shade", lambda_sc=weight, lambda_rc=weight), given)["segmenter"].terms
    for name in ("consistency", "retrospection"):
        assert terms[1.0][name].item() > 0
        assert terms[4.0][name].item() == pytest.approx(4 * terms[1.0][name].item(), rel=1e-5), name
    without = built("shade", lambda_rc=0.0)
    assert without.initial is None and not without.settings.needs.initial


@pytest.mark.parametrize(
    ("name", "changes"), [("shade", {"lambda_rc": 1.0}), ("tldr", {"regularisation": (1.0, 1.0, 1.0, 1.0)})]
)
def test_the_initial_network_stays(name, changes):
    """Three steps move the segmenter, and not one number of the initial network, its BatchNorm's statistics included."""
    method = built(name, **changes)
    before = {key: value.clone() for key, value in method.initial.state_dict().items()}
    started = {key: value.clone() for key, value in method.segmenter.state_dict().items()}
    assert all(torch.equal(before[key], started[key]) for key in started)
    method.segmenter.train()
    stepper = Stepper(method, {"segmenter": torch.optim.SGD(method.segmenter.parameters(), lr=0.1)})
    for k in range(3):
        stepper.step(batch(needs=method.settings.needs), k, k / 3)
    after, moved = method.initial.state_dict(), method.segmenter.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert not torch.equal(moved["layer4.0.conv1.weight"], started["layer4.0.conv1.weight"])
    assert not method.initial.training
    assert all(p.grad is None and not p.requires_grad for p in method.initial.parameters())
