"""Rules of entry: each is broken in turn."""

from dataclasses import replace
from pathlib import Path

import pytest

from ash.errors import ConfigError
from ash.field.entry import STATED, entered
from ash.field.ranges import Range
from ash.field.sweep import BY
from ash.files.atomic import write_json
from ash.report.runs import Runs
from tests.field.conftest import invent, project

FIVE = (20, 21, 22, 23, 24)
RANGES = {"asm": {"step": Range(low=2.0, high=200.0, scale="log")}}


@pytest.fixture
def runs(repository, tmp_path):
    """Five seeds of one experiment."""
    there = Runs(tmp_path / "results", ())
    invent(project(), there, {"asm": FIVE})
    return there


def searched(path: Path, picked: dict[str, float], protocol: str = "miniature") -> None:
    """Write a search of two trials, whose second has drawn `picked` and is picked."""
    trials = {
        "sweep_asm_00": {"settings": {"step": 20.0}, "miou": {"source": 1.0}},
        "sweep_asm_01": {"settings": picked, "miou": {"source": 2.0}},
    }
    picks = {BY: "sweep_asm_01"}
    record = {"experiment": "asm", "protocol": protocol, "budget": 2, "seed": 0, "seeds": [0]}
    write_json(path / "asm.json", {**record, "trials": trials, "picks": picks})


def changed(settings, **own):
    """The settings with what an experiment states for itself."""
    entry = settings.params.experiments["asm"].model_copy(update=own)
    entry.__pydantic_extra__ = own
    experiments = {**settings.params.experiments, "asm": entry}
    return settings.model_copy(update={"params": settings.params.model_copy(update={"experiments": experiments})})


def test_five_seeds_enter(runs, tmp_path):
    """With their scores, and the commit of the method's file; settings that nothing searched are as stated."""
    entry = entered(project(), "asm", runs, {}, tmp_path)
    assert entry.seeds == (0, 1, 2, 3, 4)
    assert entry.chosen == STATED
    assert len(entry.commit) >= 7
    assert all(len(values) == 5 for values in entry.miou.values())
    assert entry.digest == entered(project(), "asm", runs, RANGES, tmp_path).digest


def test_four_seeds_do_not(runs, tmp_path):
    """A seed counts once it is scored on every target."""
    runs.path("asm", 4, "mapillary.json").unlink()
    with pytest.raises(ConfigError, match=r"^asm: n = 4, wanted 5 or more; train more seeds"):
        entered(project(), "asm", runs, {}, tmp_path)


def test_runs_of_other_settings_do_not(runs, tmp_path):
    """What was trained is not what params.yaml states."""
    with pytest.raises(ConfigError, match=r"asm: .*seed0/provenance\.json is of other settings"):
        entered(changed(project(), step=1.0), "asm", runs, {}, tmp_path)


def test_a_setting_of_ones_own_needs_a_search(runs, tmp_path):
    """One with a range that the experiment states for itself: else it may have been chosen on a target."""
    settings = changed(project(), step=7.0)
    invent(settings, runs, {"asm": FIVE})
    with pytest.raises(ConfigError, match=r"asm: states step for itself, .*run `ash sweep asm`"):
        entered(settings, "asm", runs, RANGES, tmp_path)
    searched(tmp_path, {"step": 7.0})
    assert entered(settings, "asm", runs, RANGES, tmp_path).chosen == f"{BY}, 2 trials"


@pytest.mark.parametrize("picked", [{"step": 9.0}, {"step": 20.0}])
def test_what_the_search_did_not_pick_does_not(runs, tmp_path, picked):
    """Another trial's settings, such as the oracle's, are refused."""
    settings = changed(project(), step=7.0)
    invent(settings, runs, {"asm": FIVE})
    searched(tmp_path, picked)
    with pytest.raises(ConfigError, match=rf"asm: states step for itself, and no search .* picks its settings by {BY}"):
        entered(settings, "asm", runs, RANGES, tmp_path)


def test_what_is_stated_for_all_may_enter_beside_what_a_search_picks(runs, tmp_path):
    """The paper's constants stay an entry; the pick is one of its own, which is alike but for what was searched."""
    settings = project()
    pick = settings.params.experiments["asm"].model_copy(update={"step": 7.0})
    pick.__pydantic_extra__ = {"step": 7.0}
    other = pick.model_copy(update={"source": "synthia"})
    other.__pydantic_extra__ = {"step": 7.0}
    experiments = {**settings.params.experiments, "asm_searched": pick, "asm_elsewhere": other}
    settings = settings.model_copy(update={"params": settings.params.model_copy(update={"experiments": experiments})})
    invent(settings, runs, {"asm_searched": FIVE, "asm_elsewhere": FIVE})
    searched(tmp_path, {"step": 7.0})
    assert entered(settings, "asm", runs, RANGES, tmp_path).chosen == STATED
    assert entered(settings, "asm_searched", runs, RANGES, tmp_path).chosen == f"{BY}, 2 trials"
    with pytest.raises(ConfigError, match="asm_elsewhere: states step for itself"):
        entered(settings, "asm_elsewhere", runs, RANGES, tmp_path)


def test_a_search_under_another_protocol_does_not_count(runs, tmp_path):
    """Nothing is told of this one by it."""
    settings = changed(project(), step=7.0)
    invent(settings, runs, {"asm": FIVE})
    searched(tmp_path, {"step": 7.0}, "paper")
    with pytest.raises(ConfigError, match=r"no search in .* under miniature picks its settings"):
        entered(settings, "asm", runs, RANGES, tmp_path)


def test_code_that_is_not_committed_does_not(runs, tmp_path, repository):
    """Edited, new, or in no repository at all."""
    path = Path("ash/methods/asm.py")
    path.write_text("edited")
    with pytest.raises(ConfigError, match=r"asm\.py: not as it was committed \(M\); commit it"):
        entered(project(), "asm", runs, {}, tmp_path)
    repository("rm", "-q", "--cached", str(path))
    repository("commit", "-qm", "gone")
    with pytest.raises(ConfigError, match=r"asm\.py: not as it was committed"):
        entered(project(), "asm", runs, {}, tmp_path)
    Path(".git").rename("elsewhere")
    with pytest.raises(ConfigError, match="git: .*not a git repository"):
        entered(project(), "asm", runs, {}, tmp_path)


def test_sets_that_were_not_scored_are_empty(runs, tmp_path):
    """None, not 0, and not the mean of fewer seeds."""
    settings = project()
    protocol = settings.protocol.model_copy(update={"targets": ("cityscapes", "kitti")})
    more = settings.model_copy(update={"protocol": protocol})
    assert entered(more, "asm", replace(runs), {}, tmp_path).miou["kitti"] is None
