"""docs/why/fidelity.md points at things that exist."""

import re

from ash import methods
from ash.config import DiscriminatorSettings, OptimiserSettings, TrainingSettings
from tests.conftest import ROOT


def test_what_the_ledger_names_exists():
    """Every test, file, and setting with a value that docs/why/fidelity.md points at is there."""
    text = (ROOT / "docs/why/fidelity.md").read_text()
    tests = {(p or "tests/test_fidelity.py", name) for p, name in re.findall(r"`(?:(tests/\S+)::)?(test_\w+)`", text)}
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
