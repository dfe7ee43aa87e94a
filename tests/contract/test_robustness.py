"""docs/robustness.md: every kind of bad input and accident that it lists has the test that it names."""

import ast
import re
from functools import cache

from tests.support.world import ROOT

PAGE = ROOT / "docs/robustness.md"
ROW = re.compile(r"^\| (input|accident) \| (.+?) \| (.+?) \| (.+?) \|$", re.M)
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


@cache
def functions(path: str) -> set[str]:
    """The tests that a file defines, those of classes too."""
    tree = ast.parse((ROOT / path).read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def test_every_row_names_a_test_that_exists():
    """A row without a test, or with one that is gone, claims what nothing shows."""
    rows = ROW.findall(PAGE.read_text())
    assert len(rows) == PAGE.read_text().count("\n| input") + PAGE.read_text().count("\n| accident")
    for _, what, _, named in rows:
        found = TEST.findall(named)
        assert found, f"{what}: no test is named"
        assert all(name in functions(path) for path, name in found), f"{what}: {named}"


def test_no_kind_is_listed_twice():
    """Rows differ in their words, so the page's counts count kinds."""
    kinds = [what for _, what, _, _ in ROW.findall(PAGE.read_text())]
    assert len(kinds) == len(set(kinds))


def test_the_page_states_its_own_counts():
    """The numbers in its first lines are those of its rows."""
    text = PAGE.read_text()
    rows = [kind for kind, *_ in ROW.findall(text)]
    inputs, accidents = rows.count("input"), rows.count("accident")
    assert f"{inputs} kinds of bad input and {accidents} kinds of accident" in re.sub(r"\s+", " ", text)
    assert inputs >= 80
    assert accidents >= 25
