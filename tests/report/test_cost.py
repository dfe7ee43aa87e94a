"""The table of costs."""

import pandas as pd

from ash.files.atomic import write_json
from ash.report.cost import write_cost
from tests.report.conftest import settings_for


def test_times_are_relative_to_the_fastest(tmp_path):
    """30 ms beside 20 ms is 1.5, whichever comes first; passes are shown as counted."""
    rows = [
        {"experiment": name, "recipe": name, "forward": forward, "backward": 2.5, "ms": 9.0, "least_ms": least,
         "clock": "processor", "precision": "bf16"}
        for name, forward, least in (("asm", 4.0, 30.0), ("clan", 2.0, 20.0))
    ]  # fmt: skip
    write_json(tmp_path / "cost.json", rows)
    write_cost(settings_for((0,)), tmp_path / "cost.json", tmp_path)
    assert pd.read_csv(tmp_path / "cost.csv")["relative"].tolist() == [1.5, 1.0]
    written = (tmp_path / "cost.md").read_text()
    assert "| asm | 4 | 2.5 | 30 | 1.5 |" in written
    assert "The least processor time of a step, bf16" in written
