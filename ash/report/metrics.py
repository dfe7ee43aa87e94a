"""The figures of all experiments in one file each, for DVC and for other programs."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import pandas as pd

from ash.config import Settings
from ash.evaluation.scores import number
from ash.files.atomic import write_json, write_text
from ash.labels import CLASSES, SUBSETS
from ash.report.in_words import WORDS
from ash.report.means import among
from ash.report.records import read_csv
from ash.report.runs import Runs


def write_metrics(settings: Settings, groups: Collection[str], runs: Runs, claims: Path | None, out: Path) -> None:
    """Write mIoU 19, 16 and 13 of the experiments of groups on every target, means over seeds in per cent, to 4 decimals.

    With the file claims.csv also `claims`: id -> verdict, which `dvc metrics diff` shows when it changes.

    Each is over the classes that the experiment's source and the target share (`ash.report.means`).
    """
    targets, experiments = [*settings.targets, "source"], settings.experiments(groups)
    runs.require(experiments, [f"{target}.json" for target in targets])
    metrics: dict[str, Any] = {
        experiment: {
            target: {f"miou{n}": _mean(settings, runs, experiment, target, n) for n in SUBSETS} for target in targets
        }
        for experiment in experiments
    }
    if claims:
        answered = read_csv(claims, "answer the claims", ("id", "verdict"), WORDS, empty=True)
        metrics["claims"] = dict(zip(answered["id"], answered["verdict"], strict=True))
    write_json(out, metrics)


def _mean(settings: Settings, runs: Runs, experiment: str, target: str, classes: int) -> float | None:
    """One figure; null where the sets share none of its classes."""
    mean = number(runs.miou(experiment, target, classes, among(settings, [experiment], target)).mean())
    return None if mean is None else round(mean, 4)


def write_iou(settings: Settings, groups: Collection[str], runs: Runs, out: Path) -> None:
    """Write IoU of every class in per cent as CSV, means over seeds: a row a class, a column an experiment and target.

    An empty cell is a class that the target's truth lacks.
    """
    columns = {
        f"{experiment} on {target}": runs.class_iou(experiment, target)
        for experiment in settings.experiments(groups)
        for target in settings.targets
    }
    frame = pd.DataFrame({"class": CLASSES, **columns})
    write_text(out, frame.to_csv(index=False, float_format="%.4f", lineterminator="\n"))
