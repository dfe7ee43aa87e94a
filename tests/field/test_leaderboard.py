"""The leaderboard's page."""

import numpy as np
import pytest

from ash.evaluation.intervals import over_seeds
from ash.field.entry import Entry
from ash.field.leaderboard import candidates, enter, page, seconds_of
from ash.files.atomic import write_json
from ash.report.runs import Runs
from tests.field.conftest import THIRD, invent, project

REFERENCE = "stylised_segmentation_loss"


def entry(name: str, cityscapes, mapillary, seeds=(0, 1, 2, 3, 4)) -> Entry:
    """Of those scores."""
    scores = {"cityscapes": cityscapes, "mapillary": mapillary}
    miou = {one: None if values is None else np.array(values, float) for one, values in scores.items()}
    return Entry(name, name, "0123abcd", seeds, miou, "as stated", "fedcba9")


def rows(text: str) -> dict[str, list[str]]:
    """The cells of each row by its method, in the page's order."""
    lines = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return {cells[0]: cells for cells in lines[2:]}


BASE = entry(REFERENCE, (40, 41, 42, 43, 44), (30, 31, 32, 33, 34))


def test_means_and_intervals_by_hand():
    """Rows stand by their means; the interval is Student's t over the paired differences of the seeds that both have."""
    better = entry("better", (43, 43, 45, 45, 47, 99), (33, 33, 35, 35, 37, 99), (0, 1, 2, 3, 4, 7))
    found = rows(page(project(), [BASE, better], {"better": 0.25}))
    assert list(found) == ["better", REFERENCE]
    expected = over_seeds(np.array([3, 2, 3, 2, 3], float))
    cell = f"{expected.difference:+.1f} [{expected.low:+.1f}, {expected.high:+.1f}]"
    assert found["better"][1:] == [
        "`0123abcd`", "6", "53.7 ± 22.3", "45.3 ± 26.3", "49.5", cell, "as stated", "0.250", "`fedcba9`",
    ]  # fmt: skip
    assert found[REFERENCE][6] == "-"
    assert found[REFERENCE][8] == "-"


def test_a_set_that_was_not_scored_is_empty():
    """It has a dash, and enters nobody's mean."""
    found = rows(page(project(), [BASE, entry("half", (50,) * 5, None)], {}))
    assert found["half"][4] == "-"
    assert (found["half"][5], found[REFERENCE][5]) == ("50.0", "42.0")


def test_the_held_out_world_does_not_count():
    """It has a column, and enters no mean."""
    found = rows(page(project(THIRD), [BASE], {}))
    assert found[REFERENCE][4] == "32.0 ± 1.6"
    assert found[REFERENCE][5] == "42.0"


def test_candidates_share_the_references_source():
    """Those of the default target and of the field's groups, and added ones; none that sees a target or has another source."""
    found = candidates(project())
    assert {"asm", "source_only", REFERENCE, "ash"} <= set(found)
    assert not {"synthia_ash", "oracle", "advent_target", "ash_print"} & set(found)
    settings = project()
    own = settings.params.experiments["ash_print"].model_copy(update={"tables": {}})
    experiments = {**settings.params.experiments, "mine": own}
    params = settings.params.model_copy(update={"experiments": experiments})
    assert "mine" in candidates(settings.model_copy(update={"params": params}))


def test_each_refusal_is_one_line(repository, tmp_path):
    """What may enter does, whatever else may not."""
    settings, runs = project(), Runs(tmp_path / "results", ())
    invent(settings, runs, {"asm": (20,) * 5, "source_only": (10,) * 4})
    entries, refused = enter(settings, ["asm", "source_only", "clan"], runs, {}, tmp_path)
    assert [found.experiment for found in entries] == ["asm"]
    assert [line.partition(",")[0] for line in refused] == ["source_only: n = 4", "clan: n = 0"]
    assert not any("\n" in line for line in refused)


@pytest.mark.parametrize("there", [True, False])
def test_seconds_of_a_step(tmp_path, there):
    """In seconds, of what was measured; nothing is made up where nothing was."""
    row = {
        "experiment": "asm",
        "forward": 1,
        "backward": 1,
        "least_ms": 250.0,
        "clock": "processor",
        "precision": "fp32",
    }
    if there:
        write_json(tmp_path / "cost.json", [row])
    assert seconds_of(tmp_path / "cost.json") == ({"asm": 0.25} if there else {})
