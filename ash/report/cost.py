"""What a training step of each method costs: passes through the segmenter, and time on this machine.

The paper claims a lower cost than Domain Randomisation.  Passes are exact counts; times are measured, so this table, unlike
all others, differs from run to run.
"""

from pathlib import Path

import pandas as pd

from ash.config import Settings
from ash.files.atomic import read_json, write_text
from ash.report.tables import grid

TITLE = "Cost of a training step"


def build_cost(settings: Settings, measured: Path) -> pd.DataFrame:
    """One row a method, in the order measured: forward, backward, ms, and ms relative to the fastest."""
    frame = pd.DataFrame(read_json(measured))
    frame["relative"] = frame["ms"] / frame["ms"].min()
    frame["batch"] = settings.protocol.training.batch
    return frame


def cost_markdown(frame: pd.DataFrame) -> str:
    """The table for people."""
    head = ["method", "forward passes", "backward passes", "ms a step", "times the fastest"]
    rows = [
        [
            row.experiment.replace("_", " "),
            f"{row.forward:g}",
            f"{row.backward:g}",
            f"{row.ms:.0f}",
            f"{row.relative:.1f}",
        ]
        for row in frame.itertuples()
    ]
    notes = [
        f"Passes through the segmenter for each source image of a step; a step has {frame['batch'].iloc[0]} source images. "
        "Backward passes count gradients that reach the image side of the segmenter, for whichever player.",
        f"Median over the measured steps, {frame['precision'].iloc[0]}, one process on an otherwise idle machine if the "
        "workflow ran alone; the hallucinator, discriminators and stylizer are in the time, not in the passes.",
    ]
    return f"### {TITLE}\n\n{grid([head, *rows])}\n" + "".join(f"\n* {note}" for note in notes) + "\n"


def write_cost(settings: Settings, measured: Path, out: Path) -> None:
    """Write out/cost.{csv,md}."""
    frame = build_cost(settings, measured)
    write_text(out / "cost.csv", frame.to_csv(index=False, float_format="%.4f", lineterminator="\n"))
    write_text(out / "cost.md", cost_markdown(frame))
