"""Lines put into YAML files that people write."""

import difflib

import pytest
import yaml

from ash.errors import ConfigError
from ash.field.inserted import flow, with_entry
from tests.conftest import ROOT

TEXT = """# Above.
seeds: [0]   # one

methods:
  a: {}
  b:   # of two
    x: 1   # one

# Between.
more:
    c: {y: [1, 2],
        z: null}
"""


def added(text, *arguments):
    """The lines that are new, once it is sure that none is gone or was moved."""
    lines = list(difflib.ndiff(text.splitlines(), with_entry(text, *arguments, "f.yaml").splitlines()))
    assert not [line for line in lines if line[0] in "-?"]
    return [line[2:] for line in lines if line[0] == "+"]


def test_comments_and_layout_stay():
    """One line is new, behind the block's last and indented as its first; the comment between two blocks stays between."""
    assert added(TEXT, "methods", "n", {"w": 1.0}) == ["  n: {w: 1.0}"]
    text = with_entry(TEXT, "methods", "n", {"w": 1.0}, "f.yaml")
    assert "    x: 1   # one\n  n: {w: 1.0}\n\n# Between.\nmore:" in text
    assert added(TEXT, "more", "n", 1) == ["    n: 1"]


@pytest.mark.parametrize("name", ["params.yaml", "protocols/miniature.yaml", "protocols/paper.yaml"])
def test_the_projects_own_files_take_entries(name):
    """Each gets just one line."""
    assert added((ROOT / name).read_text(), "methods", "newcomer", {"w": 1}) == ["  newcomer: {w: 1}"]


def test_a_block_is_begun():
    """Where it is empty, or is not there; and without a block the entry is one of the first level."""
    assert "methods:  # none\n  n: 1\n" in with_entry("methods: {}  # none\n", "methods", "n", 1, "f.yaml")
    assert with_entry("a: 1\n", "methods", "n", 1, "f.yaml") == "a: 1\n\nmethods:\n  n: 1\n"
    assert with_entry("a: 1\n", None, "n", {"w": 2}, "f.yaml") == "a: 1\nn: {w: 2}\n"


@pytest.mark.parametrize("text", ["methods: {a: {}}\n", "methods: &m\n  a: {}\n", "'methods':\n  a: 1\n", "a: [\n"])
def test_another_layout_is_refused(text):
    """A line tells what to add by hand, and to which file."""
    with pytest.raises(ConfigError, match=r"^f\.yaml: .*add `n: 1` under `methods:`$"):
        with_entry(text, "methods", "n", 1, "f.yaml")


def test_values_stand_on_one_line():
    """However long they are, and are read as they were."""
    value = {"label": "a: b, " * 60, "lr": 1e-5, "on": "yes"}
    assert "\n" not in flow(value)
    assert yaml.safe_load(flow(value)) == value
