"""One model under every protocol that the data at hand allows: the scores of a checkpoint x protocol matrix."""

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ash import datasets
from ash.config import Settings
from ash.datasets._base import Sample
from ash.errors import DataError
from ash.evaluation.conventions import EvaluationProtocol
from ash.evaluation.families import Family
from ash.evaluation.scores import scores
from ash.experiment.evaluate_raw import AHEAD, confusion_as, read_pair
from ash.files.ahead import ahead
from ash.files.atomic import file_digest
from ash.machine.device import device
from ash.progress import Progress, quiet
from ash.weights.model import load_model


def at_hand(
    settings: Settings, families: Sequence[Family], folders: Mapping[str, Path], manifests: Mapping[str, dict[str, Any]]
) -> tuple[dict[str, list[Sample]], list[str]]:
    """The validation images of each set that is there, and a line for each that the families know and that is not.

    Sets lie in `folders`, or else where the protocol says; ids that a manifest shows as excluded are left out.  DataError
    if a set is there and does not fit its layout, or if none is there.
    """
    found, lines = {}, []
    for name in dict.fromkeys(name for family in families for name in family.protocols):
        described = settings.protocol.datasets.get(name)
        root = folders.get(name) or (Path(described.root) if described else None)
        if root is None:
            lines.append(f"{name}: the protocol does not describe it, and --data names no folder")
        elif name not in folders and not root.is_dir():
            lines.append(f"{name}: {root} is not there")
        else:
            excluded = manifests.get(name, {}).get("splits", {}).get("val", {}).get("excluded", {})
            validation = described.validation if described else 0
            found[name] = datasets.load(name).index(root, "val", validation, excluded)
    if not found:
        raise DataError(f"no set to score on ({'; '.join(lines)}); acquire one, or name its folder with --data")
    return found, lines


def score_matrix(
    model: Path, families: Sequence[Family], sets: Mapping[str, Sequence[Sample]], progress: Progress = quiet
) -> dict[str, Any]:
    """The scores of a model file under each protocol of each set, and which family has which: JSON.

    An image is read once and seen once under each protocol, though several families share it.  In fp32 on every device, as
    in `evaluate_file_as`.
    """
    where = device()
    segmenter = load_model(model, where)
    total, before, cells = sum(map(len, sets.values())), 0, {}
    for name, samples in sets.items():
        protocols = {p.name: p for family in families if (p := family.protocols.get(name))}
        matrices: dict[str, list[np.ndarray]] = {protocol: [] for protocol in protocols}
        for image, label in ahead(partial(read_pair, datasets.load(name)), samples, AHEAD):
            for protocol in protocols.values():
                matrices[protocol.name].append(confusion_as(protocol, segmenter, image, label, where, "fp32"))
            before += 1
            progress(before, total)
        for protocol in protocols.values():
            cells[protocol.name] = _cell(model, protocol, samples, matrices[protocol.name])
    grid = {
        family.name: {name: family.protocols[name].name for name in sets if name in family.protocols}
        for family in families
    }
    stated = {family.name: sorted(family.stated & sets.keys()) for family in families}
    return {"model": str(model), "digest": file_digest(model), "families": grid, "stated": stated, "cells": cells}


def _cell(
    model: Path, protocol: EvaluationProtocol, samples: Collection[Sample], matrices: Sequence[np.ndarray]
) -> dict[str, Any]:
    """The scores of one protocol, without the counts of each image."""
    whole = scores(model.stem, 0, protocol.name, [sample.id for sample in samples], matrices)
    kept = ("classes", "confusion", "iou", "miou", "pixel_accuracy")
    return {key: whole[key] for key in kept} | {"images": len(samples), "protocol": protocol.record()}
