"""Tables from made-up runs, against figures worked out beside them."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from ash.errors import StoreError
from ash.report.markdown import markdown
from ash.report.runs import Runs
from ash.report.tables import class_frame, label_of, miou_frame, miou_table, write_tables
from tests.report.conftest import invent, settings_for


def cell(frame: pd.DataFrame, experiment: str, target: str) -> pd.Series:
    """The one row of an experiment and target."""
    rows = frame[(frame["experiment"] == experiment) & (frame["target"] == target)]
    assert len(rows) == 1
    return rows.iloc[0]


def test_mean_deviation_and_difference(world, paper):
    """Ours is the mean over seeds with the sample deviation (n - 1), and the difference is ours minus the paper's."""
    settings, runs = world(3)
    row = cell(miou_frame(settings, "table1", runs, paper), "ash", "mapillary")
    each = [100 * json.loads(runs.path("ash", seed, "mapillary.json").read_text())["miou"]["19"] for seed in range(3)]
    mean = sum(each) / 3
    assert row["ours_mean"] == pytest.approx(mean)
    assert row["ours_sd"] == pytest.approx((sum((v - mean) ** 2 for v in each) / 2) ** 0.5)
    assert row["n"] == 3
    assert row["paper"] == 44.44
    assert row["difference"] == pytest.approx(mean - 44.44)


def test_difference_to_the_reference_row(world, paper):
    """`vs reference` is the difference of the two rows' means, inside its interval; the reference has none itself."""
    settings, runs = world(3)
    frame = miou_frame(settings, "table1", runs, paper)
    ours, reference = cell(frame, "ash", "cityscapes"), cell(frame, "clan", "cityscapes")
    assert ours["vs_reference"] == pytest.approx(ours["ours_mean"] - reference["ours_mean"])
    assert ours["low"] <= ours["vs_reference"] <= ours["high"]
    assert ours["interval"] == "seeds"
    assert np.isnan(reference["vs_reference"])


def test_one_seed_has_no_deviation(world, paper):
    """With one seed the deviation is empty, and the Markdown says n=1."""
    settings, runs = world(1)
    frame = miou_frame(settings, "table1", runs, paper)
    assert frame["ours_sd"].isna().all()
    text = markdown(miou_table(settings, "table1", frame, paper, runs))
    assert f"{cell(frame, 'ash', 'cityscapes')['ours_mean']:.1f} (n=1)" in text
    assert "±" not in text


def test_three_seeds_show_their_deviation(world, paper):
    """mean ± sd (n)."""
    settings, runs = world(3)
    frame = miou_frame(settings, "table1", runs, paper)
    row = cell(frame, "ash", "cityscapes")
    assert f"{row['ours_mean']:.1f} ± {row['ours_sd']:.1f} (3)" in markdown(
        miou_table(settings, "table1", frame, paper, runs)
    )


def test_rows_of_the_paper_without_a_run_keep_their_place(world, paper):
    """Table 1 opens with the paper's Advent: without a run of ours, its value, and dashes for ours."""
    settings, runs = world(1)
    experiments = {name: e for name, e in settings.params.experiments.items() if name != "advent"}
    params = settings.params.model_copy(update={"experiments": experiments})
    settings = settings.model_copy(update={"params": params})
    frame = miou_frame(settings, "table1", runs, paper)
    assert list(frame["method"].unique()) == [row.label for row in paper["table1"].rows.values()]
    line = next(
        line
        for line in markdown(miou_table(settings, "table1", frame, paper, runs)).splitlines()
        if "| Advent |" in line
    )
    assert line.startswith("| Advent | - | 32.6 | - | - |")


@pytest.mark.parametrize(("table", "classes"), [("table1", 19), ("table3", 16), ("table5", 19), ("table6", 16)])
def test_classes_of_a_table(world, paper, table, classes):
    """GTA5 tables average 19 classes and SYNTHIA tables 16."""
    settings, runs = world(1)
    target = settings.params.tables[table].targets[0]
    experiment = settings.rows(table)[-1]
    row = cell(miou_frame(settings, table, runs, paper), experiment, target)
    assert row["ours_mean"] == pytest.approx(runs.miou(experiment, target, classes).mean())
    assert runs.miou(experiment, target, 19).mean() != pytest.approx(runs.miou(experiment, target, 16).mean())


def test_table2_shows_13_classes_as_well(world, paper):
    """Ours and the paper's mIoU13 stand beside mIoU16."""
    settings, runs = world(1)
    row = cell(miou_frame(settings, "table2", runs, paper), "synthia_ash", "cityscapes")
    assert row["ours13"] == pytest.approx(runs.miou("synthia_ash", "cityscapes", 13).mean())
    assert (row["paper"], row["paper13"]) == (38.69, 44.90)


def test_13_classes_have_no_paper_column_where_it_prints_none(world, paper):
    """Table 3 of the paper has no mIoU13, so neither has ours a column of dashes."""
    settings, runs = world(1)
    heads = {}
    for name in ("table2", "table3"):
        text = markdown(miou_table(settings, name, miou_frame(settings, name, runs, paper), paper, runs))
        heads[name] = text.splitlines()[2]
    assert heads["table2"].endswith("| mIoU13, ours | paper |")
    assert heads["table3"].endswith("| mIoU13, ours |")


def test_a_table_that_the_paper_lacks_has_no_columns_for_it(world, paper):
    """Ours and the difference to the reference, no `paper`; a table of the paper keeps both of its columns."""
    settings, runs = world(1)
    for known, columns in ((paper, True), ({}, False)):
        head = markdown(
            miou_table(settings, "table1", miou_frame(settings, "table1", runs, known), known, runs)
        ).splitlines()[2]
        assert ("paper" in head and "difference" in head) == columns
        assert "vs reference" in head


def test_sources_are_not_compared(world, paper):
    """Rows of a table may have other sources, whose images do not pair."""
    settings, runs = world(1)
    frame = miou_frame(settings, "controls", runs, paper)
    assert frame[frame["target"] == "source"]["vs_reference"].isna().all()


def test_misprints_are_kept_and_noted(world, paper, tmp_path):
    """Building of ASH (ground truth) stays 7.30 in Table 2's classes, with 77.30 named below."""
    settings, runs = world(1)
    frame = class_frame(settings, "table2", runs, paper)
    printed = frame[(frame["method"] == "ASH (ground truth)") & (frame["who"] == "paper")]
    assert printed["building"].item() == 7.30
    write_tables(settings, "table2", runs, paper, tmp_path)
    assert "building 77.30" in (tmp_path / "table2_classes.md").read_text()
    text = (tmp_path / "table2.md").read_text()
    assert "77.30" in text
    assert "40.83" in text


def test_figures_that_others_print_stand_beside_ours(world, paper):
    """Table `rivals` shows what AdvStyle prints on the table's targets, and in its note on BDD100K, with the source."""
    settings, runs = world(1)
    frame = miou_frame(settings, "rivals", runs, paper)
    assert [cell(frame, "advstyle", target)["paper"] for target in ("cityscapes", "mapillary")] == [43.4, 42.0]
    notes = miou_table(settings, "rivals", frame, paper, runs).notes
    said = "AdvStyle: the Rein paper, arXiv 2312.04265v5; printed besides: 40.3 on bdd100k."
    assert said in notes
    assert "ASH: Table 1 of the ASH paper." in notes  # both of its figures have a column


def test_classes_come_from_the_runs(world, paper):
    """Ours of the class-wise table is the IoU in the run's JSON, empty where the truth lacks the class."""
    settings, runs = world(1)
    frame = class_frame(settings, "table1", runs, paper)
    ours = frame[(frame["method"] == "ASH") & (frame["target"] == "mapillary") & (frame["who"] == "ours")].iloc[0]
    iou = json.loads(runs.path("ash", 0, "mapillary.json").read_text())["iou"]
    assert ours["road"] == pytest.approx(100 * iou["road"])
    assert iou["train"] is None
    assert np.isnan(ours["train"])


def test_csv_is_for_machines(world, paper, tmp_path):
    """Every figure of the CSV is a number in a column of its own."""
    settings, runs = world(3)
    write_tables(settings, "table1", runs, paper, tmp_path)
    frame = pd.read_csv(tmp_path / "table1.csv")
    for column in ("ours_mean", "ours_sd", "n", "paper", "difference", "vs_reference", "low", "high"):
        assert np.issubdtype(frame[column].dtype, np.number), column


def test_equal_runs_give_equal_bytes(world, paper, tmp_path):
    """Written twice, every file is the same."""
    settings, runs = world(1)
    for folder in ("a", "b"):
        for name in settings.params.tables:
            write_tables(settings, name, runs, paper, tmp_path / folder)
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert len(files) == 6 * len(settings.params.tables)
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_missing_runs_are_all_named(world, paper, tmp_path):
    """Two files gone, both listed."""
    settings, runs = world(1)
    shutil.copytree(runs.root, tmp_path / "runs")
    gone = [tmp_path / "runs/scores" / e / "seed0" / "cityscapes.json" for e in ("clan", "ash")]
    for path in gone:
        path.unlink()
    with pytest.raises(StoreError) as caught:
        miou_frame(settings, "table1", Runs(tmp_path / "runs", (0,)), paper)
    assert all(str(path) in str(caught.value) for path in gone)


def test_runs_on_other_images_are_not_paired(world, paper, tmp_path):
    """As many images, but one of another id: the interval would be wrong without a word."""
    settings, runs = world(1)
    shutil.copytree(runs.root, tmp_path / "runs")
    path = tmp_path / "runs/scores/ash/seed0/cityscapes.json"
    content = json.loads(path.read_text())
    content["images"]["id"][2] = "another"
    path.write_text(json.dumps(content))
    with pytest.raises(StoreError, match="clan and ash were scored on other images of cityscapes"):
        miou_frame(settings, "table1", Runs(tmp_path / "runs", (0,)), paper)


def test_two_experiments_of_one_label_keep_a_row_each(world, paper):
    """Rows are told apart by their experiments: a label used twice shows twice, and every row is as wide as the head."""
    settings, runs = world(1)
    entries = dict(settings.params.experiments)
    for name in ("colour_jitter", "batchnorm_only"):
        entries[name] = entries[name].model_copy(update={"label": "Same"})
    settings = settings.model_copy(update={"params": settings.params.model_copy(update={"experiments": entries})})
    table = miou_table(settings, "controls", miou_frame(settings, "controls", runs, paper), paper, runs)
    assert [row[0] for row in table.rows].count("Same") == 2


def test_classes_that_a_target_lacks_are_said(world, paper):
    """No made-up label is a train: 18 of 19 classes are averaged over, and all of SYNTHIA's 16."""
    settings, runs = world(1)
    notes = {
        name: miou_table(settings, name, miou_frame(settings, name, runs, paper), paper, runs).notes[0]
        for name in ("table1", "table2")
    }
    expected = (
        "mIoU over 19 classes in per cent, over those that a target has: 18 on cityscapes, 18 on mapillary; protocol"
    )
    assert notes["table1"].startswith(expected)
    assert notes["table2"].startswith("mIoU over 16 classes in per cent; protocol")


def test_a_target_with_every_class_needs_no_remark(paper, tmp_path, monkeypatch):
    """The sentence of a full mean is the plain one."""
    monkeypatch.setattr("tests.report.conftest.ABSENT", None)
    settings = settings_for((0,))
    runs = invent(settings, tmp_path)
    table = miou_table(settings, "table5", miou_frame(settings, "table5", runs, paper), paper, runs)
    assert table.notes[0].startswith("mIoU over 19 classes in per cent; protocol")


def test_an_experiment_without_a_label_is_called_by_its_name():
    """Underscores are spaces."""
    assert label_of("source_only") == "source only"
