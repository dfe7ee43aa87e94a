"""A trained model under a named evaluation protocol, on the raw files of a set: labels keep sizes of their own."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ash import datasets
from ash.config import Settings
from ash.datasets._base import Dataset, Sample, check_sizes
from ash.evaluation.conventions import EvaluationProtocol
from ash.evaluation.scores import confusion, scores
from ash.files.ahead import ahead
from ash.files.atomic import write_json
from ash.machine import precision
from ash.machine.device import device, enough_memory
from ash.pixels import to_image
from ash.progress import Progress, quiet
from ash.segmentation.deeplab import DeepLab
from ash.segmentation.deeplab_v3plus import DeepLabV3Plus
from ash.weights.model import load_model, run_digest

AHEAD = 4  # images decoded before the network asks for them; the largest pair takes 60 MB
STRIP = 256  # rows of the full-size label map whose 19 logits are held at once


def evaluate_protocol(
    settings: Settings,
    name: str,
    seed: int,
    protocol: EvaluationProtocol,
    manifest: dict[str, Any],
    model: Path,
    out: Path,
    progress: Progress = quiet,
) -> None:
    """Score one run's model on the validation split of the protocol's set, image by image, in bounded memory.

    Ids that the manifest shows as excluded are left out.  Writes the JSON of `ash.evaluation.scores`, with the protocol.
    """
    experiment = settings.experiment(name)
    segmenter = load_model(model, device(), run_digest(experiment, seed))
    arithmetic = experiment.training.precision
    ids, matrices = _measure(settings, protocol, manifest, segmenter, arithmetic, progress)
    write_json(out, scores(name, seed, protocol.name, ids, matrices) | {"protocol": protocol.record()})


def evaluate_file_as(
    settings: Settings,
    protocol: EvaluationProtocol,
    manifest: dict[str, Any],
    model: Path,
    out: Path,
    progress: Progress = quiet,
) -> None:
    """The same for a model that belongs to no experiment; its name is that of its file.

    In fp32 on every device, as the programs have it whose published figures such a model is held against.
    """
    ids, matrices = _measure(settings, protocol, manifest, load_model(model, device()), "fp32", progress)
    write_json(out, scores(model.stem, 0, protocol.name, ids, matrices) | {"protocol": protocol.record()})


def _measure(
    settings: Settings,
    protocol: EvaluationProtocol,
    manifest: dict[str, Any],
    segmenter: DeepLab | DeepLabV3Plus,
    arithmetic: precision.Setting,
    progress: Progress,
) -> tuple[list[str], list[np.ndarray]]:
    """Ids and confusion matrices (19,19) of every image."""
    where, source = device(), datasets.load(protocol.labels)
    settled = settings.protocol.datasets[protocol.dataset]
    excluded = manifest["splits"].get("val", {}).get("excluded", {})
    samples = source.index(Path(settled.root), "val", settled.validation, excluded)
    matrices = []
    for image, label in ahead(partial(read_pair, source), samples, AHEAD):
        matrices.append(confusion_as(protocol, segmenter, image, label, where, arithmetic))
        progress(len(matrices), len(samples))
    return [sample.id for sample in samples], matrices


def read_pair(source: Dataset, sample: Sample) -> tuple[np.ndarray, np.ndarray]:
    """An image uint8 (H,W,3) and its train ids uint8 (H,W), as published.  SizeError if they differ."""
    image, label = source.read_image(sample), source.read_label(sample)
    check_sizes(sample, image, label)
    return image, label


def confusion_as(
    protocol: EvaluationProtocol,
    segmenter: DeepLab | DeepLabV3Plus,
    image: np.ndarray,
    label: np.ndarray,
    where: torch.device,
    arithmetic: precision.Setting,
) -> np.ndarray:
    """The confusion matrix int64 (19,19) of one image uint8 (H,W,3) and its train ids uint8 (H,W) under a protocol."""
    seen, truth = protocol.image(image), protocol.label(label)
    rows = predict_strips(segmenter, seen, (truth.shape[0], truth.shape[1]), where, arithmetic)
    with enough_memory(where, f"no setting lowers what {protocol.name} needs for one image; use a larger device"):
        parts = [confusion(truth[top : top + len(guess)], guess) for top, guess in rows]
    matrix: np.ndarray = np.sum(parts, axis=0)
    return matrix


def predict_strips(
    segmenter: DeepLab | DeepLabV3Plus,
    image: np.ndarray,
    size: tuple[int, int],
    where: torch.device,
    arithmetic: precision.Setting = "auto",
) -> Iterator[tuple[int, np.ndarray]]:
    """Train ids of an image uint8 (H,W,3) at (height, width) `size`, as strips (first row, uint8 (rows,width)).

    The same as upsampling all logits bilinearly with aligned corners and taking the largest, in a tenth of the memory.
    """
    autocast = precision.autocast(precision.resolve(arithmetic, where), where)
    with torch.inference_mode():
        with autocast():
            logits = segmenter.predict(
                to_image(np.array(image[None])).to(where)
            )  # a copy: Pillow's arrays are read-only
        yield from classes_by_strips(logits, size)


def classes_by_strips(logits: Tensor, size: tuple[int, int]) -> Iterator[tuple[int, np.ndarray]]:
    """The largest of logits (1,C,h,w) at (height, width) `size`, as strips (first row, uint8 (rows,width))."""
    for top in range(0, size[0], STRIP):
        strip = upsampled_rows(logits, size, top, min(top + STRIP, size[0]))
        yield top, strip.argmax(1)[0].to(torch.uint8).cpu().numpy()


def upsampled_rows(logits: Tensor, size: tuple[int, int], top: int, bottom: int) -> Tensor:
    """Rows `top` to `bottom` of `logits` (1,C,h,w) brought to (height, width) `size`, bilinear, corners aligned."""
    height = logits.shape[2]
    step = (height - 1) / (size[0] - 1) if size[0] > 1 else 0.0
    position = torch.arange(top, bottom, device=logits.device) * step
    above = position.long().clamp(max=height - 1)
    below = (above + 1).clamp(max=height - 1)
    share = (position - above)[:, None].to(logits.dtype)
    rows = logits[:, :, above] * (1 - share) + logits[:, :, below] * share
    return functional.interpolate(rows, (bottom - top, size[1]), mode="bilinear", align_corners=True)
