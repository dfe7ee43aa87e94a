"""The paper's Figure 4: what each class adds to the L1 norms of gamma and beta, of one image, over training."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ash.config import Settings
from ash.files.atomic import write_text
from ash.labels import CLASSES, colourise
from ash.report.drawing import COLOURS, LINES, picture
from ash.report.records import read_history, read_stylisation
from ash.report.runs import Runs

PANELS = (
    ("beta", "a) beta"),
    ("beta_per_pixel", "b) beta, by predicted pixel"),
    ("gamma", "c) gamma"),
    ("gamma_per_pixel", "d) gamma, by predicted pixel"),
)  # in the paper's order


def contributions(settings: Settings, runs: Runs) -> pd.DataFrame:
    """A row for each seed, logged step and class of the experiment of params.figures.figure4.

    Columns experiment, seed, step, class; pixels: cells of H's condition that G predicts as the class; gamma, beta: by how
    much the sum of |gamma| or |beta| over cells and channels falls when the class's channel is set to zero; and the two
    divided by pixels, empty where the class is not predicted.
    """
    experiment, parts = shown(settings), []
    for seed in runs.seeds:
        columns = [f"{kind}.{name}" for kind in ("pixels", "gamma", "beta") for name in CLASSES]
        history = read_history(runs.path(experiment, seed, "history.csv"), *columns)
        for name in CLASSES:
            values = {kind: history[f"{kind}.{name}"] for kind in ("pixels", "gamma", "beta")}
            known = values["pixels"].where(values["pixels"] > 0)
            by_pixel = {f"{kind}_per_pixel": values[kind] / known for kind in ("gamma", "beta")}
            step = history["step"].astype(int)
            row = {"experiment": experiment, "seed": seed, "step": step, "class": name, **values, **by_pixel}
            parts.append(pd.DataFrame(row))
    frame = pd.concat(parts, ignore_index=True)
    order = frame["class"].map(CLASSES.index)
    return frame.assign(order=order).sort_values(["seed", "step", "order"], ignore_index=True).drop(columns="order")


def write_contributions(settings: Settings, runs: Runs, out: Path) -> None:
    """Write them as CSV."""
    write_text(out, contributions(settings, runs).to_csv(index=False, float_format="%.9g", lineterminator="\n"))


def shown(settings: Settings) -> str:
    """The experiment that Figures 1, 2 and 4 show."""
    return next(iter(settings.params.figures.figure4.values()))


def figure4(settings: Settings, runs: Runs) -> Figure:
    """Four panels as in the paper, means over seeds, with the image and its label as an inset.  ASH Figure 4."""
    frame, steps = contributions(settings, runs), read_stylisation(runs.stylisation)
    means = frame.groupby(["class", "step"], sort=False)[[kind for kind, _ in PANELS]].mean().reset_index()
    figure = Figure((10.5, 6.6), layout="constrained")
    grid = figure.add_gridspec(2, 5, width_ratios=(1, 1, 1, 1, 1.1))
    axes = [figure.add_subplot(grid[row, column : column + 2]) for row in (0, 1) for column in (0, 2)]
    for axis, (kind, title) in zip(axes, PANELS, strict=True):
        _lines(axis, means, kind, title)
    for axis in axes[2:]:
        axis.set_xlabel("iteration")
    for axis in axes[::2]:
        axis.set_ylabel("change of the L1 norm")
    side = figure.add_subplot(grid[:, 4])
    side.set_axis_off()
    insets = (("the image", steps["image"][0]), ("its label", colourise(steps["label"][0])),
              (f"prediction, seed {runs.seeds[0]}", colourise(steps["prediction"][0])))  # fmt: skip
    for k, (title, pixels) in enumerate(insets):
        picture(side.inset_axes((0, 0.68 - 0.33 * k, 1, 0.28)), pixels, title)
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=7, fontsize=7)
    figure.suptitle(f"Experiment {shown(settings)}: one source image, {_means_of(runs.seeds)}", fontsize=9)
    return figure


def _means_of(seeds: tuple[int, ...]) -> str:
    """Of how many runs a curve is the mean."""
    if len(seeds) == 1:
        return f"n = 1 run (seed {seeds[0]})"
    return f"means of n = {len(seeds)} runs (seeds {', '.join(map(str, seeds))})"


def _lines(axis: Axes, means: pd.DataFrame, kind: str, title: str) -> None:
    """One line a class that has a figure at some step, in the class's colour."""
    for k, name in enumerate(CLASSES):
        part = means[means["class"] == name]
        axis.plot(part["step"], part[kind], color=COLOURS[k], lw=1.3, ls=LINES[k % 3], marker=".", ms=3, label=name)
    axis.set_title(title, fontsize=9)
    axis.axhline(0, color="0.7", lw=0.6, zorder=0)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
