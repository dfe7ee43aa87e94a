"""Intervals of the difference between experiments: over seeds where there are several, else over images alone.

    seeds    Student's t over the paired differences of S seeds:  mean +- t(S - 1) sd / sqrt(S)
    images   percentile bootstrap over the images of one seed, the same resample for all experiments; frames of a video are
             drawn in blocks (`ash.datasets._sequences`)

Statements about methods are statements about seeds.  The differences of seeds hold all the noise there is, that of the
images too, so t over them covers the truth in 95 % of cases with 3 seeds as with 30.  A percentile bootstrap over seeds does
not: its resamples vary by (S - 1) / S of the variance, and its tails are too short; of 3 and 5 seeds it covers 76 and 83 %
(tests/evaluation/test_intervals.py).  One seed says nothing about others, so its interval speaks of images only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import stdtrit

from ash.errors import ShapeError
from ash.evaluation.scores import miou
from ash.labels import N_CLASSES

CONFIDENCE = 0.95
BOOTSTRAP_SEED = 0  # of every bootstrap that is reported, so that equal runs give equal tables


@dataclass(frozen=True)
class Interval:
    """A difference with the bounds of its 95 % interval, and what that interval is over."""

    difference: float
    low: float
    high: float
    over: Literal["seeds", "images"]


def over_seeds(differences: np.ndarray) -> Interval:
    """Of S paired differences (S,), one a seed, in any unit; ValueError for fewer than two."""
    if len(differences) < 2:
        raise ValueError(f"{len(differences)} seed(s) have no spread; wanted 2 or more")
    mean, n = float(np.mean(differences)), len(differences)
    half = float(stdtrit(n - 1, (1 + CONFIDENCE) / 2) * np.std(differences, ddof=1) / np.sqrt(n))
    return Interval(mean, mean - half, mean + half, "seeds")


def over_images(
    weights: Sequence[float],
    runs: Sequence[np.ndarray],
    classes: int | Sequence[int],
    resamples: int,
    blocks: np.ndarray | None = None,
) -> Interval:
    """A sum of mIoUs in [0,1], each with its weight; of one seed, so each run is counts (N,3,19) of the same N images.

    `blocks` (N,) numbers, from 0, what is drawn as one: images of a block are in a resample equally often.  None draws
    each image by itself.
    """
    n = len(runs[0])
    block = np.arange(n) if blocks is None else blocks
    count = int(block.max()) + 1
    drawn = np.random.default_rng(BOOTSTRAP_SEED).multinomial(count, np.full(count, 1 / count), size=resamples)[
        :, block
    ]
    times = np.concatenate(
        [np.ones((1, n)), drawn]
    )  # how often each resample holds an image; the first is the set itself
    tallies = [(times @ counts.reshape(n, -1)).reshape(-1, 3, N_CLASSES) for counts in runs]
    sums = np.tensordot(weights, [miou(tally, classes) for tally in tallies], 1)
    whole, known = float(sums[0]), sums[1:][~np.isnan(sums[1:])]
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(known, [tail, 1 - tail]) if len(known) else (np.nan, np.nan)
    return Interval(whole, float(low), float(high), "images")


def combined(
    weights: Sequence[float],
    runs: Sequence[np.ndarray],
    classes: int | Sequence[int],
    resamples: int,
    blocks: np.ndarray | None = None,
) -> Interval:
    """A sum of mIoUs in per cent, each with its weight, such as -1 and 1 for the second experiment minus the first.

    Each run is counts (S,N,3,19) of the same S seeds and N images in the same order.  `classes` is 19, 16 or 13, or the
    train ids that the means are over; `blocks` as for `over_images`.  ShapeError if runs do not pair.
    """
    shapes = [run.shape for run in runs]
    if len(set(shapes)) > 1:
        found = " and ".join(f"{s} x {n}" for s, n, *_ in shapes)
        raise ShapeError(f"runs of {found} seeds and images do not pair; score them anew")
    percent = [100 * weight for weight in weights]
    if len(runs[0]) > 1:
        return over_seeds(np.tensordot(percent, [miou(run.sum(1), classes) for run in runs], 1))
    return over_images(percent, [run[0] for run in runs], classes, resamples, blocks)
