"""What a training step of each method costs: passes through the segmenter, and time on this machine.

The paper claims a lower cost than Domain Randomisation.  Passes are exact counts; times are measured, so this table, unlike
all others, differs from run to run.
"""

from pathlib import Path

import pandas as pd

from ash.config import Settings
from ash.files.atomic import read_json
from ash.report.table import Table, columns
from ash.report.tables import label_of, write_forms

TITLE = "Cost of a training step"
HEADERS = ("method", "forward passes", "backward passes", "ms a step", "times the fastest")


def build_cost(settings: Settings, measured: Path) -> pd.DataFrame:
    """One row a method, in the order measured: forward, backward, ms, and ms relative to the fastest."""
    frame = pd.DataFrame(read_json(measured, list))
    frame["relative"] = frame["ms"] / frame["ms"].min()
    frame["batch"] = settings.protocol.training.batch
    return frame


def cost_table(frame: pd.DataFrame) -> Table:
    """The table that people read."""
    rows = tuple(
        (label_of(row.experiment), f"{row.forward:g}", f"{row.backward:g}", f"{row.ms:.0f}", f"{row.relative:.1f}")
        for row in frame.itertuples()
    )
    notes = (
        f"Passes through the segmenter for each source image of a step; a step has {frame['batch'].iloc[0]} source images. "
        "Backward passes count gradients that reach the image side of the segmenter, for whichever player.",
        f"Median over the measured steps, {frame['precision'].iloc[0]}, one process on an otherwise idle machine if the "
        "workflow ran alone; the hallucinator, discriminators and stylizer are in the time, not in the passes.",
    )
    return Table(TITLE, columns(HEADERS), rows, notes)


def write_cost(settings: Settings, measured: Path, out: Path) -> None:
    """Write out/cost.{csv,md,table.json}."""
    frame = build_cost(settings, measured)
    write_forms(frame, cost_table(frame), out / "cost")
