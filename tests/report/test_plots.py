"""What `dvc plots` draws."""

import numpy as np
import pandas as pd

from ash.report.plots import write_plots


def test_losses_are_means_over_seeds(world, tmp_path):
    """A file an experiment that the groups show, a row a log line, the mean of that loss in the seeds' histories."""
    settings, runs = world(3)
    write_plots(settings, ["paper"], runs, tmp_path)
    assert {path.stem for path in (tmp_path / "loss").iterdir()} == set(settings.experiments(["paper"]))
    frame = pd.read_csv(tmp_path / "loss/ash.csv")
    parts = [pd.read_csv(runs.path("ash", seed, "history.csv")) for seed in range(3)]
    assert list(frame["step"]) == list(parts[0]["step"])
    assert np.allclose(frame["loss"], np.mean([part["segmenter.segmentation"] for part in parts], 0), atol=1e-4)


def test_bars_leave_out_absent_classes(world, tmp_path):
    """IoU in per cent of each class that the target's truth has."""
    settings, runs = world(3)
    write_plots(settings, ["paper"], runs, tmp_path)
    frame = pd.read_csv(tmp_path / "iou/ash_cityscapes.csv")
    values = runs.class_iou("ash", "cityscapes")
    assert "train" not in set(frame["class"]) and len(frame) == 18
    assert np.allclose(frame["iou"], values[~np.isnan(values)], atol=1e-4)
