"""The claims in plain words follow claims.csv, and committed pages follow theirs."""

import re

import pandas as pd
import pytest

from ash.errors import StoreError
from ash.report.answers import FIELDS
from ash.report.in_words import END, START, WIDTH, put_into, reading, write_into
from tests.conftest import ROOT, STUDIES


def row(name, verdict, n=3, measured=1.5, by="paper", printed=0.7, why="the whole interval is above 0"):
    """A line of claims.csv."""
    over = "seeds" if n > 1 else "images"
    cells = {"id": name, "claim": f"Claim {name}.", "by": by, "verdict": verdict, "n": n, "measured": measured,
             "unit": "points", "low": measured - 1, "high": measured + 1, "over": over,
             "printed": printed, "why": why}  # fmt: skip
    return {field: cells.get(field) for field in FIELDS}


@pytest.fixture
def told(tmp_path):
    """A function: the reading of such lines."""

    def give(*rows):
        pd.DataFrame(rows, columns=list(FIELDS)).to_csv(tmp_path / "claims.csv", index=False)
        return reading(tmp_path / "claims.csv")

    return give


def test_claims_stand_under_their_verdicts(told):
    """Counts first, then each claim with what was measured and printed, and why."""
    text = told(row("a", "holds"), row("b", "does not hold", measured=-2.0), row("c", "cannot tell"), row("d", "holds"))
    assert "Of 4 claims, 2 hold, 1 do not hold, and 1 cannot be told. The runs have 3 seed(s)." in text.replace(
        "\n", " "
    )
    assert "one would be told by chance" in " ".join(text.split())
    held, rest = text.split("**What does not hold**")
    failed, open_ = rest.split("**What cannot be told**")
    assert re.findall(r"^\* `(\w)`", held, re.M) == ["a", "d"]
    assert re.findall(r"^\* `(\w)`", failed, re.M) == ["b"]
    assert re.findall(r"^\* `(\w)`", open_, re.M) == ["c"]
    assert "`b`: Claim b. Measured -2.00 points [-3.00, -1.00], n = 3. The paper prints +0.70." in " ".join(
        failed.split()
    )
    assert all(len(line) <= WIDTH for line in text.splitlines())


def test_the_words_change_with_the_numbers(told):
    """Another verdict moves the claim."""
    assert told(row("a", "holds")).index("What holds") < told(row("a", "holds")).index("`a`")
    assert "What holds" not in told(row("a", "cannot tell"))


def test_one_seed_is_said(told):
    """Once in the counts, and at each interval what it is over."""
    text = " ".join(told(row("a", "cannot tell", n=1)).split())
    assert "The runs have 1 seed(s). One seed says nothing about others." in text
    assert "by chance" not in text
    assert "[+0.50, +2.50] over images only" in text


def test_both_owners_have_a_part(told):
    """The paper's claims, then this project's; a part without claims is left out."""
    both = told(row("a", "holds", by="project"), row("b", "holds"))
    assert both.index("### The paper's claims") < both.index("### Claims of this project")
    assert "Claims of this project" not in told(row("b", "holds"))


def test_other_verdicts_are_refused(told):
    """A file that somebody edited."""
    with pytest.raises(StoreError, match="better: no verdict or owner; answer the claims again"):
        told(row("a", "better"))


def test_a_page_takes_the_reading_between_its_marks(tmp_path):
    """What stands around the marks stays; a page without both is refused, unchanged."""
    page = tmp_path / "page.md"
    page.write_text(f"# Title\n\n{START}\nold\n{END}\n\nEnd.\n")
    write_into(page, "new\n")
    assert page.read_text() == f"# Title\n\n{START}\n\nnew\n\n{END}\n\nEnd.\n"
    assert put_into(page, "new\n") == page.read_text()
    page.write_text(f"# Title\n{START}\n")
    with pytest.raises(StoreError, match="page.md: lacks the lines"):
        write_into(page, "new\n")
    with pytest.raises(StoreError, match="none.md: cannot be read"):
        write_into(tmp_path / "none.md", "new\n")


@pytest.mark.parametrize("folder", ["", *(f"{name}/" for name in STUDIES)])
def test_the_committed_reading_is_generated(folder):
    """A page of results holds what `ash claims-reading` makes of the claims.csv that it names."""
    name = f"docs/results/{folder}README.md"
    page = ROOT / name
    text = page.read_text(encoding="utf-8")
    source = re.search(rf"^ash claims-reading (\S+) --into {re.escape(name)}$", text, re.M)
    assert source, "the page does not say which file it was made of"
    assert put_into(page, reading(ROOT / source[1])) == text
