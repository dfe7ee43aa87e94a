"""A trained model against a prepared target: <target>.json for the tables, <target>.npz for the figures."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from ash import evaluation, precision
from ash.config import Settings
from ash.errors import DataError
from ash.experiment.model import load_model, run_digest
from ash.experiment.parts import device
from ash.experiment.run import Progress, quiet
from ash.segmentation.deeplab import DeepLab
from ash.store import PREPARED_SCHEMA, atomic, open_h5, write_json
from ash.training.feed import to_image


def predictor(segmenter: DeepLab, where: torch.device) -> Callable[[np.ndarray, tuple[int, int]], np.ndarray]:
    """A function from uint8 RGB images (B,H,W,3) and a (height, width) to train ids (B,height,width).

    CLAN's protocol: logits are upsampled bilinearly with aligned corners, and the largest wins; no mirroring, one scale.
    """
    autocast = precision.autocast(precision.resolve("auto", where), where)

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
    where, evaluation_settings = device(), settings.protocol.evaluation
    predict = predictor(load_model(model, where, run_digest(settings.experiment(name), seed)), where)
    kept: list[np.ndarray] = []
    counts = []
    with open_h5(prepared, PREPARED_SCHEMA) as file:
        if "label" not in file:
            raise DataError(f"{prepared}: has no labels to score against; give a labelled set")
        images, labels, ids = file["image"], file["label"], [i.decode() for i in file["id"][:]]
        n, batch = len(images), evaluation_settings.batch
        for start in range(0, n, batch):
            stop = min(start + batch, n)
            truth = labels[start:stop]
            guess = predict(images[start:stop], truth.shape[1:])
            counts += [evaluation.confusion(t, g) for t, g in zip(truth, guess, strict=True)]
            if start < evaluation_settings.samples:
                kept.append(guess)
            progress(stop, n)
        k = min(evaluation_settings.samples, n)
        arrays = {"image": images[:k], "label": labels[:k], "prediction": np.concatenate(kept)[:k] if k else labels[:0]}
    write_json(out, evaluation.scores(name, seed, target, ids, counts))
    _write_npz(samples, {**arrays, "id": np.array(ids[:k])})


def _write_npz(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write arrays as .npz, atomically; NumPy gives its members a fixed date, so equal arrays give equal bytes."""
    with atomic(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
