"""The figures of all experiments, against figures worked out beside them."""

import json

import numpy as np
import pandas as pd
import pytest

from ash.evaluation import scores
from ash.labels import CLASSES
from ash.report.metrics import write_iou, write_metrics


def test_metrics_are_means_over_seeds(world, tmp_path):
    """metrics.json: experiment -> target -> miou19, miou16, miou13, to 4 decimals."""
    settings, runs = world(3)
    write_metrics(settings, ["paper", "controls"], runs, None, tmp_path / "metrics.json")
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert set(metrics) == set(settings.experiments(["paper", "controls"]))
    found = metrics["ash"]["cityscapes"]
    totals = [runs.counts("ash", "cityscapes")[seed].sum(0) for seed in range(3)]
    for classes in (19, 16, 13):
        mean = 100 * sum(float(scores.miou(total, classes)) for total in totals) / 3
        assert found[f"miou{classes}"] == round(mean, 4)


def test_iou_by_class_is_one_column_a_run(world, tmp_path):
    """A row a class; the cell is the mean of the seeds in per cent, and empty where the truth lacks the class."""
    settings, runs = world(2)
    write_iou(settings, ["paper", "controls"], runs, tmp_path / "iou.csv")
    frame = pd.read_csv(tmp_path / "iou.csv", index_col="class")
    assert list(frame.index) == list(CLASSES)
    assert set(frame) == {f"{e} on {t}" for e in settings.experiments(["paper", "controls"]) for t in settings.targets}
    ours = runs.class_iou("ash", "cityscapes")
    assert np.array_equal(frame["ash on cityscapes"].isna(), np.isnan(ours))
    assert frame["ash on cityscapes"].to_numpy() == pytest.approx(ours, abs=1e-4, nan_ok=True)


def test_verdicts_stand_among_the_metrics(world, tmp_path):
    """`claims`: id -> verdict, as claims.csv has it."""
    settings, runs = world(1)
    (tmp_path / "claims.csv").write_text("id,claim,verdict\nnoise,Noise helps.,cannot tell\nproof,It is so.,holds\n")
    write_metrics(settings, ["paper"], runs, tmp_path / "claims.csv", tmp_path / "metrics.json")
    assert json.loads((tmp_path / "metrics.json").read_text())["claims"] == {"noise": "cannot tell", "proof": "holds"}
