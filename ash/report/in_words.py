"""The claims in plain words, made from claims.csv, so that they change with the numbers.

ash claims-reading results/tables/claims.csv                          prints them
ash claims-reading docs/results/reference/claims.csv --into PAGE.md   puts them between the two marks of a page
"""

import textwrap
from pathlib import Path

import pandas as pd

from ash.errors import StoreError
from ash.files.atomic import write_text
from ash.report.answers import FIELDS
from ash.report.claims import FAILS, HOLDS, UNKNOWN
from ash.report.records import read_csv

START, END = "<!-- claims: written by `ash claims-reading`, not by hand -->", "<!-- end of claims -->"
WORDS = ("id", "claim", "where", "by", "kind", "target", "unit", "over", "verdict", "why")
GROUPS = {"paper": "The paper's claims", "project": "Claims of this project"}
HEADINGS = {HOLDS: "What holds", FAILS: "What does not hold", UNKNOWN: "What cannot be told"}
WIDTH = 100
ONE = " One seed says nothing about others."
MANY = " Each verdict stands by itself: of twenty contrasts without any difference, one would be told by chance."


def reading(path: Path) -> str:
    """Markdown on the claims of claims.csv: counts, then each claim under its verdict; StoreError for another file."""
    frame = read_csv(path, "answer the claims", FIELDS, WORDS, empty=True)
    wrong = set(frame["verdict"]) - set(HEADINGS) | set(frame["by"]) - set(GROUPS)
    if wrong:
        raise StoreError(
            f"{path}: {', '.join(map(str, sorted(wrong, key=str)))}: no verdict or owner; answer the claims again"
        )
    blocks = []
    for by, title in GROUPS.items():
        mine = frame[frame["by"] == by]
        if len(mine):
            blocks += [f"### {title}", _counts(mine)]
            blocks += [_listed(heading, mine[mine["verdict"] == verdict]) for verdict, heading in HEADINGS.items()]
    return "\n\n".join(block for block in blocks if block) + "\n"


def put_into(page: Path, text: str) -> str:
    """The page with `text` between its two marks; StoreError for a page that lacks them."""
    try:
        whole = page.read_text(encoding="utf-8")
    except OSError as cause:
        raise StoreError(f"{page}: cannot be read ({cause.strerror}); name a page with the two marks") from cause
    before, start, rest = whole.partition(START)
    _, end, after = rest.partition(END)
    if not start or not end:
        raise StoreError(f"{page}: lacks the lines {START} and {END}; write them where the reading is to stand")
    return f"{before}{START}\n\n{text}\n{END}{after}"


def write_into(page: Path, text: str) -> None:
    """Put `text` between the two marks of a page."""
    write_text(page, put_into(page, text))


def _counts(frame: pd.DataFrame) -> str:
    """How many claims have each verdict, in a sentence."""
    counts = {verdict: int((frame["verdict"] == verdict).sum()) for verdict in HEADINGS}
    seeds = frame["n"].dropna()
    n = f" The runs have {seeds.iloc[0]:.0f} seed(s)." if len(seeds) else ""
    only = ONE if len(seeds) and seeds.iloc[0] == 1 else MANY if len(seeds) else ""
    return _wrapped(
        f"Of {len(frame)} claims, {counts[HOLDS]} hold, {counts[FAILS]} do not hold, and {counts[UNKNOWN]} cannot be told."
        f"{n}{only}"
    )


def _listed(heading: str, frame: pd.DataFrame) -> str:
    """A list of claims of one verdict; empty if there are none."""
    lines = [_wrapped(f"* {_sentence(row)}", "  ") for _, row in frame.iterrows()]
    return "\n".join([f"**{heading}**", "", *lines]) if lines else ""


def _sentence(row: pd.Series) -> str:
    """A claim, what was printed and measured, and why the verdict is what it is."""
    said = [f"`{row['id']}`: {row['claim']}"]
    if not pd.isna(row["measured"]):
        interval = ""
        if not pd.isna(row["low"]):
            over = " over images only" if row["over"] == "images" else f", n = {row['n']:.0f}"
            interval = f" [{row['low']:+.2f}, {row['high']:+.2f}]{over}"
        said.append(f"Measured {row['measured']:+.2f} {row['unit']}{interval}.")
    if not pd.isna(row["printed"]):
        said.append(f"The paper prints {row['printed']:+.2f}.")
    if row["n"] != 1 or pd.isna(row["measured"]):  # the counts above say it of one seed
        said.append(f"{str(row['why'])[:1].upper()}{str(row['why'])[1:]}.")
    return " ".join(said)


def _wrapped(text: str, indent: str = "") -> str:
    return textwrap.fill(text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
