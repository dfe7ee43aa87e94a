"""Means over the classes that a pair of sets shares: tables, contrasts and metrics of streets with fewer than 19."""

import json

import numpy as np
import pytest

from ash.labels import CLASSES
from ash.report.contrast import contrast
from ash.report.markdown import markdown
from ash.report.metrics import write_metrics
from ash.report.tables import miou_frame, miou_table

SHARED = ["road", "sidewalk", "building", "fence", "pole", "sign", "vegetation", "sky", "person", "car"]


def mean(runs, experiment, target, names):
    """In per cent over seeds, from the JSON of each run."""
    each = []
    for seed in runs.seeds:
        iou = json.loads(runs.path(experiment, seed, f"{target}.json").read_text())["iou"]
        each.append(np.mean([iou[name] for name in names if iou[name] is not None]))
    return 100 * np.mean(each)


def test_all_rows_of_a_table_have_one_mean(streets):
    """Over the ten classes that every row's source shares with the target, and without the fence in a second column."""
    settings, runs = streets
    frame = miou_frame(settings, "controls", runs, {}).set_index(["experiment", "target"])
    for experiment in ("source_only", "clan", "oracle"):
        row = frame.loc[experiment, "camvid"]
        assert row["ours_mean"] == pytest.approx(mean(runs, experiment, "camvid", SHARED))
        without = [name for name in SHARED if name != "fence"]
        assert row["without_fence"] == pytest.approx(mean(runs, experiment, "camvid", without))
    row, reference = (frame.loc[name, "camvid"]["ours_mean"] for name in ("clan", "source_only"))
    assert frame.loc["clan", "camvid"]["vs_reference"] == pytest.approx(row - reference)


def test_a_row_on_its_own_source_has_the_classes_of_that(streets):
    """CARLA's ten, and CamVid's eleven for the experiment that learns from it."""
    settings, runs = streets
    frame = miou_frame(settings, "controls", runs, {}).set_index(["experiment", "target"])
    for experiment, names in (("clan", SHARED), ("oracle", [*SHARED, "bicycle"])):
        assert frame.loc[experiment, "source"]["ours_mean"] == pytest.approx(mean(runs, experiment, "source", names))


def test_the_table_says_which_classes_count(streets):
    """A note names the sets and the classes of each mean; the second mean has a column."""
    settings, runs = streets
    frame = miou_frame(settings, "controls", runs, {})
    text = markdown(miou_table(settings, "controls", frame, {}, runs))
    assert "| camvid, ours | vs reference | without fence |" in text
    named = ", ".join(name for name in CLASSES if name in SHARED)
    assert f"* camvid: the mean is over the 10 classes that carla and camvid share ({named})." in text
    assert "* source: the mean is over the 11 classes that camvid has (road, " in text
    assert "over those that a target has: 10 or 11 on source, 10 on camvid" in text


def test_a_table_of_one_source_is_not_narrowed_by_another(streets):
    """Alone, the experiment that learns from CamVid is scored on its eleven classes."""
    settings, runs = streets
    row = miou_frame(settings, "alone", runs, {}).iloc[0]
    assert row["ours_mean"] == pytest.approx(mean(runs, "oracle", "camvid", [*SHARED, "bicycle"]))


def test_contrasts_and_metrics_follow_the_rule(streets, tmp_path):
    """A contrast says its classes in a line of its own; metrics.json has each experiment's own pair."""
    settings, runs = streets
    lines = contrast(settings, "source_only", "clan", runs)
    difference = mean(runs, "clan", "camvid", SHARED) - mean(runs, "source_only", "camvid", SHARED)
    assert f"mean {difference:+.1f}" in lines[0]
    assert lines[1].startswith("camvid: the mean is over the 10 classes that carla and camvid share (road, sidewalk, ")
    write_metrics(settings, ["controls"], runs, None, tmp_path / "metrics.json")
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["clan"]["camvid"]["miou19"] == pytest.approx(mean(runs, "clan", "camvid", SHARED), abs=1e-4)
    eleven = mean(runs, "oracle", "camvid", [*SHARED, "bicycle"])
    assert metrics["oracle"]["camvid"]["miou19"] == pytest.approx(eleven, abs=1e-4)
