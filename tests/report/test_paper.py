"""The paper's numbers: internally consistent except where a note says so."""

import math

import pytest

from ash.errors import ConfigError
from ash.labels import CLASSES, SUBSETS
from ash.report.paper import check_rows, load_paper

ROUNDING = 0.06  # a mean of figures with one decimal may be off by 0.05, and is itself rounded


def printed_rows(paper):
    """(table, row id, target, per-class figures, printed mean) of every row with per-class figures."""
    for name, table in paper.items():
        for key, row in table.rows.items():
            for target, values in row.per_class.items():
                mean = row.miou13 if len(table.classes) == 13 else row.miou[target]
                yield name, key, target, dict(zip(table.classes, values, strict=True)), mean, row


def test_means_agree_with_their_classes(paper):
    """Every printed mIoU is the mean of its printed classes, but for the two rows with a correction."""
    off = {}
    for table, key, _, values, mean, _ in printed_rows(paper):
        actual = sum(values.values()) / len(values)
        if abs(actual - mean) > ROUNDING:
            off[table, key] = actual - mean
    assert set(off) == {("table2", "clan"), ("table2", "ash_gt")}


def test_corrections_repair_the_mean(paper):
    """Building 77.30 makes ASH (ground truth) average to 42.25; CLAN's 13 classes average to the corrected 40.83."""
    rows = {(t, k): (values, mean, row) for t, k, _, values, mean, row in printed_rows(paper)}
    values, mean, row = rows["table2", "ash_gt"]
    assert values["building"] == 7.30
    assert math.fsum((values | row.corrected).values()) / 13 == pytest.approx(mean, abs=0.005)
    values, _, row = rows["table2", "clan"]
    assert math.fsum(values.values()) / 13 == pytest.approx(row.corrected["miou13"], abs=0.005)


def test_corrected_rows_say_why(paper):
    """No correction without a note."""
    assert all(row.note for table in paper.values() for row in table.rows.values() if row.corrected)


def test_classes_are_the_subsets_of_the_field(paper):
    """Table 1 prints the 19 classes and Table 2 the 13, in our order."""
    assert paper["table1"].classes == list(CLASSES)
    assert paper["table2"].classes == [CLASSES[k] for k in SUBSETS[13]]


def test_equal_runs_are_printed_equal(paper):
    """ASH of Table 2 is the run of Tables 4 and 6; ASH and CLAN of Table 1 those of Table 5 (to its one decimal)."""
    cell = lambda table, row: paper[table].rows[row].miou["cityscapes"]  # noqa: E731
    assert cell("table2", "ash") == cell("table4", "lambda_0.001") == cell("table6", "plus_Ls2") == 38.69
    assert cell("table1", "ash") == cell("table5", "plus_ash")
    assert cell("table1", "clan") == cell("table5", "plus_stylization")


def test_every_row_that_an_experiment_names_exists(paper, world):
    """params.yaml as it is."""
    check_rows(world(1)[0], paper)


@pytest.mark.parametrize(
    ("table", "row", "line"),
    [
        ("table1", "advnt", "'advnt' is not a row of the paper's table1; known: advent, maxsquare"),
        ("table5", "plus_stylisation", "'plus_stylisation' is not a row of the paper's table5; known: source_only"),
        ("controls", "advent", "'advent' is not a row of the paper's controls; the paper has no such table"),
    ],
)
def test_a_row_that_the_paper_lacks_is_refused(paper, world, table, row, line):
    """One line for each, with the experiment, the table, what stands there and the rows that there are."""
    settings, _ = world(1)
    entry = settings.params.experiments["advent"].model_copy(update={"tables": {table: row}})
    entries = settings.params.experiments | {"advent": entry}
    settings = settings.model_copy(update={"params": settings.params.model_copy(update={"experiments": entries})})
    with pytest.raises(ConfigError) as error:
        check_rows(settings, paper)
    _, *lines = str(error.value).splitlines()
    assert len(lines) == 1
    assert lines[0].strip().startswith(f"experiments.advent.tables.{table}: {line}")


def test_a_file_that_is_not_yaml_is_refused(tmp_path):
    """A label that opens with a dash, unquoted, is a list to YAML: one line with the file."""
    path = tmp_path / "paper.yaml"
    path.write_text("table6: {rows: {all: {label: - L_s2}}}", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"paper\.yaml: not YAML"):
        load_paper(path)


def test_a_faulty_file_is_refused(tmp_path):
    """An unknown key is one line."""
    path = tmp_path / "paper.yaml"
    path.write_text("table1: {rows: {clan: {label: CLAN, miou: {}, colour: red}}}", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"table1\.rows\.clan\.colour: unknown key"):
        load_paper(path)
