"""One experiment beside others."""

import numpy as np
import pytest

from ash.errors import ConfigError
from ash.evaluation.intervals import over_seeds
from ash.field.side_by_side import beside, reading, table
from ash.report.runs import Runs
from tests.field.conftest import invent, miou, project

RIGHT = {"asm": (40, 42, 44), "source_only": (20, 21, 22), "colour_jitter": (41, 42, 43)}
OTHERS = ("source_only", "colour_jitter")


@pytest.fixture
def runs(tmp_path):
    """Three seeds of three experiments."""
    there = Runs(tmp_path, (0, 1, 2), ())
    invent(project(), there, RIGHT)
    return there


def test_differences_by_hand(runs):
    """The paired difference of each seed, its mean and Student's interval; the row itself has none."""
    shown = table(project(), "asm", OTHERS, runs)
    found = over_seeds(np.array([miou(a) - miou(b) for a, b in zip(RIGHT["asm"], RIGHT["source_only"], strict=True)]))
    cell = f"{found.difference:+.1f} [{found.low:+.1f}, {found.high:+.1f}]"
    own, source, _ = shown.rows
    assert own[2] == "-"
    assert source[2] == source[-1] == cell
    assert (
        own[1]
        == f"{np.mean([miou(n) for n in RIGHT['asm']]):.1f} ± {np.std([miou(n) for n in RIGHT['asm']], ddof=1):.1f}"
    )


def test_the_reading_says_what_the_interval_says(runs):
    """Better where it is off 0, and no more than that where it is not; one seed tells nothing."""
    first, second = reading(project(), "asm", OTHERS, runs)
    assert first.startswith("asm is better than source only: +")
    assert second.startswith("asm and Colour jitter, segmentation loss cannot be told apart")
    assert "one seed" in reading(project(), "asm", OTHERS, Runs(runs.root, (0,)))[0]


def test_what_cannot_be_compared_is_refused():
    """An unknown experiment, and one of another source; the experiment itself is left out of the others."""
    assert beside(project(), "asm", ("asm", "clan", "clan")) == ["clan"]
    with pytest.raises(ConfigError, match="experiment 'amm' is not in params.yaml; .*did you mean 'asm'"):
        beside(project(), "amm", OTHERS)
    with pytest.raises(ConfigError, match="learns from synthia, and asm from gta5; name others with --beside"):
        beside(project(), "asm", ("synthia_ash",))
