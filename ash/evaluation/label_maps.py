"""Scores of label maps that any program has written as PNG, against a set's labels in their own encoding.

The counts are those of `ash.evaluation.scores`, with one case more: a prediction may be void, which no network of ours
says.  Such a pixel is a miss of its true class and a false positive of none, as in the official Cityscapes evaluator.
"""

import logging
from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ash import datasets
from ash.datasets._base import UNKNOWN, Dataset, Sample
from ash.datasets._plausible import read_as_train_ids
from ash.errors import DataError, several
from ash.evaluation.conventions import EvaluationProtocol
from ash.evaluation.scores import counts, iou, miou, number
from ash.files.ahead import ahead
from ash.files.id_maps import read_id_map, refuse_clashes
from ash.files.listing import files_of, shown
from ash.labels import CLASSES, N_CLASSES, SUBSETS, VOID
from ash.progress import Progress, quiet

Ids = Literal["auto", "train", "label"]
AHEAD = 16  # pairs read before they are counted
DOUBT = 0.2  # of all pixels, by which the other reading must be the better one to be told
log = logging.getLogger(__name__)

TRAIN_IDS = np.full(256, UNKNOWN, np.uint8)
TRAIN_IDS[[*range(N_CLASSES), VOID]] = [*range(N_CLASSES), VOID]


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
    them for train ids unless any of them, in any file, lies above 18 and is not 255, or a palette shows that they are
    label ids; the result says which.  DataError lists every prediction that is missing, ambiguous, unreadable or of
    another size, or names the ids that are in no table; or says that `auto` cannot tell, or that the labels are train ids.
    """
    source = datasets.load(dataset)
    found = pair(predictions, labels, source)
    total, faults = _Counted.none(), []
    for done, result in enumerate(ahead(partial(_count, source, protocol), found.samples, AHEAD), 1):
        if isinstance(result, str):
            faults.append(result)
        else:
            total += result
        progress(done, len(found.samples))
    if faults:
        raise DataError(several(f"{shown(predictions)}: {len(faults)} bad pair(s)", faults))
    if read_as_train_ids(total.truth(), source.table):
        raise DataError(f"{shown(labels)}: no id above 18 in any label map, as of train ids; restore the label ids")
    kind, table = _table(total, source, ids, predictions)
    doubt = _doubt(total, kind, source)
    if doubt and ids == "auto":
        raise DataError(f"{shown(predictions)}: {doubt}; say which they are with --ids")
    if doubt:
        log.warning("%s: %s", shown(predictions), doubt)
    return {
        "dataset": dataset,
        "protocol": None if protocol is None else protocol.record(),
        "ids": kind,
        "images": len(found.samples),
        "spare": found.spare,
        **_figures(_matrix(total.joint, table)),
    }


def _readings(source: Dataset) -> dict[str, np.ndarray]:
    """The two ways to read a predicted id, each as a table to train ids."""
    return {"train": TRAIN_IDS, "label": source.table}


def _matrix(joint: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Pixels by true class and predicted class (19,20), void last, from those by predicted id (19,256)."""
    matrix = np.zeros((N_CLASSES, N_CLASSES + 1), np.int64)
    np.add.at(matrix.T, np.minimum(table, N_CLASSES), joint.T)
    return matrix


def _doubt(total: "_Counted", kind: str, source: Dataset) -> str:
    """A line where the reading that was not chosen agrees with far more of the labels, ids that it lacks taken for void."""
    other = "label" if kind == "train" else "train"
    joint = total.joint
    if not joint.any():
        return ""
    right = {name: np.trace(_matrix(joint, table)) / joint.sum() for name, table in _readings(source).items()}
    if right[other] < right[kind] + DOUBT:
        return ""
    return (
        f"read as {kind} ids, predictions are right for {100 * right[kind]:.0f} % of the pixels, as {other} ids for"
        f" {100 * right[other]:.0f} %"
    )


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
    suffix = source.label_suffix
    truths = [(path.name.removesuffix(suffix), path) for path in files_of(labels, f"**/*{suffix}")]
    if not truths:
        raise DataError(f"{shown(labels)}: no label map of {source.name}; wanted files *{suffix}")
    if not predictions.is_dir():
        raise DataError(f"{shown(predictions)}: no such folder; give the one that holds the predictions")
    wanted = dict(truths)
    guesses: dict[str, list[Path]] = {i: [] for i in wanted}
    spare = 0
    for path in files_of(predictions, "**/*.png"):
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
        title = f"{shown(predictions)}: does not fit the labels in {shown(labels)}"
        raise DataError(several(title, faults))
    return Pairing(tuple(Sample(i, guesses[i][0], wanted[i]) for i in wanted), spare)


@dataclass(frozen=True)
class _Counted:
    """Pixels of a pair by (true class, predicted id) int64 (19,256), by predicted id wherever, and of void truth.

    `against` says for each way to read predictions which colours of their palette contradict it.
    """

    joint: np.ndarray
    values: np.ndarray
    void: int
    against: dict[str, str]

    @classmethod
    def none(cls) -> "_Counted":
        """No pair yet."""
        return cls(np.zeros((N_CLASSES, 256), np.int64), np.zeros(256, np.int64), 0, {"train": "", "label": ""})

    def __add__(self, other: "_Counted") -> "_Counted":
        """Both together; of what contradicts a reading the first is kept."""
        against = {kind: self.against[kind] or fault for kind, fault in other.against.items()}
        return _Counted(self.joint + other.joint, self.values + other.values, self.void + other.void, against)

    def truth(self) -> np.ndarray:
        """Pixels by true train id, 255 for void: (256,)."""
        pixels = np.zeros(256, np.int64)
        pixels[:N_CLASSES], pixels[VOID] = self.joint.sum(1), self.void
        return pixels


def _count(source: Dataset, protocol: EvaluationProtocol | None, sample: Sample) -> _Counted | str:
    """One pair, or the fault."""
    try:
        truth = source.read_label(sample)
        truth = truth if protocol is None else protocol.label(truth)
        stored = read_id_map(sample.image)
        guess, name = stored.ids, shown(sample.image)
        if guess.shape != truth.shape:
            (h, w), (th, tw) = guess.shape, truth.shape
            raise DataError(f"{name}: {w}x{h}, wanted {tw}x{th} like its labels; resize the prediction")
        clashes = {kind: stored.clashes(table, source.borrowed) for kind, table in _readings(source).items()}
        refuse_clashes(sample.image, [i for i in clashes["train"] if i in clashes["label"]])
    except DataError as fault:
        return str(fault)
    valid = truth != VOID
    joint = np.bincount(truth[valid].astype(np.int64) * 256 + guess[valid], minlength=N_CLASSES * 256)
    return _Counted(
        joint.reshape(N_CLASSES, 256),
        np.bincount(guess.ravel(), minlength=256),
        int((~valid).sum()),
        {
            kind: f"{name} shows index {ids[0]} in another class's colour" if ids else ""
            for kind, ids in clashes.items()
        },
    )


def _table(total: _Counted, source: Dataset, ids: Ids, predictions: Path) -> tuple[str, np.ndarray]:
    """How predicted ids are read, and the table from them to train ids, 255 void; DataError names ids outside it."""
    seen, against = np.flatnonzero(total.values), total.against
    kind = ids
    if ids == "auto":
        kind = "train" if (TRAIN_IDS[seen] != UNKNOWN).all() and not against["train"] else "label"
    table = _readings(source)[kind]
    unknown = [f"{i} ({total.values[i]} pixels)" for i in seen if table[i] == UNKNOWN]
    if unknown or against[kind]:
        found = f"predictions hold {', '.join(unknown)}" if unknown else against[kind]
        raise DataError(
            f"{shown(predictions)}: read as {kind} ids, {found}; write train ids 0-18 or"
            f" {source.name}'s label ids, and name them with --ids"
        )
    return kind, table
