"""Searches with equal budgets, and what each rule picks."""

from pathlib import Path

import pytest
import yaml

from ash.errors import ConfigError, StoreError
from ash.evaluation.selection import RULES
from ash.field.ranges import Range
from ash.field.sweep import (
    BY,
    ORACLE,
    adopted,
    as_entries,
    check_budget,
    chosen_by,
    read_record,
    record,
    table,
    trials_of,
)
from ash.files.atomic import write_json
from ash.report.runs import Runs
from tests.field.conftest import THIRD, miou, project, score

RANGES = {"asm": {"step": Range(low=2.0, high=200.0, scale="log")}}
ENTRIES = {"asm": {"recipe": "asm", "source": "gta5", "tables": {"table1": "asm"}}, "clan": {"recipe": "clan"}}
RIGHT = {  # trial 1 is best at home, trial 2 on the world that is held out, trial 3 on the target
    "sweep_asm_00": {"source": 10, "cityscapes": 10, THIRD: 10},
    "sweep_asm_01": {"source": 90, "cityscapes": 20, THIRD: 20},
    "sweep_asm_02": {"source": 30, "cityscapes": 30, THIRD: 90},
    "sweep_asm_03": {"source": 40, "cityscapes": 90, THIRD: 40},
}


@pytest.fixture
def made(tmp_path):
    """A search of four trials that are scored, recorded in the folder."""
    settings = project(THIRD)
    drawn = trials_of(settings, ENTRIES, "asm", RANGES, 4, 0)
    experiments = {**settings.params.experiments, **dict.fromkeys(drawn, settings.params.experiments["asm"])}
    settings = settings.model_copy(update={"params": settings.params.model_copy(update={"experiments": experiments})})
    runs = Runs(tmp_path / "results", (0,), tuple(drawn))
    for trial, sets in RIGHT.items():
        for target, right in sets.items():
            score(runs, trial, 0, target, right)
    return settings, record(settings, "asm", drawn, runs, 0, tmp_path), tmp_path


def test_trials_are_experiments():
    """Each has what was drawn in the place of what is stated, the first what is stated; none stands in a table."""
    trials = trials_of(project(), ENTRIES, "asm", RANGES, 3, 0)
    assert list(trials) == ["sweep_asm_00", "sweep_asm_01", "sweep_asm_02"]
    found = as_entries(ENTRIES, "asm", trials)
    assert found["sweep_asm_00"] == {"recipe": "asm", "source": "gta5", "tables": {}, "step": 20.0}
    assert found["sweep_asm_02"] == {**found["sweep_asm_00"], "step": trials["sweep_asm_02"]["step"]}


def test_rules_pick_by_what_they_may_see(made):
    """The held-out world decides for leave-one-domain-out, the oracle alone looks at the target, and `last` chooses nothing."""
    _, found, _ = made
    assert list(found["picks"]) == list(RULES)
    assert found["picks"]["last"] == "sweep_asm_00"
    assert found["picks"]["source_validation"] == "sweep_asm_01"
    assert found["picks"][BY] == "sweep_asm_02"
    assert found["picks"][ORACLE] == "sweep_asm_03"
    assert found["trials"]["sweep_asm_01"]["miou"]["source"] == pytest.approx(miou(90))


def test_the_table_labels_the_oracle(made):
    """A row for each rule, with what its pick drew; only the target-chosen one carries the warning."""
    settings, found, _ = made
    shown = table(settings, found)
    assert len(shown.rows) == len(RULES)
    warned = [row for row in shown.rows if "chosen on the targets" in row[0]]
    assert [row[1] for row in warned] == ["sweep_asm_03"]
    step = found["trials"]["sweep_asm_02"]["settings"]["step"]
    drew = {row[0]: row[2] for row in shown.rows}
    assert drew[BY] == f"step: {step}"
    assert drew["last"] == "step: 20.0 (as stated)"
    assert yaml.safe_load("{" + adopted(found).rpartition("beside it: ")[2] + "}") == {"step": step}
    as_stated = {**found, "picks": {**found["picks"], BY: "sweep_asm_00"}}
    assert adopted(as_stated) == f"asm: {BY} picks the settings as stated; nothing is to be changed"


def test_records_can_be_read_again(made):
    """As they were written; a damaged one is named."""
    _, found, folder = made
    assert read_record(folder / "asm.json") == found
    write_json(folder / "bad.json", {"experiment": "asm"})
    with pytest.raises(StoreError, match=r"bad\.json: .*run `ash sweep`"):
        read_record(folder / "bad.json")


def test_budgets_are_equal(made):
    """Another experiment's search with another budget is refused, unless both are searched by one command."""
    folder = made[2]
    check_budget(["clan"], 4, "miniature", folder)
    check_budget(["clan", "asm"], 9, "miniature", folder)
    check_budget(["clan"], 9, "street", folder)
    with pytest.raises(ConfigError, match=r"--budget 9: .*asm\.json has 4 trials, and budgets are equal for all"):
        check_budget(["clan"], 9, "miniature", folder)


def test_what_cannot_be_searched_is_refused():
    """A method's name leads to its experiments; a method without a range, and a protocol that holds nothing out."""
    with pytest.raises(ConfigError, match="experiments of method augmentation: .*colour_jitter"):
        trials_of(project(), ENTRIES, "augmentation", RANGES, 2, 0)
    with pytest.raises(ConfigError, match="method clan of experiment clan has no range"):
        trials_of(project(), ENTRIES, "clan", RANGES, 2, 0)
    with pytest.raises(ConfigError, match=r"protocol miniature: no set is held out; state `held_out: NAME`"):
        chosen_by(project())


def test_records_are_kept_by_git():
    """They lie in docs, not in results, which git ignores."""
    from ash.field.sweep import RECORDS

    assert Path("docs") in RECORDS.parents
