"""The table of claims and its contrasts, from made-up runs."""

import pandas as pd
import pytest

from ash.files.atomic import write_json
from ash.report.answers import FIELDS, answers, claims_table, contrasts_of, write_claims
from ash.report.claims import Contrast, Open, Order, Proof
from ash.report.table import read
from ash.report.verdicts import World
from tests.report.conftest import COST

WHERE = {"where": "Table 1"}
CLAIMS = {
    "ours": Contrast(
        claim="Ours.", where="README", by="project", kind="contrast", first="ash", second="oracle", target="mapillary",
        direction="worse",
    ),
    "lead": Contrast(
        claim="ASH leads.", **WHERE, kind="contrast", first="ash", second="clan", target="cityscapes", direction="better",
        printed=(41.3, 40.1),
    ),
    "best": Contrast(
        claim="ASH leads all.", **WHERE, kind="contrast", first="ash", second=("clan", "advent"), target="mapillary",
        direction="better", printed=(44.44, 38.05),
    ),
    "some": Contrast(
        claim="On two.", **WHERE, kind="contrast", first="ash", second="asm", target="cityscapes", classes=("pole", "light"),
        direction="better",
    ),
    "order": Order(
        claim="First most.", **WHERE, kind="order", larger=("ash", "clan"), smaller=(("clan", "source_only"),),
        target="cityscapes", printed=(1.2, 0.5),
    ),
    "absent": Contrast(
        claim="More.", **WHERE, kind="contrast", first="ash_local", second="ash", target="cityscapes", direction="better"
    ),
    "proof": Proof(claim="So.", **WHERE, kind="proof", verdict="holds", why="By eq. 1", test="tests/x.py::y"),
    "open": Open(claim="Who knows.", **WHERE, kind="open", why="No experiment"),
}  # fmt: skip


@pytest.fixture
def given(world, tmp_path):
    """A function: the world of so many seeds, of what the default target trains."""

    def give(seeds):
        settings, runs = world(seeds)
        write_json(tmp_path / "cost.json", COST)
        return World(settings, runs, settings.params.standard, tmp_path / "cost.json")

    return give


def test_rows_follow_the_file(given):
    """A row a claim with what was printed and measured; where nothing was, empty cells."""
    world = given(3)
    frame = answers(CLAIMS, world).set_index("id")
    assert list(frame.index) == list(CLAIMS)
    lead = frame.loc["lead"]
    difference = world.runs.miou("ash", "cityscapes", 19) - world.runs.miou("clan", "cityscapes", 19)
    assert lead["measured"] == pytest.approx(difference.mean())
    assert lead["printed"] == pytest.approx(1.2)
    assert (lead["n"], lead["over"], lead["unit"]) == (3, "seeds", "points")
    order = world.runs.miou("clan", "cityscapes", 19) - world.runs.miou("source_only", "cityscapes", 19)
    assert frame.loc["order", "measured"] == pytest.approx((difference - order).mean())
    assert frame.loc["absent", "why"] == "not trained in this run: ash_local"
    assert frame.loc[["absent", "proof", "open"], "measured"].isna().all()
    assert frame.loc[["proof", "open"], "verdict"].tolist() == ["holds", "cannot tell"]


def test_some_classes_are_the_mean_of_their_iou(given):
    """Of pole and light, seed by seed."""
    world = given(1)
    one = {name: world.runs.class_iou(name, "cityscapes")[[5, 6]].mean() for name in ("ash", "asm")}
    assert answers({"some": CLAIMS["some"]}, world)["measured"].item() == pytest.approx(one["ash"] - one["asm"])


def test_one_seed_tells_no_claim_that_seeds_decide(given):
    """With n = 1 only what needs no seeds has another verdict than "cannot tell", in the table as in its file."""
    frame = answers(CLAIMS, given(1))
    assert set(frame.loc[frame["n"].notna(), "verdict"]) == {"cannot tell"}
    assert set(frame.loc[frame["low"].notna(), "over"]) == {"images"}


def test_the_papers_claims_come_first(given):
    """Then this project's, marked as ours; an interval over images says so in its cell."""
    world = given(1)
    table = claims_table(answers(CLAIMS, world), world.settings)
    assert [row[-1] for row in table.rows] == ["lead", "best", "some", "order", "absent", "proof", "open", "ours"]
    assert table.rows[-1][-2] == "ours: README"
    assert table.rows[0][2] == "+1.20 (41.3 - 40.1)"
    assert table.rows[0][5].endswith("over images only")
    assert "One seed says nothing about others" in table.notes[0]


def test_contrasts_are_on_every_target(given):
    """Each pair of a claim about mIoU, on all targets, once; what the paper prints stands at its own target and pair."""
    world = given(3)
    frame = contrasts_of(CLAIMS, world)
    assert set(frame["contrast"]) == {"ash - oracle", "ash - clan", "ash - advent"}
    assert len(frame) == 3 * len(world.settings.targets)
    assert frame.set_index(["contrast", "target"])["printed"].dropna().to_dict() == pytest.approx(
        {("ash - clan", "cityscapes"): 1.2}
    )


def test_files_of_the_claims(given, tmp_path):
    """CSV, Markdown and JSON; all columns in their order, the table as it was built."""
    world = given(3)
    write_claims(CLAIMS, world, tmp_path)
    frame = pd.read_csv(tmp_path / "claims.csv")
    assert list(frame) == list(FIELDS)
    assert read(tmp_path / "claims.table.json") == claims_table(answers(CLAIMS, world), world.settings)
    assert "| Table 1 | lead |" in (tmp_path / "claims.md").read_text()
    assert len(pd.read_csv(tmp_path / "contrasts.csv")) == 3 * len(world.settings.targets)


def test_no_claims_make_an_empty_table(given, tmp_path):
    """Settings that name no file of claims have one without rows, which says so."""
    write_claims({}, given(1), tmp_path)
    assert "names no file of `claims`" in (tmp_path / "claims.md").read_text()
    assert (tmp_path / "claims.csv").read_text() == ",".join(FIELDS) + "\n"
