"""Tables from made-up runs, against figures worked out beside them."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from ash import evaluation
from ash.errors import StoreError
from ash.labels import CLASSES
from ash.report.runs import Runs
from ash.report.tables import build_table, class_table, markdown, write_iou, write_metrics, write_table


def cell(frame: pd.DataFrame, experiment: str, target: str) -> pd.Series:
    """The one row of an experiment and target."""
    rows = frame[(frame["experiment"] == experiment) & (frame["target"] == target)]
    assert len(rows) == 1
    return rows.iloc[0]


def test_mean_deviation_and_difference(world, published):
    """Ours is the mean over seeds with the sample deviation (n - 1), and the difference is ours minus the paper's."""
    settings, runs = world(3)
    row = cell(build_table(settings, "table1", runs, published), "ash", "mapillary")
    each = [100 * json.loads(runs.path("ash", seed, "mapillary.json").read_text())["miou"]["19"] for seed in range(3)]
    mean = sum(each) / 3
    assert row["ours_mean"] == pytest.approx(mean)
    assert row["ours_sd"] == pytest.approx((sum((v - mean) ** 2 for v in each) / 2) ** 0.5)
    assert row["n"] == 3
    assert row["paper"] == 44.44
    assert row["difference"] == pytest.approx(mean - 44.44)


def test_difference_to_the_reference_row(world, published):
    """`vs reference` is the difference of the two rows' means, inside its interval; the reference has none itself."""
    settings, runs = world(3)
    frame = build_table(settings, "table1", runs, published)
    ours, reference = cell(frame, "ash", "cityscapes"), cell(frame, "clan", "cityscapes")
    assert ours["vs_reference"] == pytest.approx(ours["ours_mean"] - reference["ours_mean"])
    assert ours["low"] <= ours["vs_reference"] <= ours["high"]
    assert np.isnan(reference["vs_reference"])


def test_one_seed_has_no_deviation(world, published):
    """With one seed the deviation is empty, and the Markdown says n=1."""
    settings, runs = world(1)
    frame = build_table(settings, "table1", runs, published)
    assert frame["ours_sd"].isna().all()
    text = markdown(settings, "table1", frame, published)
    assert f"{cell(frame, 'ash', 'cityscapes')['ours_mean']:.1f} (n=1)" in text
    assert "±" not in text


def test_three_seeds_show_their_deviation(world, published):
    """mean ± sd (n)."""
    settings, runs = world(3)
    frame = build_table(settings, "table1", runs, published)
    row = cell(frame, "ash", "cityscapes")
    assert f"{row['ours_mean']:.1f} ± {row['ours_sd']:.1f} (3)" in markdown(settings, "table1", frame, published)


def test_rows_of_the_paper_without_a_run_keep_their_place(world, published):
    """Table 1 opens with the paper's Advent: without a run of ours, its value, and dashes for ours."""
    settings, runs = world(1)
    experiments = {name: e for name, e in settings.params.experiments.items() if name != "advent"}
    params = settings.params.model_copy(update={"experiments": experiments})
    settings = settings.model_copy(update={"params": params})
    frame = build_table(settings, "table1", runs, published)
    assert list(frame["method"].unique()) == [row.label for row in published["table1"].rows.values()]
    line = next(line for line in markdown(settings, "table1", frame, published).splitlines() if "| Advent |" in line)
    assert line.startswith("| Advent | - | 32.6 | - | - |")


@pytest.mark.parametrize(("table", "classes"), [("table1", 19), ("table3", 16), ("table5", 19), ("table6", 16)])
def test_classes_of_a_table(world, published, table, classes):
    """GTA5 tables average 19 classes and SYNTHIA tables 16."""
    settings, runs = world(1)
    target = settings.params.tables[table].targets[0]
    experiment = settings.rows(table)[-1]
    row = cell(build_table(settings, table, runs, published), experiment, target)
    assert row["ours_mean"] == pytest.approx(runs.miou(experiment, target, classes).mean())
    assert runs.miou(experiment, target, 19).mean() != pytest.approx(runs.miou(experiment, target, 16).mean())


def test_table2_shows_13_classes_as_well(world, published):
    """Ours and the paper's mIoU13 stand beside mIoU16."""
    settings, runs = world(1)
    row = cell(build_table(settings, "table2", runs, published), "synthia_ash", "cityscapes")
    assert row["ours13"] == pytest.approx(runs.miou("synthia_ash", "cityscapes", 13).mean())
    assert (row["paper"], row["paper13"]) == (38.69, 44.90)


def test_13_classes_have_no_paper_column_where_it_prints_none(world, published):
    """Table 3 of the paper has no mIoU13, so neither has ours a column of dashes."""
    settings, runs = world(1)
    heads = {}
    for name in ("table2", "table3"):
        text = markdown(settings, name, build_table(settings, name, runs, published), published)
        heads[name] = text.splitlines()[2]
    assert heads["table2"].endswith("| mIoU13, ours | paper |")
    assert heads["table3"].endswith("| mIoU13, ours |")


def test_a_table_that_the_paper_lacks_has_no_columns_for_it(world, published):
    """Ours and the difference to the reference, no `paper`; a table of the paper keeps both of its columns."""
    settings, runs = world(1)
    for known, columns in ((published, True), ({}, False)):
        head = markdown(settings, "table1", build_table(settings, "table1", runs, known), known).splitlines()[2]
        assert ("paper" in head and "difference" in head) == columns
        assert "vs reference" in head


def test_sources_are_not_compared(world, published):
    """Rows of a table may have other sources, whose images do not pair."""
    settings, runs = world(1)
    frame = build_table(settings, "controls", runs, published)
    assert frame[frame["target"] == "source"]["vs_reference"].isna().all()


def test_misprints_are_kept_and_noted(world, published, tmp_path):
    """Building of ASH (ground truth) stays 7.30 in Table 2's classes, with 77.30 named below."""
    settings, runs = world(1)
    frame = class_table(settings, "table2", runs, published)
    paper = frame[(frame["method"] == "ASH (ground truth)") & (frame["who"] == "paper")]
    assert paper["building"].item() == 7.30
    write_table(settings, "table2", runs, published, tmp_path)
    assert "building 77.30" in (tmp_path / "table2_classes.md").read_text()
    text = (tmp_path / "table2.md").read_text()
    assert "77.30" in text
    assert "40.83" in text


def test_classes_come_from_the_runs(world, published):
    """Ours of the class-wise table is the IoU in the run's JSON, empty where the truth lacks the class."""
    settings, runs = world(1)
    frame = class_table(settings, "table1", runs, published)
    ours = frame[(frame["method"] == "ASH") & (frame["target"] == "mapillary") & (frame["who"] == "ours")].iloc[0]
    iou = json.loads(runs.path("ash", 0, "mapillary.json").read_text())["iou"]
    assert ours["road"] == pytest.approx(100 * iou["road"])
    assert iou["train"] is None
    assert np.isnan(ours["train"])


def test_csv_is_for_machines(world, published, tmp_path):
    """Every figure of the CSV is a number in a column of its own."""
    settings, runs = world(3)
    write_table(settings, "table1", runs, published, tmp_path)
    frame = pd.read_csv(tmp_path / "table1.csv")
    for column in ("ours_mean", "ours_sd", "n", "paper", "difference", "vs_reference", "low", "high"):
        assert np.issubdtype(frame[column].dtype, np.number), column


def test_equal_runs_give_equal_bytes(world, published, tmp_path):
    """Written twice, every file is the same."""
    settings, runs = world(1)
    for folder in ("a", "b"):
        for name in settings.params.tables:
            write_table(settings, name, runs, published, tmp_path / folder)
        write_metrics(settings, ["paper", "controls"], runs, tmp_path / folder / "metrics.json")
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert len(files) == 4 * len(settings.params.tables) + 1
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_missing_runs_are_all_named(world, published, tmp_path):
    """Two files gone, both listed."""
    settings, runs = world(1)
    shutil.copytree(runs.root, tmp_path / "runs")
    gone = [tmp_path / "runs/scores" / e / "seed0" / "cityscapes.json" for e in ("clan", "ash")]
    for path in gone:
        path.unlink()
    with pytest.raises(StoreError) as caught:
        build_table(settings, "table1", Runs(tmp_path / "runs", (0,)), published)
    assert all(str(path) in str(caught.value) for path in gone)


def test_runs_on_other_images_are_not_paired(world, published, tmp_path):
    """As many images, but one of another id: the interval would be wrong without a word."""
    settings, runs = world(1)
    shutil.copytree(runs.root, tmp_path / "runs")
    path = tmp_path / "runs/scores/ash/seed0/cityscapes.json"
    content = json.loads(path.read_text())
    content["images"]["id"][2] = "another"
    path.write_text(json.dumps(content))
    with pytest.raises(StoreError, match="clan and ash were scored on other images of cityscapes"):
        build_table(settings, "table1", Runs(tmp_path / "runs", (0,)), published)


def test_metrics_are_means_over_seeds(world, tmp_path):
    """metrics.json: experiment -> target -> miou19, miou16, miou13, to 4 decimals."""
    settings, runs = world(3)
    write_metrics(settings, ["paper", "controls"], runs, tmp_path / "metrics.json")
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert set(metrics) == set(settings.experiments(["paper", "controls"]))
    found = metrics["ash"]["cityscapes"]
    totals = [runs.counts("ash", "cityscapes")[seed].sum(0) for seed in range(3)]
    for classes in (19, 16, 13):
        mean = 100 * sum(float(evaluation.miou(total, classes)) for total in totals) / 3
        assert found[f"miou{classes}"] == round(mean, 4)


def test_iou_by_class_is_one_column_a_run(world, tmp_path):
    """A row a class; the cell is the mean of the seeds in per cent, and empty where the truth lacks the class."""
    settings, runs = world(2)
    write_iou(settings, ["paper", "controls"], runs, tmp_path / "iou.csv")
    frame = pd.read_csv(tmp_path / "iou.csv", index_col="class")
    assert list(frame.index) == list(CLASSES)
    assert set(frame) == {
        f"{e} on {t}" for e in settings.experiments(["paper", "controls"]) for t in settings.params.targets
    }
    ours = runs.class_iou("ash", "cityscapes")
    assert np.array_equal(frame["ash on cityscapes"].isna(), np.isnan(ours))
    assert frame["ash on cityscapes"].to_numpy() == pytest.approx(ours, abs=1e-4, nan_ok=True)
