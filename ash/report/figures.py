"""All figures: the paper's Figure 3, and three of our own: training curves, IoU by class, mIoU of every experiment.

Figures 1 and 2 are drawn in strips.py, Figure 4 in contributions.py.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ash.config import Settings
from ash.errors import StoreError
from ash.labels import CLASSES, N_CLASSES, PALETTE, SUBSETS, classes_of, colourise
from ash.report.contributions import figure4, write_contributions
from ash.report.drawing import LINES, SERIES, save
from ash.report.means import among
from ash.report.records import read_history, read_samples
from ash.report.runs import Runs
from ash.report.strips import figure1, figure2


def figure3(settings: Settings, runs: Runs) -> Figure:
    """Target images, what each experiment of params.figures.figure3 sees in them, and the truth.  ASH Figure 3."""
    columns, target = settings.params.figures.figure3, settings.targets[0]
    seed = settings.params.seeds[0]
    samples = _samples(runs, columns, seed, target)
    first = next(iter(samples.values()))
    count = min(4, len(first["image"]))
    titles = [f"{target} image", *samples, "Ground truth"]
    height, width = first["image"].shape[1:3]
    figure = Figure((1.9 * len(titles), 1.9 * count * height / width + 0.9), layout="constrained")
    axes = figure.subplots(count, len(titles), squeeze=False)
    for k in range(count):
        pictures = [
            first["image"][k],
            *(colourise(s["prediction"][k]) for s in samples.values()),
            colourise(first["label"][k]),
        ]
        for axis, title, picture in zip(axes[k], titles, pictures, strict=True):
            axis.imshow(picture, interpolation="nearest")
            axis.set_axis_off()
            if k == 0:
                axis.set_title(title)
    handles = [mpl.patches.Patch(color=PALETTE[k] / 255, label=name) for k, name in enumerate(CLASSES)]
    figure.legend(handles=handles, loc="outside lower center", ncols=7, fontsize=7)
    return figure


def _samples(runs: Runs, columns: Mapping[str, str], seed: int, target: str) -> dict[str, dict[str, np.ndarray]]:
    """The samples of each column's experiment; StoreError unless all are of the same images."""
    samples = {}
    for title, experiment in columns.items():
        path = runs.path(experiment, seed, f"{target}.npz")
        samples[title] = read_samples(path)
        first = next(iter(samples.values()))
        if any(not np.array_equal(samples[title][name], first[name]) for name in ("image", "label")):
            other = next(iter(columns.values()))
            raise StoreError(
                f"{path}: other images of {target} than those of {other}, beside which they stand in Figure 3; evaluate"
                " both again"
            )
    return samples


def curves(settings: Settings, runs: Runs) -> Figure:
    """Each term of each player's loss over training: one panel a term, one line an experiment."""
    seed = settings.params.seeds[0]
    histories = {e: _history(runs, e, seed) for e in settings.experiments(settings.params.groups)}
    terms = list(dict.fromkeys(c for h in histories.values() for c in h.columns if c.split(".")[0] in _PLAYERS))
    figure = Figure((10, 2.1 * -(-len(terms) // 3) + 0.9), layout="constrained")
    panels = figure.subplots(-(-len(terms) // 3), 3, squeeze=False).ravel()
    for axis, term in zip(panels, terms, strict=False):
        for k, (name, history) in enumerate(histories.items()):
            if term in history:
                axis.plot(history["step"], history[term], color=SERIES[k % 6], ls=LINES[k // 6 % 4], lw=1, label=name)
        axis.set_title(term, fontsize=8)
    for axis in panels[len(terms) :]:
        axis.set_axis_off()
    handles = dict(pair for axis in panels for pair in zip(*reversed(axis.get_legend_handles_labels()), strict=True))
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=4, fontsize=7)
    return figure


_PLAYERS = ("segmenter", "hallucinator", "discriminator")


def iou_bars(settings: Settings, runs: Runs) -> Figure:
    """IoU of each class on each target for the experiments of Table 5, the components; of the first table without one."""
    tables = settings.params.tables
    experiments = settings.rows("table5" if "table5" in tables else next(iter(tables)))
    targets = settings.targets
    figure = Figure((10, 2.6 * len(targets) + 0.6), layout="constrained")
    panels = figure.subplots(len(targets), 1, sharex=True, squeeze=False)[:, 0]
    width = 0.8 / len(experiments)
    for axis, target in zip(panels, targets, strict=True):
        for k, experiment in enumerate(experiments):
            x = np.arange(N_CLASSES) + (k - (len(experiments) - 1) / 2) * width
            axis.bar(x, np.nan_to_num(runs.class_iou(experiment, target)), width, color=SERIES[k % 6], label=experiment)
        axis.set_ylabel(f"IoU on {target}, %")
    panels[-1].set_xticks(range(N_CLASSES), CLASSES, rotation=40, ha="right")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(experiments), fontsize=8)
    return figure


def contrasts(settings: Settings, runs: Runs) -> Figure:
    """The mIoU of every experiment on every target: a dot a seed, a bar for their mean."""
    targets = settings.targets
    names = settings.experiments(settings.params.groups)
    figure = Figure((10, 0.26 * len(names) + 1), layout="constrained")
    panels: Sequence[Axes] = figure.subplots(1, len(targets), sharey=True, squeeze=False)[0]
    for axis, target in zip(panels, targets, strict=True):
        for y, name in enumerate(names):
            classes = classes_of(settings.params.experiments[name].source)
            values = runs.miou(name, target, classes, among(settings, [name], target))
            colour = SERIES[0 if classes == N_CLASSES else 1]
            axis.barh(y, values.mean(), color=colour, alpha=0.35)
            axis.plot(values, np.full(len(values), y), "o", ms=3.5, color=colour)
        axis.set_title(f"mIoU on {target}, % ({_over(settings, names, target)})", fontsize=9)
    panels[0].set_yticks(range(len(names)), names)
    panels[0].invert_yaxis()
    return figure


def _over(settings: Settings, names: Sequence[str], target: str) -> str:
    """How many classes the bars are over, by colour; those that a source and the target share."""
    shared = {classes_of(settings.params.experiments[name].source): among(settings, [name], target) for name in names}
    counts = {k: len(set(SUBSETS[k]) & kept) for k, kept in shared.items()}
    return "; ".join(
        f"{'blue' if k == N_CLASSES else 'orange, SYNTHIA'}: {count} classes"
        for k, count in sorted(counts.items(), reverse=True)
    )


FIGURES = {
    "figure1": figure1,
    "figure2": figure2,
    "figure3": figure3,
    "figure4": figure4,
    "curves": curves,
    "iou": iou_bars,
    "contrasts": contrasts,
}


def write_figures(settings: Settings, runs: Runs, out: Path) -> None:
    """Write out/<name>.png for each of FIGURES, and out/figure4.csv."""
    for name, draw in FIGURES.items():
        save(draw(settings, runs), out / f"{name}.png")
    write_contributions(settings, runs, out / "figure4.csv")


def _history(runs: Runs, experiment: str, seed: int) -> pd.DataFrame:
    return read_history(runs.path(experiment, seed, "history.csv"))
