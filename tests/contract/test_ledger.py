"""docs/why/fidelity.md points at things that exist."""

import re

from ash import methods
from ash.config import DiscriminatorSettings, OptimiserSettings, TrainingSettings
from tests.conftest import ROOT

LEDGER = ROOT / "docs/why/fidelity.md"
HOME = "tests/contract/test_fidelity.py"  # of the tests that the ledger names without a file


def test_what_the_ledger_names_exists():
    """Every test, file, and setting with a value that docs/why/fidelity.md points at is there."""
    text = LEDGER.read_text()
    tests = {(p or HOME, name) for p, name in re.findall(r"`(?:(tests/\S+)::)?(test_\w+)`", text)}
    assert len(tests) > 30
    assert [pair for pair in sorted(tests) if f"def {pair[1]}(" not in (ROOT / pair[0]).read_text()] == []
    assert [p for p in re.findall(r"`((?:ash|protocols|workflow)/\S+)`", text) if not list(ROOT.glob(p))] == []
    sections = [methods.load(name).Settings for name in methods.names()]
    known = {
        field
        for section in (*sections, DiscriminatorSettings, TrainingSettings, OptimiserSettings)
        for field in section.model_fields
    }
    stated = {key.rpartition(".")[2] for key in re.findall(r"`([a-z_.]+): [^`]+`", text)}
    assert len(stated) > 15
    assert stated - known == {"style_set"}


def test_the_ledgers_items_are_numbered_and_whole():
    """The items of ASH are numbered from 1 without a gap, and each says what four parties say or measured."""
    items = re.findall(r"^### (\d+)\. .*\n\n((?:- \*\*.*\n(?:  .*\n)*)+)", LEDGER.read_text(), re.M)
    assert [int(number) for number, _ in items] == list(range(1, len(items) + 1))
    assert len(items) > 40
    wanted = ["Paper", "Its code", "Ours", "Measured"]
    assert [number for number, body in items if re.findall(r"^- \*\*(.*?):\*\*", body, re.M) != wanted] == []
