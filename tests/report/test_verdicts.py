"""Verdicts by hand arithmetic: both directions of each kind, one seed, and what was not trained."""

from math import inf

import numpy as np
import pandas as pd
import pytest

from ash.errors import ConfigError, StoreError
from ash.evaluation.intervals import Interval
from ash.files.atomic import write_json
from ash.labels import CLASSES
from ash.report.claims import Contrast, Cost, Open, Order, Proof, Style
from ash.report.runs import Runs
from ash.report.verdicts import World, answer, judged, shares

CLAIM = {"claim": "A.", "where": "Table 1"}
CONTRAST = CLAIM | {"kind": "contrast", "first": "ash", "second": "clan", "target": "cityscapes", "direction": "better"}


class Made(World):
    """A world whose mIoU of each seed is given, and whose histories lie in a folder."""

    def interval(self, weights, target, classes=()):
        from ash.evaluation.intervals import over_seeds

        each = sum(weight * np.array(FIGURES[name]) for name, weight in weights.items())
        return over_seeds(each) if len(each) > 1 else Interval(float(each[0]), each[0] - 0.1, each[0] + 0.1, "images")


FIGURES: dict[str, list[float]] = {}


@pytest.fixture
def ask(world, tmp_path):
    """A function that answers a claim from mIoU of each seed, or from what lies in the folder."""
    settings, _ = world(1)

    def give(claim, figures=None, seeds=None, trained=None):
        FIGURES.clear()
        FIGURES.update(figures or {})
        n = seeds or len(next(iter((figures or {"": [0]}).values())))
        runs = Runs(tmp_path, tuple(range(n)))
        there = settings.params.experiments if trained is None else trained
        return answer(claim, Made(settings, runs, there, tmp_path / "cost.json"))

    return give


UP, DOWN, AROUND = [3.0, 3.1, 3.2], [-3.0, -3.1, -3.2], [-1.0, 0.0, 1.1]
SMALL = [0.1, 0.2, 0.15]
CASES = [
    ("better", None, UP, "holds"), ("better", None, DOWN, "does not hold"), ("better", None, AROUND, "cannot tell"),
    ("worse", None, DOWN, "holds"), ("worse", None, UP, "does not hold"), ("worse", None, AROUND, "cannot tell"),
    ("comparable", 1.0, SMALL, "holds"), ("comparable", 1.0, UP, "does not hold"),
    ("comparable", 1.0, DOWN, "does not hold"), ("comparable", 1.0, AROUND, "cannot tell"),
    ("competitive", 1.0, UP, "holds"), ("competitive", 1.0, SMALL, "holds"),
    ("competitive", 1.0, DOWN, "does not hold"), ("competitive", 1.0, AROUND, "cannot tell"),
    ("better", None, [0.0, 0.0, 0.0], "cannot tell"),
]  # fmt: skip


@pytest.mark.parametrize(("direction", "margin", "differences", "verdict"), CASES)
def test_contrasts(ask, direction, margin, differences, verdict):
    """By t over three seeds: 3.1 +- 0.25, 0.15 +- 0.12, and 0.03 +- 2.6."""
    claim = Contrast(**CONTRAST | {"direction": direction, "margin": margin})
    found = ask(claim, {"ash": [30 + d for d in differences], "clan": [30.0] * 3})
    assert (found.verdict, found.n, found.over) == (verdict, 3, "seeds")
    assert found.measured == pytest.approx(np.mean(differences))


@pytest.mark.parametrize(("direction", "margin", "differences", "verdict"), CASES)
def test_one_seed_tells_nothing(ask, direction, margin, differences, verdict):
    """Whatever the number: with n = 1 no verdict but "cannot tell", and the interval is said to be over images only."""
    claim = Contrast(**CONTRAST | {"direction": direction, "margin": margin})
    found = ask(claim, {"ash": [30 + differences[0]], "clan": [30.0]})
    assert (found.verdict, found.n, found.over) == ("cannot tell", 1, "images")
    assert "one seed says nothing about others" in found.why


def test_the_best_of_several_counts(ask):
    """ASH leads two rivals and trails the third: the third decides, and is named."""
    claim = Contrast(**CONTRAST | {"second": ["clan", "advent", "asm"], "direction": "competitive", "margin": 1.0})
    figures = {"ash": UP, "clan": [0.0, 0.1, 0.0], "advent": [1.0, 1.0, 1.1], "asm": [9.0, 9.1, 9.2]}
    found = ask(claim, figures)
    assert (found.verdict, found.measured) == ("does not hold", pytest.approx(-6.0))
    assert found.why.endswith("the best of them is asm")


def test_what_was_not_trained_cannot_be_told(ask):
    """The experiments are named, those alone that this run lacks."""
    found = ask(Contrast(**CONTRAST | {"second": ["clan", "asm"]}), {"ash": UP}, trained=["ash", "clan"])
    assert (found.verdict, found.why, found.measured) == ("cannot tell", "not trained in this run: asm", None)


ORDER = CLAIM | {
    "kind": "order", "target": "cityscapes",
    "larger": ("synthia_ash_style", "synthia_ash_content"),
    "smaller": (("synthia_ash_content", "synthia_ash_adversarial"), ("synthia_ash", "synthia_ash_style")),
}  # fmt: skip


@pytest.mark.parametrize(
    ("style", "verdict"),
    [([5.0, 5.1, 5.2], "holds"), ([1.1, 1.0, 1.05], "does not hold"), ([2.0, 9.0, 0.0], "cannot tell")],
)
def test_the_order_of_effects(ask, style, verdict):
    """Adversarial 0, + L_c 1, + L_s1 `style`, all `style` + 0.5: the effect of L_s1 against that of L_c, which is 1."""
    figures = {"synthia_ash_adversarial": [0.0] * 3, "synthia_ash_content": [1.0] * 3, "synthia_ash_style": style}
    found = ask(Order(**ORDER), figures | {"synthia_ash": [s + 0.5 for s in style]})
    assert found.verdict == verdict
    assert found.measured == pytest.approx(np.mean(style) - 2)
    assert found.why.endswith("the largest other effect is synthia_ash_content - synthia_ash_adversarial")


def write_history(folder, changes, pixels=None):
    """A history of one seed: late rows have these changes of gamma, early ones none, and `pixels` of each class."""
    columns = {"step": [10, 20, 30, 40]}
    for name in CLASSES:
        columns[f"gamma.{name}"] = [0.0, 0.0, changes.get(name, 0.0), changes.get(name, 0.0)]
        columns[f"pixels.{name}"] = [(pixels or {}).get(name, 0)] * 4
    folder.mkdir(parents=True)
    pd.DataFrame(columns).to_csv(folder / "history.csv", index=False)


def histories(root, changes, pixels=None):
    """Histories of some seeds."""
    for seed, some in enumerate(changes):
        write_history(root / f"models/ash/seed{seed}", some, pixels)


STYLE = CLAIM | {"kind": "style", "experiment": "ash", "norm": "gamma", "per": "class", "of": ["road"]}


def test_shares_by_hand(tmp_path):
    """Changes 6, -3 and 1 are 60, 30 and 10 per cent; by pixel, of 6, 1 and 0 pixels, 1 and 3: 25 and 75, and undefined."""
    write_history(tmp_path / "x", {"road": 6.0, "sky": -3.0, "pole": 1.0}, {"road": 6, "sky": 1})
    share = shares(tmp_path / "x/history.csv", "gamma", by_pixel=False)
    assert [share[name] for name in ("road", "sky", "pole", "bus")] == pytest.approx([60, 30, 10, 0])
    share = shares(tmp_path / "x/history.csv", "gamma", by_pixel=True)
    assert [share["road"], share["sky"]] == pytest.approx([25, 75])
    assert np.isnan(share["pole"])


@pytest.mark.parametrize(
    ("measure", "verdict"),
    [
        ({"over": ["pole"]}, "holds"),
        ({"of": ["pole"], "over": ["road"]}, "does not hold"),
        ({"of": ["road", "pole"], "over": ["sky"]}, "does not hold"),
        ({"of": ["pole"], "below": 20.0}, "holds"),
        ({"of": ["pole", "road"], "below": 20.0}, "does not hold"),
        ({"of": ["pole", "road"], "below": 20.0, "some": True}, "holds"),
        ({"of": ["road"], "above": 20.0}, "holds"),
        ({"of": ["road", "pole"], "above": 20.0}, "does not hold"),
    ],
)
def test_styles_of_classes(ask, tmp_path, measure, verdict):
    """Of three seeds road has some 60 per cent, sky 30 and pole 10."""
    histories(tmp_path, [{"road": 60 + k, "sky": 30, "pole": 10 - k} for k in range(3)])
    found = ask(Style(**STYLE | measure), seeds=3)
    assert (found.verdict, found.n, found.over) == (verdict, 3, "seeds")


def test_styles_that_vary_cannot_be_told(ask, tmp_path):
    """Road above sky in one seed and below in others."""
    histories(tmp_path, [{"road": 6, "sky": 4}, {"road": 3, "sky": 7}, {"road": 5, "sky": 5}])
    assert ask(Style(**STYLE | {"over": ["sky"]}), seeds=3).verdict == "cannot tell"


def test_a_style_of_one_seed_cannot_be_told(ask, tmp_path):
    """Measured, and no more."""
    histories(tmp_path, [{"road": 6, "sky": 4}])
    found = ask(Style(**STYLE | {"over": ["sky"]}), seeds=1)
    assert (found.verdict, found.measured, found.low) == ("cannot tell", pytest.approx(20), None)


def test_a_class_that_no_pixel_is_predicted_as(ask, tmp_path):
    """By pixel it has no share, so the claim cannot be told; the class is named."""
    histories(tmp_path, [{"road": 6, "sky": 4}] * 2, {"road": 5})
    found = ask(Style(**STYLE | {"per": "pixel", "over": ["sky"]}), seeds=2)
    assert (found.verdict, found.why) == ("cannot tell", "no pixel of the image is predicted as sky")


def test_a_history_without_figure_4_is_named(ask, tmp_path):
    """A method without a hallucinator has no such columns."""
    folder = tmp_path / "models/ash/seed0"
    folder.mkdir(parents=True)
    (folder / "history.csv").write_text("step,rate\n10,0.1\n")
    with pytest.raises(StoreError, match="history.csv: column gamma.road: missing"):
        ask(Style(**STYLE | {"above": 1.0}), seeds=1)


COST = CLAIM | {"kind": "cost", "first": "ash", "second": "domain_randomisation", "renderings": 15, "below": 0.5}


@pytest.mark.parametrize(("renderings", "ratio", "verdict"), [(15, 5 / 32, "holds"), (3, 5 / 8, "does not hold")])
def test_costs_are_counted(ask, tmp_path, renderings, ratio, verdict):
    """2 + 3 passes against 1 + m forward and back: 32 with 15 renderings, 8 with 3, from two here.  One seed is enough."""
    row = {"least_ms": 1.0, "clock": "wall", "precision": "fp32"}
    rows = [
        {"experiment": "ash", "forward": 2, "backward": 3},
        {"experiment": "domain_randomisation", "forward": 3, "backward": 3},
    ]
    write_json(tmp_path / "cost.json", [r | row for r in rows])
    found = ask(Cost(**COST | {"renderings": renderings}), seeds=1)
    assert (found.verdict, found.measured) == (verdict, pytest.approx(ratio))
    missing = ask(Cost(**COST | {"first": "asm"}), seeds=1)
    assert (missing.verdict, missing.why) == ("cannot tell", "the cost of a step was not measured: asm")
    with pytest.raises(ConfigError, match="ash: makes no renderings"):
        ask(Cost(**COST | {"second": "ash"}), seeds=1)


def test_what_needs_no_measurement(ask):
    """A proof says what it says, an open claim cannot be told."""
    proof = Proof(**CLAIM | {"kind": "proof", "verdict": "does not hold", "why": "By eq. 1", "test": "tests/x.py::y"})
    assert (ask(proof).verdict, ask(proof).why) == ("does not hold", "By eq. 1")
    assert ask(Open(**CLAIM | {"kind": "open", "why": "No experiment"})).verdict == "cannot tell"


def test_a_bound_that_is_touched_is_not_passed():
    """An interval that ends at the bound reaches across it; an undefined score cannot be told."""
    assert judged(Interval(1, 0, 2, "seeds"), (0, inf), 3).verdict == "cannot tell"
    found = judged(Interval(0.0, -2, 2, "seeds"), (-1, 1), 3)
    assert (found.verdict, found.why) == ("cannot tell", "the interval over 3 seeds reaches across -1 and 1")
    assert judged(Interval(np.nan, np.nan, np.nan, "seeds"), (0, inf), 3).verdict == "cannot tell"
