"""Rules of selection, on trials whose scores are written down here."""

import pytest

from ash import config
from ash.errors import ConfigError
from ash.evaluation.selection import HELD_OUT, RULES, select
from tests.conftest import ROOT

TARGETS = ("cityscapes", "mapillary")
TRIALS = {  # each of the first three is best by one rule
    "a": {"source": 70.0, "kitti": 30.0, "cityscapes": 31.0, "mapillary": 28.0},
    "b": {"source": 60.0, "kitti": 40.0, "cityscapes": 33.0, "mapillary": 30.0},
    "c": {"source": 50.0, "kitti": 35.0, "cityscapes": 32.0, "mapillary": 38.0},
    "d": {"source": 40.0, "kitti": 20.0, "cityscapes": 34.0, "mapillary": 10.0},
}


@pytest.mark.parametrize(
    ("rule", "taken"), [("last", "d"), ("source_validation", "a"), ("leave_one_domain_out", "b"), ("oracle", "c")]
)
def test_each_rule_looks_at_its_own_set(rule, taken):
    """Last at none, the oracle at the mean of the targets; these four and no other are there."""
    assert select(TRIALS, rule, TARGETS) == taken
    assert list(RULES) == ["last", "source_validation", "leave_one_domain_out", "oracle"]


@pytest.mark.parametrize("rule", ["last", "source_validation", "leave_one_domain_out"])
def test_no_rule_but_the_oracle_sees_a_target(rule):
    """Whatever the targets score, and though nobody scored them, the same trial is taken."""
    blind = {name: {k: v for k, v in scores.items() if k not in TARGETS} for name, scores in TRIALS.items()}
    assert select(blind, rule, TARGETS) == select(TRIALS, rule, TARGETS)


def test_leave_one_domain_out_does_not_look_at_the_source():
    """Nor source validation at the third domain: each works where only its own set was scored."""
    assert select({"x": {"kitti": 1.0}, "y": {"kitti": 2.0}}, "leave_one_domain_out", TARGETS) == "y"
    assert select({"x": {"source": 3.0}, "y": {"source": 2.0}}, "source_validation", TARGETS) == "x"


def test_names_of_sets_are_the_callers():
    """Another protocol holds out another set."""
    trials = {"x": {"synthia": 1.0, "gta5": 9.0}, "y": {"synthia": 2.0, "gta5": 8.0}}
    assert select(trials, "leave_one_domain_out", TARGETS, source="gta5", held_out="synthia") == "y"
    assert select(trials, "source_validation", TARGETS, source="gta5", held_out="synthia") == "x"


def test_the_first_of_equals_is_taken():
    """A later checkpoint must be better, not as good."""
    assert select({k: {"kitti": 5.0} for k in "xyz"}, "leave_one_domain_out", TARGETS) == "x"


@pytest.mark.parametrize(
    ("trials", "rule", "targets", "told"),
    [
        (TRIALS, "leave_one_out", TARGETS, "rule of selection 'leave_one_out' is unknown"),
        ({}, "last", TARGETS, "0 trials"),
        (TRIALS, "oracle", (), "0 targets"),
        (TRIALS, "oracle", ("cityscapes", "kitti"), "'kitti' is the source or a target"),
        (TRIALS, "oracle", ("cityscapes", "bdd100k"), "trial 'a': has no score on bdd100k"),
        (TRIALS | {"e": {"kitti": float("nan")}}, "leave_one_domain_out", TARGETS, "trial 'e': has no score on kitti"),
    ],
)
def test_what_cannot_be_chosen_is_one_line(trials, rule, targets, told):
    """An unknown rule, nothing to choose from, a held-out set that is a target, a score that is missing or undefined."""
    with pytest.raises(ConfigError, match=told) as error:
        select(trials, rule, targets)
    assert "\n" not in str(error.value)


def test_the_miniature_holds_out_what_the_rules_expect():
    """The name is written twice, in the protocol and here."""
    assert config.load(ROOT / "params.yaml", "miniature").protocol.held_out == HELD_OUT
