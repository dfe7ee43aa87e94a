"""How the house is built: layers as CONTRIBUTING.md prints them, few files at the root, one name a thing, short pieces."""

import ast
import re
import tomllib
from collections import defaultdict

import pytest

from ash import datasets, methods
from ash.config import Section
from tests.conftest import ROOT
from tests.support.prose import files, told

LONGEST_FILE, LONGEST_FUNCTION = 250, 47  # lines
TWICE = {
    "adain.py": "style has the mathematics, weights the published pair that is named after it",
    "rain.py": "style has the network and its equations, fitting the fit of it",
    "step.py": "training takes a step, bench measures it",
    "evaluate.py": "the commands, and what they call in experiment",
    "pictures.py": "the commands, and what they call in experiment",
    "train.py": "the command, and what it calls in experiment",
    "weights.py": "the commands, and the fetching of published weights in acquire",
}
UNTESTED = {"cli": "tests/flow runs its commands; tests/contract compares their names and options with the pages"}


def test_contributing_prints_the_layers():
    """The block under `Where things live` has the layers of import-linter's contract, in its order, and their whole content."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    text = (ROOT / "CONTRIBUTING.md").read_text()
    printed = next(
        block for block in re.findall(r"^```\n(.*?)^```", text, re.M | re.S) if "config" in block and "errors" in block
    )
    known = {name for layer in layers for name in layer.split(" | ")}
    rows = [
        [word for word in re.findall(r"\w+", line.partition("  ")[0]) if word in known] for line in printed.splitlines()
    ]
    assert [row for row in rows if row] == [layer.split(" | ") for layer in layers]


def test_few_modules_lie_at_the_root():
    """At most five beside __init__.py; all else has a room."""
    assert len(list((ROOT / "ash").glob("*.py"))) - 1 <= 5


def test_no_two_files_of_one_name():
    """But for pairs with a reason; and no reason is left of a pair that is gone."""
    places: dict[str, list[str]] = defaultdict(list)
    for path in files("ash"):
        if not path.name.startswith("__"):
            places[path.name].append(str(path.parent.relative_to(ROOT)))
    assert {name for name, found in places.items() if len(found) > 1} == set(TWICE), places
    assert not [name for name in TWICE if len(places[name]) > 2]


@pytest.mark.parametrize("name", sorted(p.stem for p in (ROOT / "ash/datasets").iterdir() if p.stem[0] != "_"))
def test_datasets_holds_sets_only(name):
    """Whatever has no underscore is a set that a protocol can name."""
    assert isinstance(datasets.load(name), datasets.Dataset)


@pytest.mark.parametrize("name", sorted(p.stem for p in (ROOT / "ash/methods").iterdir() if p.stem[0] != "_"))
def test_methods_holds_methods_only(name):
    """Whatever has no underscore has a METHOD and its Settings."""
    module = methods.load(name)
    assert callable(module.METHOD)
    assert issubclass(module.Settings, Section)


def test_tests_mirror_the_rooms():
    """A package of ash has a folder of tests by its name, and a folder of tests is one of a package or of the project."""
    rooms = {path.parent.name for path in (ROOT / "ash").glob("*/__init__.py")} - set(UNTESTED)
    tested = {path.parent.name for path in (ROOT / "tests").glob("*/test_*.py")}
    assert rooms - tested == set()
    assert tested - rooms == {"contract", "flow"}


def test_pieces_are_short():
    """No file of the package or the workflow has more than 250 lines, no function more than 47."""
    wrong = []
    for path in files("ash", "workflow"):
        text = path.read_text("utf-8")
        where, lines = path.relative_to(ROOT), len(text.splitlines())
        wrong += [f"{where}: {lines} lines"] if lines > LONGEST_FILE else []
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef) and (long := node.end_lineno - node.lineno + 1) > LONGEST_FUNCTION:
                wrong.append(f"{where}: {node.name} has {long} lines")
    assert not wrong, told(wrong)
