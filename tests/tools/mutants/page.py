"""docs/measured/mutants.md: how many mutants the tests killed, and those that they did not."""

from collections import Counter
from pathlib import Path
from typing import Any

import yaml

from tests.tools.mutants.draw import ROOT, Mutant

PAGE = ROOT / "docs/measured/mutants.md"
WORDS = Path(__file__).with_name("survivors.yaml")
HEAD = """# Mutants

`make mutants` writes this page. An operator of mutmut changes one thing in one file, and the mutant
is killed when a test of its room fails, or when these tests take far more processor time than
without it. Docstrings, annotations, decorators, descriptions of settings and the texts of errors and
log lines are left out. `tests/tools/mutants/draw.py` says which tests stand for which room.

**{killed} of {total} killed ({share:.1f} %)**, drawn with seed {seed} from {known} changes that the operators can make.

When seed 0 was first drawn, 179 of its 200 mutants were killed. Tests were then written for its
survivors, so its figure now flatters the tests; `python -m tests.tools.mutants --seed 1` draws
another sample.
"""


def write_page(tried: list[tuple[Mutant, dict[str, Any]]], known: int, seed: int) -> None:
    """Write the page: the figure, a row for each room and each operator, and every survivor with its change.

    What we think of a survivor stands in survivors.yaml: its `file`, its `change` as on the page, and a `word`.
    """
    words = {(w["file"], w["change"].strip()): w["word"] for w in yaml.safe_load(WORDS.read_text()) or []}
    survivors = sorted(mutant for mutant, entry in tried if entry["outcome"] == "survived")
    killed = len(tried) - len(survivors)
    text = HEAD.format(killed=killed, total=len(tried), share=100 * killed / len(tried), seed=seed, known=known)
    text += table("room", [(f"`{mutant.room}`", entry["outcome"]) for mutant, entry in tried])
    text += table("operator", [(mutant.operator.replace("_", " "), entry["outcome"]) for mutant, entry in tried])
    text += "\n## Survivors\n"
    for mutant in survivors:
        word = words.get((mutant.file, mutant.change.strip()), "not judged yet")
        text += f"\n`{mutant.file}`, line {mutant.line}: {word}\n\n```diff\n{mutant.change}\n```\n"
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(text)


def table(head: str, outcomes: list[tuple[str, str]]) -> str:
    """How many of each name there are, and what came of them."""
    text = f"\n| {head} | mutants | killed | out of time | survived |\n| --- | ---: | ---: | ---: | ---: |\n"
    for name in sorted({name for name, _ in outcomes}):
        count = Counter(outcome for other, outcome in outcomes if other == name)
        text += f"| {name} | {count.total()} | {count['killed']} | {count['out of time']} | {count['survived']} |\n"
    return text
