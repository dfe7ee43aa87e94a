"""Figures from made-up runs: every one is drawn, of a readable size, and the same each time."""

import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from ash.errors import StoreError
from ash.labels import CLASSES
from ash.report.figures import FIGURES, figure3, figure4, save, write_figures
from ash.report.runs import Runs


@pytest.fixture(scope="module")
def drawn(world, tmp_path_factory):
    """A folder with every figure."""
    settings, runs = world(1)
    folder = tmp_path_factory.mktemp("figures")
    write_figures(settings, runs, folder)
    return folder


@pytest.mark.parametrize("name", list(FIGURES))
def test_figure_is_a_readable_png(drawn, name):
    """PNG, wide enough for a page and not larger than a screen or two."""
    with Image.open(drawn / f"{name}.png") as image:
        assert image.format == "PNG"
        assert 600 <= image.width <= 2000
        assert 300 <= image.height <= 3000
        assert len(image.convert("RGB").getcolors(1 << 22)) > 20  # something is drawn


@pytest.mark.parametrize("name", ["figure3", "curves"])
def test_equal_runs_give_equal_bytes(world, drawn, tmp_path, name):
    """No date or random layout enters the file."""
    settings, runs = world(1)
    save(FIGURES[name](settings, runs), tmp_path / "again.png")
    assert (tmp_path / "again.png").read_bytes() == (drawn / f"{name}.png").read_bytes()


def test_figure3_has_a_column_for_each_experiment_and_the_truth(world):
    """Image, the experiments of params.yaml in their order, ground truth."""
    settings, runs = world(1)
    titles = [axis.get_title() for axis in figure3(settings, runs).axes if axis.get_title()]
    assert titles == ["cityscapes image", *settings.params.figures.figure3, "Ground truth"]


def test_figure4_draws_the_columns_of_its_history(world):
    """Four panels, gamma and beta, whole and by predicted pixel; each class is a line with its column's values."""
    settings, runs = world(1)
    figure = figure4(settings, runs)
    history = pd.read_csv(runs.path(settings.params.figures.figure4["ASH"], 0, "history.csv"))
    kinds = ["gamma", "beta", "gamma_per_pixel", "beta_per_pixel"]
    for axis, kind in zip(figure.axes, kinds, strict=True):
        assert axis.get_title().startswith(kind.split("_")[0] + ",")
        lines = {line.get_label(): line for line in axis.lines if line.get_label() in CLASSES}
        assert set(lines) == set(CLASSES)
        for name, line in lines.items():
            assert line.get_xdata().tolist() == [10, 20, 30]
            assert line.get_ydata().tolist() == history[f"{kind}.{name}"].tolist()
    assert [text.get_text() for text in figure.legends[0].get_texts()] == list(CLASSES)


@pytest.mark.parametrize(("name", "file"), [("figure3", "cityscapes.npz"), ("figure4", "history.csv")])
def test_a_missing_file_is_named(world, tmp_path, name, file):
    """One line with the path, and what to run."""
    settings, runs = world(1)
    experiment = next(iter(getattr(settings.params.figures, name).values()))
    shutil.copytree(runs.root, tmp_path / "results")
    moved = Runs(tmp_path / "results", (0,), runs.more)
    path = moved.path(experiment, 0, file)
    path.unlink()
    with pytest.raises(StoreError, match=f"{path}: missing"):
        FIGURES[name](settings, moved)


@pytest.mark.parametrize("name", ["image", "label"])
def test_samples_of_other_images_are_not_set_side_by_side(world, tmp_path, name):
    """An experiment that was scored on another state of the target: one line, no picture of both."""
    settings, runs = world(1)
    shutil.copytree(runs.root, tmp_path / "results")
    moved = Runs(tmp_path / "results", (0,), runs.more)
    path = moved.path(list(settings.params.figures.figure3.values())[-1], 0, "cityscapes.npz")
    with np.load(path) as file:
        content = dict(file)
    content[name] = content[name][::-1]
    np.savez(path, **content)
    with pytest.raises(StoreError, match=f"{path}: other images of cityscapes than those of"):
        figure3(settings, moved)
