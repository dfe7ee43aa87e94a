"""What `dvc plots` draws: a CSV file for each curve and each group of bars, in folders that dvc.yaml names."""

from collections.abc import Collection
from pathlib import Path

import pandas as pd

from ash.config import Settings
from ash.files.atomic import write_text
from ash.labels import CLASSES
from ash.report.records import read_history
from ash.report.runs import Runs

LOSS = "segmenter.segmentation"  # the term that every method has


def write_plots(settings: Settings, groups: Collection[str], runs: Runs, out: Path) -> None:
    """Write out/loss/EXPERIMENT.csv (step, loss) and out/iou/EXPERIMENT_TARGET.csv (class, IoU in per cent).

    Both are means over seeds; the experiments are those that the tables of `groups` show.  A class that the target's
    truth lacks is left out.
    """
    experiments = settings.experiments(groups)
    runs.require(experiments, ["history.csv", *(f"{target}.json" for target in settings.targets)])
    for experiment in experiments:
        _write(out / "loss" / f"{experiment}.csv", _loss(runs, experiment))
        for target in settings.targets:
            frame = pd.DataFrame({"class": CLASSES, "iou": runs.class_iou(experiment, target)})
            _write(out / "iou" / f"{experiment}_{target}.csv", frame.dropna())


def _loss(runs: Runs, experiment: str) -> pd.DataFrame:
    paths = [runs.path(experiment, seed, "history.csv") for seed in runs.seeds]
    histories = [read_history(path, LOSS).set_index("step") for path in paths]
    return pd.concat([history[LOSS] for history in histories], axis=1).mean(axis=1).rename("loss").reset_index()


def _write(path: Path, frame: pd.DataFrame) -> None:
    write_text(path, frame.to_csv(index=False, float_format="%.4f", lineterminator="\n"))
