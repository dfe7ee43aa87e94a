"""Scores: one 19-way confusion matrix, and everything else from it.

    confusion matrix   rows are the truth, columns the prediction; pixels of truth 255 count nowhere
    IoU                TP / (TP + FP + FN) of each class; undefined, and left out of means, where the truth lacks the class
    mIoU 19, 16, 13    means over subsets of the classes, always from the 19-way matrix (CLAN's way): the truth of a class
                       outside the subset still counts as false positives of whatever was predicted there

The official Cityscapes evaluator agrees to 1e-9 (tests/evaluation/test_scores.py), but for a class that the truth lacks and a
prediction has: it scores 0 there.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from ash.errors import ShapeError
from ash.labels import CLASSES, N_CLASSES, SUBSETS, VOID

ALL = range(N_CLASSES)  # train ids


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


def miou(tally: np.ndarray, classes: int | Sequence[int]) -> np.ndarray:
    """Mean IoU over those classes that the truth holds, from counts (...,3,19); NaN if it holds none.

    `classes` is 19, 16 or 13, or train ids (`shared`).
    """
    return mean_iou(iou(tally), classes)


def shared(classes: int, among: Collection[int]) -> list[int]:
    """Those of 19, 16 or 13 classes that are `among` the train ids which a pair of sets has; the others enter no mean."""
    return [k for k in SUBSETS[classes] if k in among]


def mean_iou(values: np.ndarray, classes: int | Sequence[int]) -> np.ndarray:
    """The same from the IoU of each class (...,19), NaN where the truth lacks it."""
    values = values[..., list(SUBSETS[classes] if isinstance(classes, int) else classes)]
    known = ~np.isnan(values)
    total = np.where(known, values, 0).sum(-1)
    return np.where(known.any(-1), total / np.maximum(known.sum(-1), 1), np.nan)


def scores(
    experiment: str, seed: int, target: str, ids: Sequence[str], matrices: Sequence[np.ndarray]
) -> dict[str, Any]:
    """The JSON of one run on one target, from the confusion matrix of each image.

    Undefined figures are null.  The counts of each image serve intervals.
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


def number(value: float | np.ndarray) -> float | None:
    """A JSON number; null for NaN."""
    return None if np.isnan(value) else float(value)
