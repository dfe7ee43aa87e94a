"""A forest plot of the contrasts that claims are about: one row a contrast, one colour and shape a target.

A line is the 95 % interval; a hollow mark is what the paper prints; what lies beyond the axis stands at its edge, with its
number.  With one seed the lines, which are over images only, are
dotted and grey, so that nothing in the picture speaks of seeds.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ash.report.answers import CONTRAST_FIELDS
from ash.report.drawing import SERIES, save
from ash.report.records import read_csv

SHAPES = ("o", "s", "D", "^", "v", "P")  # with SERIES, six targets that differ without colour too
WORDS = ("contrast", "by", "target", "over")
HEADINGS = {"paper": "contrasts of the paper's claims", "project": "contrasts of this project's own claims"}


def write_forest(contrasts: Path, out: Path) -> None:
    """Draw what `ash claims` wrote as contrasts.csv; StoreError for another file."""
    save(forest(read_csv(contrasts, "answer the claims", CONTRAST_FIELDS, WORDS, empty=True)), out)


def forest(frame: pd.DataFrame) -> Figure:
    """The plot of a frame of contrasts; differences in points of mIoU."""
    names = list(dict.fromkeys(frame["contrast"]))
    figure = Figure((9, 0.3 * len(names) + 1.9), layout="constrained")
    axis = figure.subplots()
    if not names:
        axis.set_axis_off()
        axis.set_title("No contrast of a claim was measured in this run.")
        return figure
    targets = list(dict.fromkeys(frame["target"]))
    step, edge = 0.5 / len(targets), edge_of(frame)
    for _, row in frame.iterrows():
        k = targets.index(row["target"])
        _draw(axis, row, names.index(row["contrast"]) + (k - (len(targets) - 1) / 2) * step, k, edge)
    axis.set_xlim(-edge, edge)
    axis.axvline(0, color="0.3", lw=0.9, zorder=0)
    axis.set_yticks(range(len(names)), names)
    axis.set_ylim(len(names) - 0.4, -0.6)
    axis.grid(axis="x", color="0.9", lw=0.6)
    axis.set_axisbelow(True)
    _separate(axis, frame, names)
    axis.set_xlabel("difference in mIoU, points")
    axis.set_title(_what_lines_are(frame), fontsize=9, pad=14)
    figure.legend(handles=_legend(targets), loc="outside lower center", ncols=len(targets) + 1, fontsize=8)
    return figure


def edge_of(frame: pd.DataFrame) -> float:
    """How far the axis reaches, in points: past nine tenths of all figures, so that a few far ones do not squeeze the rest."""
    figures = frame[["low", "high", "measured", "printed"]].to_numpy(float).ravel()
    known = np.abs(figures[~np.isnan(figures)])
    return max(1.0, 1.25 * float(np.quantile(known, 0.9))) if len(known) else 1.0


def _draw(axis: Axes, row: pd.Series, y: float, k: int, edge: float) -> None:
    """One target of one contrast."""
    colour, seeds = SERIES[k % len(SERIES)], row["over"] == "seeds"
    line: dict[str, Any] = {"color": colour if seeds else "0.6", "lw": 1.6, "ls": "-" if seeds else ":"}
    axis.plot([row["low"], row["high"]], [y, y], zorder=2, **line)
    _mark(axis, row["printed"], y, edge, SHAPES[k % len(SHAPES)], {"mfc": "white", "mec": colour, "ms": 6, "mew": 1.2})
    _mark(axis, row["measured"], y, edge, SHAPES[k % len(SHAPES)], {"color": colour, "ms": 3.8})


def _mark(axis: Axes, x: float, y: float, edge: float, shape: str, style: dict[str, Any]) -> None:
    """A mark; one beyond the edge of the axis stands at it, with its number."""
    if pd.isna(x):
        return
    sign = 1 if x > 0 else -1
    axis.plot(sign * min(abs(x), 0.97 * edge), y, shape, zorder=3, **style)
    if abs(x) > 0.97 * edge:
        side = "right" if sign > 0 else "left"
        axis.annotate(
            f"{x:+.1f}",
            (sign * 0.94 * edge, y),
            ha=side,
            va="center",
            fontsize=7,
            color=style.get("mec", style.get("color")),
        )


def _separate(axis: Axes, frame: pd.DataFrame, names: list[str]) -> None:
    """A line and a heading above the first row of each that claims."""
    for by, heading in HEADINGS.items():
        mine = [names.index(name) for name in dict.fromkeys(frame.loc[frame["by"] == by, "contrast"])]
        if mine:
            axis.axhline(min(mine) - 0.5, color="0.6", lw=0.6)
            axis.annotate(
                heading,
                (1, min(mine) - 0.5),
                xycoords=("axes fraction", "data"),
                ha="right",
                va="bottom",
                fontsize=7,
                color="0.4",
            )


def _what_lines_are(frame: pd.DataFrame) -> str:
    n = int(frame["n"].iloc[0])
    if n == 1:
        return "n = 1 seed: dotted lines are 95 % over images only and say nothing about seeds"
    return f"n = {n} seeds: lines are 95 % intervals of the paired differences (Student's t)"


def _legend(targets: list[str]) -> list[Line2D]:
    marks = [
        Line2D(
            [], [], marker=SHAPES[k % len(SHAPES)], color=SERIES[k % len(SERIES)], ls="", ms=5, label=f"{name}, here"
        )
        for k, name in enumerate(targets)
    ]
    return [*marks, Line2D([], [], marker="o", mfc="white", mec="0.3", ls="", ms=6, label="hollow: the paper's value")]
