"""Figure 4 and its CSV: a plain loop over the histories gives the same numbers, and the picture draws these."""

import csv
import math
import re

import pytest

from ash.errors import StoreError
from ash.labels import CLASSES
from ash.report.contributions import PANELS, contributions, figure4, write_contributions

COLUMNS = ["experiment", "seed", "step", "class", "pixels", "gamma", "beta", "gamma_per_pixel", "beta_per_pixel"]


def by_a_loop(settings, runs) -> list[dict[str, str]]:
    """Rows by seed, step and class, straight from the text of the histories."""
    experiment, rows = settings.params.figures.figure4["ASH"], []
    for seed in runs.seeds:
        text = runs.path(experiment, seed, "history.csv").read_text()
        for line in csv.DictReader(text.splitlines()):
            for name in CLASSES:
                pixels = float(line[f"pixels.{name}"])
                values = {kind: float(line[f"{kind}.{name}"]) for kind in ("gamma", "beta")}
                parts = {f"{kind}_per_pixel": v / pixels if pixels else None for kind, v in values.items()}
                rows.append({"experiment": experiment, "seed": seed, "step": int(line["step"]), "class": name,
                             "pixels": pixels, **values, **parts})  # fmt: skip
    return rows


@pytest.mark.parametrize("seeds", [1, 3])
def test_the_csv_has_what_a_loop_over_the_histories_finds(world, tmp_path, seeds):
    """A row for each seed, step and class; by pixel it is empty where the class is predicted nowhere, and only there."""
    settings, runs = world(seeds)
    write_contributions(settings, runs, tmp_path / "figure4.csv")
    with (tmp_path / "figure4.csv").open(newline="") as file:
        found = list(csv.DictReader(file))
    wanted = by_a_loop(settings, runs)
    assert list(found[0]) == COLUMNS and len(found) == len(wanted) == seeds * 3 * len(CLASSES)
    assert any(row["gamma_per_pixel"] is None for row in wanted)
    for one, other in zip(found, wanted, strict=True):
        for name in COLUMNS:
            if isinstance(other[name], float):
                assert float(one[name]) == pytest.approx(other[name], rel=1e-6), (name, other)
            else:
                assert one[name] == ("" if other[name] is None else str(other[name]))


def test_the_picture_draws_means_over_seeds(world):
    """Four panels in the paper's order, a line for each class: its mean over seeds at each step, gaps left out of it."""
    settings, runs = world(3)
    figure, rows = figure4(settings, runs), by_a_loop(settings, runs)
    assert [kind for kind, _ in PANELS] == ["beta", "beta_per_pixel", "gamma", "gamma_per_pixel"]
    for axis, (kind, title) in zip(figure.axes, PANELS, strict=False):
        assert axis.get_title() == title
        lines = {line.get_label(): line for line in axis.lines if line.get_label() in CLASSES}
        assert list(lines) == list(CLASSES)
        for name, line in lines.items():
            for step, value in zip(line.get_xdata(), line.get_ydata(), strict=True):
                there = [row[kind] for row in rows if (row["class"], row["step"]) == (name, step)]
                known = [v for v in there if v is not None]
                assert len(there) == 3
                assert value == pytest.approx(sum(known) / len(known)) if known else math.isnan(value)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == list(CLASSES)


@pytest.mark.parametrize(("seeds", "words"), [(1, "n = 1 run (seed 0)"), (3, "n = 3 runs (seeds 0, 1, 2)")])
def test_the_picture_says_of_how_many_runs_it_is(world, seeds, words):
    """The experiment and n; the image, its label and the prediction are the inset."""
    settings, runs = world(seeds)
    figure = figure4(settings, runs)
    assert words in figure.get_suptitle() and "one source image" in figure.get_suptitle()
    insets = [axis.get_title() for axis in figure.axes[4].child_axes]
    assert insets == ["the image", "its label", "prediction, seed 0"]


def test_a_history_of_before_is_named(world, tmp_path):
    """One without counts of pixels cannot be divided by them: one line with the column."""
    settings, runs = world(1)
    path = runs.path("ash", 0, "history.csv")
    whole = path.read_text()
    path.write_text(re.sub("pixels.road", "pixel.road", whole))
    try:
        with pytest.raises(StoreError, match=r"history\.csv: column pixels\.road: missing"):
            contributions(settings, runs)
    finally:
        path.write_text(whole)
