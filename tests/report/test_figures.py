"""Figures from made-up runs: every one is drawn, of a readable size, and the same each time."""

import shutil

import numpy as np
import pytest
from PIL import Image

from ash.errors import StoreError
from ash.report.drawing import save
from ash.report.figures import FIGURES, figure3, write_figures
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


@pytest.mark.parametrize("name", ["figure1", "figure3", "figure4", "curves"])
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


@pytest.mark.parametrize(
    ("name", "file"), [("figure3", "cityscapes.npz"), ("figure4", "history.csv"), ("figure2", "stylisation.npz")]
)
def test_a_missing_file_is_named(world, tmp_path, name, file):
    """One line with the path, and what to run."""
    settings, runs = world(1)
    shutil.copytree(runs.root, tmp_path / "results")
    moved = Runs(tmp_path / "results", (0,), runs.more)
    experiments = getattr(settings.params.figures, name, {})
    path = moved.path(next(iter(experiments.values())), 0, file) if experiments else moved.stylisation
    assert path.name == file
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
