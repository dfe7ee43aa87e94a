"""What all figures share: fonts, colours that can be told apart, and how a figure becomes a file."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ash.files.atomic import atomic
from ash.labels import PALETTE

mpl.use("Agg")
mpl.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False})
SERIES = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#cc79a7",
    "#e69f00",
    "#56b4e9",
)  # Okabe & Ito, told apart by colour-blind eyes
LINES = ("-", "--", ":", "-.")  # with SERIES, 24 lines that differ
COLOURS = PALETTE / 255 * 0.9  # a little darker than the labels', to stand out on white


def save(figure: Figure, path: Path) -> None:
    """Write a PNG, atomically and without a date, so that equal runs give equal bytes."""
    with atomic(path) as temporary:
        figure.savefig(temporary, format="png", dpi=130, bbox_inches="tight", metadata={"Software": None})


def picture(axis: Axes, pixels: np.ndarray, title: str = "") -> None:
    """Show RGB (H,W,3) without axes, a title above where one is given."""
    axis.imshow(pixels, interpolation="nearest")
    axis.set_axis_off()
    if title:
        axis.set_title(title, fontsize=10)
