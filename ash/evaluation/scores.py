"""Scores: one 19-way confusion matrix, and everything else from it.

    confusion matrix   rows are the truth, columns the prediction; pixels of truth 255 count nowhere
    IoU                TP / (TP + FP + FN) of each class; undefined, and left out of means, where the truth lacks the class
    mIoU 19, 16, 13    means over subsets of the classes, always from the 19-way matrix (CLAN's way): the truth of a class
                       outside the subset still counts as false positives of whatever was predicted there
    interval           paired bootstrap over seeds and images

The official Cityscapes evaluator agrees to 1e-9 (tests/evaluation/test_scores.py), but for a class that the truth lacks and a
prediction has: it scores 0 there.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ash.errors import ShapeError
from ash.labels import CLASSES, N_CLASSES, SUBSETS, VOID

CONFIDENCE = 0.95
ALL = range(N_CLASSES)  # train ids
BOOTSTRAP_SEED = 0  # of every interval that is reported, so that equal runs give equal tables


def confusion(truth: np.ndarray, guess: np.ndarray) -> np.ndarray:
    """Count pixels by (true, predicted) train id: int64 (19,19).

    Both of one shape, uint8 or wider; `guess` within 0..18.  ShapeError if shapes or ids do not fit.
    """
    if truth.shape != guess.shape:
        raise ShapeError(f"prediction {guess.shape}, wanted {truth.shape} like its labels")
    valid = truth != VOID
    true_ids, guessed_ids = truth[valid].astype(np.int64), guess[valid].astype(np.int64)
    for what, ids in (("label", true_ids), ("prediction", guessed_ids)):
        if ids.size and ids.max() >= N_CLASSES:
            raise ShapeError(f"{what}: train id {ids.max()}, wanted 0 to {N_CLASSES - 1}")
    counts = np.bincount(true_ids * N_CLASSES + guessed_ids, minlength=N_CLASSES**2)
    return counts.reshape(N_CLASSES, N_CLASSES)


def counts(matrix: np.ndarray) -> np.ndarray:
    """True positives, false positives and false negatives of each class: (...,19,19) -> int64 (...,3,19)."""
    hits = np.diagonal(matrix, axis1=-2, axis2=-1)
    return np.stack([hits, matrix.sum(-2) - hits, matrix.sum(-1) - hits], -2)


def iou(tally: np.ndarray) -> np.ndarray:
    """IoU of each class in [0,1] from counts (...,3,19); NaN where the truth lacks the class."""
    hits, false_positives, false_negatives = np.moveaxis(tally, -2, 0)
    present = hits + false_negatives > 0
    union = np.where(present, hits + false_positives + false_negatives, 1)
    return np.where(present, hits / union, np.nan)


def miou(tally: np.ndarray, classes: int, among: Collection[int] = ALL) -> np.ndarray:
    """Mean IoU over the 19, 16 or 13 classes that the truth holds, from counts (...,3,19); NaN if it holds none.

    Classes that are not `among` the train ids of a pair of sets are left out of the mean, and of nothing else.
    """
    return mean_iou(iou(tally), classes, among)


def mean_iou(values: np.ndarray, classes: int, among: Collection[int] = ALL) -> np.ndarray:
    """The same from the IoU of each class (...,19), NaN where the truth lacks it."""
    values = values[..., [k for k in SUBSETS[classes] if k in among]]
    known = ~np.isnan(values)
    total = np.where(known, values, 0).sum(-1)
    return np.where(known.any(-1), total / np.maximum(known.sum(-1), 1), np.nan)


def scores(
    experiment: str, seed: int, target: str, ids: Sequence[str], matrices: Sequence[np.ndarray]
) -> dict[str, Any]:
    """The JSON of one run on one target, from the confusion matrix of each image.

    Undefined figures are null.  The counts of each image serve the bootstrap.
    """
    each = counts(np.stack(matrices))
    whole = np.sum(matrices, axis=0)
    tally = counts(whole)
    return {
        "experiment": experiment,
        "seed": seed,
        "target": target,
        "classes": list(CLASSES),
        "confusion": whole.tolist(),
        "iou": {name: number(value) for name, value in zip(CLASSES, iou(tally), strict=True)},
        "miou": {str(n): number(miou(tally, n)) for n in SUBSETS},
        "pixel_accuracy": number(np.trace(whole) / whole.sum() if whole.sum() else np.nan),
        "images": {
            "id": list(ids),
            "true_positive": each[:, 0].tolist(),
            "false_positive": each[:, 1].tolist(),
            "false_negative": each[:, 2].tolist(),
        },
    }


def image_counts(run: Mapping[str, Any]) -> np.ndarray:
    """The counts of each image of a run's JSON, int64 (N,3,19)."""
    images = run["images"]
    kinds = ("true_positive", "false_positive", "false_negative")
    return np.stack([np.array(images[kind], np.int64).reshape(-1, N_CLASSES) for kind in kinds], 1)


@dataclass(frozen=True)
class Interval:
    """A difference of two mIoUs in [-1,1], with the bounds of its 95 % bootstrap interval."""

    difference: float
    low: float
    high: float


def paired_bootstrap(
    first: np.ndarray, second: np.ndarray, classes: int, resamples: int, seed: int, among: Collection[int] = ALL
) -> Interval:
    """How much better `second` is than `first`: mIoU averaged over seeds, with a percentile interval.

    Both are counts (S,N,3,19) of the same S seeds and N images in the same order.  Every resample draws seeds and images
    with replacement, the same for both; with one seed it speaks of the images alone.  ShapeError if they do not pair.
    """
    if first.shape != second.shape:
        raise ShapeError(
            f"runs of {first.shape[:2]} and {second.shape[:2]} seeds and images do not pair; score them anew"
        )
    n_seeds, n_images = first.shape[:2]
    rng = np.random.default_rng(seed)
    both = np.stack([first, second]).reshape(2, n_seeds, n_images, -1).astype(np.float64)

    def difference(seeds: Sequence[int] | np.ndarray, weights: np.ndarray) -> float:
        """Of one resample: image weights (N,) make a weighted sum of counts, a matrix product."""
        tallies = np.einsum("n,msnk->msk", weights, both[:, seeds]).reshape(2, len(seeds), 3, N_CLASSES)
        means = miou(tallies, classes, among).mean(1)
        return float(means[1] - means[0])

    drawn = []
    for _ in range(resamples):
        seeds = np.asarray(rng.integers(n_seeds, size=n_seeds))
        weights = np.bincount(rng.integers(n_images, size=n_images), minlength=n_images).astype(np.float64)
        drawn.append(difference(seeds, weights))
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return Interval(difference(range(n_seeds), np.ones(n_images)), float(low), float(high))


def number(value: float | np.ndarray) -> float | None:
    """A JSON number; null for NaN."""
    return None if np.isnan(value) else float(value)
