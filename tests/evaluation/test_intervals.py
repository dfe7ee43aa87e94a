"""Intervals: hand arithmetic, a plain loop, and how often they hold the truth."""

import numpy as np
import pytest

from ash.errors import ShapeError
from ash.evaluation import scores as evaluation
from ash.evaluation.intervals import BOOTSTRAP_SEED, combined, over_images, over_seeds
from ash.labels import N_CLASSES, SUBSETS
from tests.evaluation.test_scores import random_pair

RUNS = 400  # simulated studies


def stack(seeds: int, images: int, shift: int = 0) -> np.ndarray:
    """Counts (S,N,3,19) of random pairs."""
    pairs = [[random_pair(1000 * shift + 10 * s + k) for k in range(images)] for s in range(seeds)]
    return np.stack([evaluation.counts(np.stack([evaluation.confusion(*p) for p in row])) for row in pairs])


def studies(seeds: int, rng: np.random.Generator) -> np.ndarray:
    """Hits (RUNS, 2, S, N) of 1000 pixels in each of 12 images, two experiments whose accuracies differ by 0.02 on average.

    A seed has a deviation of 0.02, an image is harder or easier for both experiments by 0.1.
    """
    skill = 0.6 + np.array([0.0, 0.02])[:, None] + rng.normal(0, 0.02, (RUNS, 2, seeds))
    hardness = rng.normal(0, 0.1, 12)  # the images of the target are the same in each study
    return rng.binomial(1000, np.clip(skill[..., None] + hardness, 0.05, 0.95)) / 1000


def bootstrap_over_both(hits: np.ndarray, rng: np.random.Generator) -> tuple[float, float]:
    """The interval that this project once reported: a percentile bootstrap over seeds and images of hits (2,S,N)."""
    each = hits[1] - hits[0]
    seeds = rng.integers(each.shape[0], size=(200, each.shape[0], 1))
    images = rng.integers(each.shape[1], size=(200, 1, each.shape[1]))
    low, high = np.quantile(each[seeds, images].mean((1, 2)), [0.025, 0.975])
    return float(low), float(high)


@pytest.mark.parametrize("seeds", [3, 5])
def test_coverage(seeds):
    """Of 400 studies with 3 or 5 seeds, t holds the true difference in about 95 %, the bootstrap in far fewer."""
    rng = np.random.default_rng(seeds)
    hits, truth = studies(seeds, rng), 0.02
    found = [over_seeds((study[1] - study[0]).mean(1)) for study in hits]
    covered = np.mean([interval.low <= truth <= interval.high for interval in found])
    assert 0.925 <= covered <= 0.975  # two standard errors of 400 draws
    old = np.mean([low <= truth <= high for low, high in (bootstrap_over_both(study, rng) for study in hits)])
    assert old < 0.88
    assert {interval.over for interval in found} == {"seeds"}


def test_three_seeds_by_hand():
    """1, 2 and 3: mean 2, deviation 1, t of two degrees of freedom 4.303, so 2 +- 4.303 / sqrt(3)."""
    interval = over_seeds(np.array([1.0, 2.0, 3.0]))
    assert (interval.difference, interval.low, interval.high) == pytest.approx((2, 2 - 2.484, 2 + 2.484), abs=1e-3)


def test_one_seed_has_no_spread():
    """An interval over seeds of one seed is refused."""
    with pytest.raises(ValueError, match="1 seed"):
        over_seeds(np.array([1.0]))


def test_the_number_of_seeds_decides():
    """Two seeds: t over their differences of mIoU.  One: over images, and it says so."""
    first, second = stack(2, 5), stack(2, 5, shift=1)
    several, one = combined((-1, 1), (first, second), 16, 100), combined((-1, 1), (first[:1], second[:1]), 16, 100)
    each = [
        100 * (evaluation.miou(b.sum(0), 16) - evaluation.miou(a.sum(0), 16))
        for a, b in zip(first, second, strict=True)
    ]
    wanted = over_seeds(np.array(each))
    assert (several.low, several.high, several.over) == (pytest.approx(wanted.low), pytest.approx(wanted.high), "seeds")
    assert one.over == "images"
    assert one.difference == pytest.approx(each[0])
    assert one.low <= one.difference <= one.high


def test_equal_runs_have_no_difference():
    """An interval of no width."""
    for seeds in (1, 2):
        result = combined((-1, 1), [stack(seeds, 5)] * 2, 19, 200)
        assert (result.difference, result.low, result.high) == pytest.approx((0, 0, 0))


def test_bootstrap_equals_a_plain_loop():
    """The same draws, resampled by picking images one by one."""
    (first,), (second,) = stack(1, 6), stack(1, 6, shift=1)
    result = over_images((-1, 1), (first, second), SUBSETS[16], 100)
    drawn = []
    for times in np.random.default_rng(BOOTSTRAP_SEED).multinomial(6, np.full(6, 1 / 6), size=100):
        images = [k for k, count in enumerate(times) for _ in range(count)]
        scores = [evaluation.miou(sum(run[k] for k in images), 16) for run in (first, second)]
        drawn.append(scores[1] - scores[0])
    assert (result.low, result.high) == pytest.approx(tuple(np.quantile(drawn, [0.025, 0.975])))


def test_sums_of_several_experiments():
    """Effects are compared as (a - b) - (c - d), each seed by itself."""
    runs = [stack(3, 4, shift=k) for k in range(4)]
    means = [100 * evaluation.miou(run.sum(1), 19) for run in runs]
    result = combined((1, -1, -1, 1), runs, 19, 100)
    assert result.difference == pytest.approx(np.mean(means[0] - means[1] - means[2] + means[3]))


def test_some_classes_alone():
    """The mean over two train ids."""
    runs = [stack(2, 4), stack(2, 4, shift=1)]
    each = [evaluation.iou(run.sum(1))[:, [5, 6]].mean(1) for run in runs]
    assert combined((-1, 1), runs, (5, 6), 100).difference == pytest.approx(100 * np.mean(each[1] - each[0]))


def test_a_truth_without_classes_is_undefined():
    """No class in any image: no number, and no warning."""
    nothing = np.zeros((1, 3, 3, N_CLASSES), np.int64)
    assert np.isnan(combined((-1, 1), [nothing, nothing], 19, 100).low)


def test_runs_that_do_not_pair_are_refused():
    """Five images against six."""
    with pytest.raises(ShapeError, match="1 x 5 and 1 x 6 seeds and images do not pair"):
        combined((-1, 1), [stack(1, 5), stack(1, 6)], 19, 100)


def test_a_block_is_drawn_as_one():
    """Six images in three equal pairs: as wide as of the three alone; drawn singly, too narrow.  Own blocks change nothing."""
    first, second = stack(1, 3)[0], stack(1, 3, shift=1)[0]
    twice = [np.repeat(counts, 2, axis=0) for counts in (first, second)]
    alone = over_images((-1, 1), (first, second), 19, 500)
    paired = over_images((-1, 1), twice, 19, 500, np.repeat([0, 1, 2], 2))
    singly = over_images((-1, 1), twice, 19, 500)
    assert (paired.difference, paired.low, paired.high) == pytest.approx((alone.difference, alone.low, alone.high))
    assert singly.high - singly.low < 0.9 * (paired.high - paired.low)
    assert over_images((-1, 1), twice, 19, 500, np.arange(6)) == singly
