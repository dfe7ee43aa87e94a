"""A trained model against a prepared target: <target>.json for the tables, <target>.npz for the figures."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from ash.config import EvaluationSettings, Settings
from ash.errors import DataError
from ash.evaluation.scores import confusion, scores
from ash.experiment.origin import check_prepared
from ash.files.atomic import atomic_file, write_json
from ash.files.hdf5 import PREPARED_SCHEMA, open_h5
from ash.machine import precision
from ash.machine.device import device, enough_memory
from ash.pixels import to_image
from ash.progress import Progress, quiet
from ash.segmentation.deeplab import DeepLab
from ash.segmentation.deeplab_v3plus import DeepLabV3Plus
from ash.weights.model import load_model, run_digest

Predict = Callable[[np.ndarray, tuple[int, int]], np.ndarray]


def predictor(
    segmenter: DeepLab | DeepLabV3Plus, where: torch.device, arithmetic: precision.Setting = "auto"
) -> Predict:
    """A function from uint8 RGB images (B,H,W,3) and a (height, width) to train ids (B,height,width).

    CLAN's protocol: logits are upsampled bilinearly with aligned corners, and the largest wins; no mirroring, one scale.
    `arithmetic` is as in `training.precision`: a run is scored in what its settings state for its training.
    """
    autocast = precision.autocast(precision.resolve(arithmetic, where), where)

    def predict(images: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        with torch.inference_mode():
            with autocast():
                logits = segmenter.predict(to_image(images).to(where))
            logits = functional.interpolate(logits, size, mode="bilinear", align_corners=True)
            return logits.argmax(1).to(torch.uint8).cpu().numpy()

    return predict


def evaluate_run(
    settings: Settings,
    name: str,
    seed: int,
    target: str,
    model: Path,
    prepared: Path,
    out: Path,
    samples: Path,
    progress: Progress = quiet,
) -> None:
    """Score one run's model on one prepared target, image by image, in bounded memory."""
    where = device()
    experiment = settings.experiment(name)
    check_prepared(settings, prepared, experiment.source if target == "source" else target, "val")
    segmenter = load_model(model, where, run_digest(experiment, seed))
    predict = predictor(segmenter, where, experiment.training.precision)
    ids, counts, arrays = _measure(settings.protocol.evaluation, predict, prepared, progress)
    write_json(out, scores(name, seed, target, ids, counts))
    _write_npz(samples, arrays)


def evaluate_file(
    settings: Settings,
    model: Path,
    target: str,
    prepared: Path,
    out: Path,
    samples: Path,
    progress: Progress = quiet,
) -> None:
    """The same for a model that belongs to no experiment, such as an imported one; its name is that of its file."""
    where = device()
    check_prepared(settings, prepared, target)
    predict = predictor(load_model(model, where), where)
    ids, counts, arrays = _measure(settings.protocol.evaluation, predict, prepared, progress)
    write_json(out, scores(model.stem, 0, target, ids, counts))
    _write_npz(samples, arrays)


def _measure(
    settings: EvaluationSettings, predict: Predict, prepared: Path, progress: Progress
) -> tuple[list[str], list[np.ndarray], dict[str, np.ndarray]]:
    """Ids and confusion matrices of every image, and the first images with their labels and predictions."""
    kept: list[np.ndarray] = []
    counts = []
    with open_h5(prepared, PREPARED_SCHEMA) as file:
        if "label" not in file:
            raise DataError(f"{prepared}: has no labels to score against; give a labelled set")
        images, labels, ids = file["image"], file["label"], [i.decode() for i in file["id"][:]]
        n, batch = len(images), settings.batch
        for start in range(0, n, batch):
            stop = min(start + batch, n)
            truth = labels[start:stop]
            with enough_memory(device(), f"lower evaluation.batch (now {batch})"):
                guess = predict(images[start:stop], truth.shape[1:])
            counts += [confusion(t, g) for t, g in zip(truth, guess, strict=True)]
            if start < settings.samples:
                kept.append(guess)
            progress(stop, n)
        k = min(settings.samples, n)
        arrays = {"image": images[:k], "label": labels[:k], "prediction": np.concatenate(kept)[:k] if k else labels[:0]}
    return ids, counts, {**arrays, "id": np.array(ids[:k])}


def _write_npz(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write arrays as .npz, atomically; NumPy gives its members a fixed date, so equal arrays give equal bytes."""
    with atomic_file(path) as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
