"""The paper's Figures 1 and 2: how ASH stylises images, drawn from what a trained run made of a few (`ash stylisation`)."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ash.config import Settings
from ash.labels import colourise
from ash.report.drawing import picture
from ash.report.records import read_stylisation
from ash.report.runs import Runs

GAIN = 8  # by which a difference is multiplied, to be seen


def figure1(settings: Settings, runs: Runs) -> Figure:
    """Each source image in the style of each painting by ASH, beside images of the target.  The point of ASH Figure 1."""
    steps = read_stylisation(runs.stylisation)
    count, paintings = steps["ash"].shape[:2]
    height, width = steps["image"].shape[1:3]
    figure = Figure((1.65 * (paintings + 2), 1.65 * (count + 1) * height / width + 1.0), layout="constrained")
    axes = figure.subplots(count + 1, paintings + 2)
    for axis in axes.flat:
        axis.set_axis_off()
    for k, painting in enumerate(steps["painting"]):
        picture(axes[0, k + 1], painting, f"painting {k + 1}")
    for row, image in enumerate(steps["image"]):
        picture(axes[row + 1, 0], image, f"source {row + 1}")
        for k in range(paintings):
            picture(axes[row + 1, k + 1], steps["ash"][row, k])
        picture(
            axes[row + 1, paintings + 1],
            steps["target"][row],
            "" if row else f"{settings.targets[0]}, never trained on",
        )
    figure.suptitle(_of(settings, f"{count} source images, {paintings} paintings, ASH with noise and H"), fontsize=10)
    return figure


def figure2(settings: Settings, runs: Runs) -> Figure:
    """A strip for each image: source, prediction, gamma, beta, painting, AdaIN, with noise, with ASH, difference.  Figure 2."""
    steps = read_stylisation(runs.stylisation)
    count = len(steps["image"])
    height, width = steps["image"].shape[1:3]
    titles = (
        "source", "prediction of G", "|gamma|", "|beta|", "painting", "AdaIN", "with noise", "noise and H: ASH",
        f"what H changes, x {GAIN}",
    )  # fmt: skip
    figure = Figure((1.65 * len(titles), count * (1.65 * height / width + 0.15) + 0.8), layout="constrained")
    axes = figure.subplots(count, len(titles), squeeze=False)
    for row in range(count):
        ash, noise = steps["ash"][row, row], steps["noise"][row]
        apart = np.abs(ash.astype(int) - noise)
        shown = (steps["image"][row], colourise(steps["prediction"][row]), None, None, steps["painting"][row],
                 steps["adain"][row], noise, ash, np.minimum(apart * GAIN, 255).astype(np.uint8))  # fmt: skip
        for axis, title, pixels in zip(axes[row], titles, shown, strict=True):
            if pixels is not None:
                picture(axis, pixels, title if row == 0 else "")
        for axis, kind in zip(axes[row, 2:4], ("gamma", "beta"), strict=True):
            _map(axis, steps[kind], row, f"|{kind}|" if row == 0 else "", height / width)
        _below(axes[row, 6], f"{_mean_change(noise, steps['adain'][row]):.1f} from AdaIN")
        _below(axes[row, 7], f"{apart.mean():.2f} from noise alone")
        _below(axes[row, 8], f"at most {apart.max()} of 255")
    figure.suptitle(_of(settings, f"{count} source images; changes are means in grey levels of 255"), fontsize=10)
    return figure


def _of(settings: Settings, what: str) -> str:
    """Which run a figure shows, and of how many things."""
    experiment = next(iter(settings.params.figures.figure4.values()))
    return f"Experiment {experiment}, n = 1 run (seed {settings.params.seeds[0]}), {what}"


def _map(axis: Axes, values: np.ndarray, row: int, title: str, aspect: float) -> None:
    """One map of the mean over channels, on the scale of all rows; its mean below."""
    axis.imshow(
        values[row], cmap="viridis", vmin=0, vmax=max(float(values.max()), 1e-9), interpolation="nearest",
        aspect=aspect * values.shape[2] / values.shape[1],
    )  # fmt: skip
    axis.set_axis_off()
    axis.set_title(title, fontsize=10)
    _below(axis, f"{values[row].min():.2g} to {values[row].max():.2g}")


def _mean_change(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one.astype(int) - other).mean())


def _below(axis: Axes, text: str) -> None:
    axis.text(0.5, -0.04, text, transform=axis.transAxes, ha="center", va="top", fontsize=9)
