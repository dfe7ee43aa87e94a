"""Scores of label maps that any program has written as PNG, against a set's labels in their own encoding.

The counts are those of `ash.evaluation.scores`, with one case more: a prediction may be void, which no network of ours
says.  Such a pixel is a miss of its true class and a false positive of none, as in the official Cityscapes evaluator.
"""

from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ash import datasets
from ash.datasets._base import UNKNOWN, Dataset, Sample
from ash.errors import DataError, several
from ash.evaluation.conventions import EvaluationProtocol
from ash.evaluation.scores import counts, iou, miou, number
from ash.files.ahead import ahead
from ash.files.images import open_image
from ash.labels import CLASSES, N_CLASSES, SUBSETS, VOID
from ash.progress import Progress, quiet

Ids = Literal["auto", "train", "label"]
AHEAD = 16  # pairs read before they are counted


@dataclass(frozen=True)
class Pairing:
    """A label map and the prediction for it, by id; and the predictions that no label map asks for."""

    samples: tuple[Sample, ...]
    spare: int


def score_folder(
    predictions: Path,
    labels: Path,
    dataset: str,
    ids: Ids = "auto",
    protocol: EvaluationProtocol | None = None,
    progress: Progress = quiet,
) -> dict[str, Any]:
    """Score every label map below `labels` with the PNG below `predictions` that begins with its id.

    Predictions are one 8-bit channel of the size that is scored: train ids 0-18, or the set's label ids.  `auto` takes
    them for train ids unless any of them, in any file, lies above 18 and is not 255; the result says which.  DataError
    lists every prediction that is missing, ambiguous, unreadable or of another size, or names the ids that are in no
    table.
    """
    source = datasets.load(dataset)
    found = pair(predictions, labels, source)
    joint, values, faults = np.zeros((N_CLASSES, 256), np.int64), np.zeros(256, np.int64), []
    for done, result in enumerate(ahead(partial(_count, source, protocol), found.samples, AHEAD), 1):
        if isinstance(result, str):
            faults.append(result)
        else:
            joint += result[0]
            values += result[1]
        progress(done, len(found.samples))
    if faults:
        raise DataError(several(f"{predictions}: {len(faults)} bad pair(s)", faults))
    kind, table = _table(values, source, ids, predictions)
    matrix = np.zeros((N_CLASSES, N_CLASSES + 1), np.int64)
    np.add.at(matrix.T, np.minimum(table, N_CLASSES), joint.T)
    return {
        "dataset": dataset,
        "protocol": None if protocol is None else protocol.record(),
        "ids": kind,
        "images": len(found.samples),
        "spare": found.spare,
        **_figures(matrix),
    }


def _figures(matrix: np.ndarray) -> dict[str, Any]:
    """Scores of a matrix (19,20) whose last column holds void predictions."""
    tally = counts(matrix[:, :N_CLASSES])
    tally[2] += matrix[:, N_CLASSES]
    total = matrix.sum()
    return {
        "classes": list(CLASSES),
        "confusion": matrix[:, :N_CLASSES].tolist(),
        "missed": matrix[:, N_CLASSES].tolist(),
        "iou": {name: number(value) for name, value in zip(CLASSES, iou(tally), strict=True)},
        "miou": {str(n): number(miou(tally, n)) for n in SUBSETS},
        "pixel_accuracy": number(np.trace(matrix) / total if total else np.nan),
    }


def pair(predictions: Path, labels: Path, source: Dataset) -> Pairing:
    """Match predictions to label maps: a prediction's name is an id, or begins with one and an underscore."""
    truths = [
        (path.name.removesuffix(source.label_suffix), path) for path in sorted(labels.rglob(f"*{source.label_suffix}"))
    ]
    if not truths:
        raise DataError(f"{labels}: no label map of {source.name}; wanted files *{source.label_suffix}")
    wanted = dict(truths)
    guesses: dict[str, list[Path]] = {i: [] for i in wanted}
    spare = 0
    for path in sorted(predictions.rglob("*.png")):
        parts = path.stem.split("_")
        prefixes = ("_".join(parts[:k]) for k in range(len(parts), 0, -1))
        owner = next((prefix for prefix in prefixes if prefix in guesses), None)
        spare += owner is None
        if owner is not None:
            guesses[owner].append(path)
    twice = [i for i, times in Counter(i for i, _ in truths).items() if times > 1]
    faults = [f"{i}: several label maps; name the folder of one split" for i in twice]
    faults += [f"{i}: no prediction, wanted {i}.png or {i}_*.png" for i, paths in guesses.items() if not paths]
    faults += [
        f"{i}: {len(paths)} predictions ({', '.join(path.name for path in paths)}), wanted one; move the others away"
        for i, paths in guesses.items()
        if len(paths) > 1
    ]
    if faults:
        raise DataError(several(f"{predictions}: does not fit the labels in {labels}", faults))
    return Pairing(tuple(Sample(i, guesses[i][0], wanted[i]) for i in wanted), spare)


def _count(source: Dataset, protocol: EvaluationProtocol | None, sample: Sample) -> tuple[np.ndarray, np.ndarray] | str:
    """Pixels by (true class, predicted id) int64 (19,256), and by predicted id wherever; or the fault."""
    try:
        truth = source.read_label(sample)
        truth = truth if protocol is None else protocol.label(truth)
        with open_image(sample.image) as picture:
            if picture.mode not in ("L", "P"):
                raise DataError(f"{sample.image}: pixels are {picture.mode}, wanted one channel of 8 bits with an id")
            guess = np.asarray(picture)
        if guess.shape != truth.shape:
            (h, w), (th, tw) = guess.shape, truth.shape
            raise DataError(f"{sample.image}: {w}x{h}, wanted {tw}x{th} like its labels; resize the prediction")
    except DataError as fault:
        return str(fault)
    valid = truth != VOID
    joint = np.bincount(truth[valid].astype(np.int64) * 256 + guess[valid], minlength=N_CLASSES * 256)
    return joint.reshape(N_CLASSES, 256), np.bincount(guess.ravel(), minlength=256)


def _table(values: np.ndarray, source: Dataset, ids: Ids, predictions: Path) -> tuple[str, np.ndarray]:
    """How predicted ids are read, and the table from them to train ids, 255 void; DataError names ids outside it."""
    seen = np.flatnonzero(values)
    kind = ids
    if ids == "auto":
        kind = "train" if all(i < N_CLASSES or i == VOID for i in seen) else "label"
    if kind == "label":
        table = source.table
    else:
        table = np.full(256, UNKNOWN, np.uint8)
        table[[*range(N_CLASSES), VOID]] = [*range(N_CLASSES), VOID]
    unknown = [f"{i} ({values[i]} pixels)" for i in seen if table[i] == UNKNOWN]
    if unknown:
        raise DataError(
            f"{predictions}: read as {kind} ids, predictions hold {', '.join(unknown)}; write train ids 0-18 or"
            f" {source.name}'s label ids, and name them with --ids"
        )
    return kind, table
