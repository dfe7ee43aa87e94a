"""Figures 1 and 2: every picture in its place, with what its title says, from made-up steps of a stylisation."""

import numpy as np
import pytest

from ash.errors import StoreError
from ash.labels import colourise
from ash.report.records import read_stylisation
from ash.report.strips import figure1, figure2


def shown(axis) -> np.ndarray:
    """What an axis shows."""
    return np.asarray(axis.images[0].get_array())


def test_figure2_is_a_strip_of_nine(world):
    """Pictures by hand: the style of row k is painting k, and the last column is the difference of its neighbours, x 8."""
    settings, runs = world(1)
    figure, steps = figure2(settings, runs), read_stylisation(runs.stylisation)
    rows = np.reshape(figure.axes, (2, 9))
    for k in range(2):
        apart = abs(steps["ash"][k, k].astype(int) - steps["noise"][k].astype(int))
        wanted = (steps["image"][k], colourise(steps["prediction"][k]), steps["gamma"][k], steps["beta"][k],
                  steps["painting"][k], steps["adain"][k], steps["noise"][k], steps["ash"][k, k],
                  np.minimum(8 * apart, 255))  # fmt: skip
        for axis, pixels in zip(rows[k], wanted, strict=True):
            np.testing.assert_array_equal(shown(axis), pixels)
        assert [text.get_text() for text in rows[k][7].texts] == [f"{apart.mean():.2f} from noise alone"]
        assert [text.get_text() for text in rows[k][8].texts] == [f"at most {apart.max()} of 255"]
    assert rows[0][0].get_title() == "source" and rows[0][8].get_title() == "what H changes, x 8"
    scales = {axis.images[0].get_clim() for axis in rows[:, 2]}
    assert scales == {(0, steps["gamma"].max())}  # one for all rows, so that they can be compared
    assert "n = 1 run (seed 0)" in figure.get_suptitle()


def test_figure1_is_a_grid_of_images_in_styles(world):
    """Paintings on top, sources at the left, each in each style between them, images of the target at the right."""
    settings, runs = world(1)
    figure, steps = figure1(settings, runs), read_stylisation(runs.stylisation)
    grid = np.reshape(figure.axes, (3, 5))
    for k in range(3):
        np.testing.assert_array_equal(shown(grid[0, k + 1]), steps["painting"][k])
        for row in range(2):
            np.testing.assert_array_equal(shown(grid[row + 1, k + 1]), steps["ash"][row, k])
    for row in range(2):
        np.testing.assert_array_equal(shown(grid[row + 1, 0]), steps["image"][row])
        np.testing.assert_array_equal(shown(grid[row + 1, 4]), steps["target"][row])
    assert grid[1, 4].get_title() == "cityscapes, never trained on"
    assert not grid[0, 0].images and not grid[0, 4].images
    assert "2 source images, 3 paintings" in figure.get_suptitle()


BAD = {
    "one picture of another size": (lambda steps: steps | {"noise": steps["noise"][:, 1:]}, "noise: shape"),
    "fewer predictions": (lambda steps: steps | {"prediction": steps["prediction"][:1]}, "prediction: shape"),
    "more images than paintings": (
        lambda steps: steps | {"painting": steps["painting"][:1], "ash": steps["ash"][:, :1]},
        "2 images, 1 paintings",
    ),
    "no number": (
        lambda steps: steps | {"gamma": steps["gamma"] * np.float32("nan")},
        r"gamma: float32 .* wanted finite float32",
    ),
    "other numbers": (
        lambda steps: steps | {"beta": steps["beta"].astype(int)},
        r"beta: int64 .* wanted finite float32",
    ),
    "an axis too many": (
        lambda steps: steps | {"label": steps["label"][None]},
        r"label: uint8 .* wanted finite uint8 with 3 axes",
    ),
    "a scalar": (lambda steps: steps | {"image": np.uint8(3)}, r"image: uint8 \(\), wanted finite uint8 with 4 axes"),
    "nothing of a kind": (lambda steps: {k: v for k, v in steps.items() if k != "ash"}, "no archive of steps"),
}


@pytest.mark.parametrize("case", BAD)
def test_steps_of_another_shape_are_one_line(world, tmp_path, case):
    """The file, the array and the command that writes it anew."""
    change, line = BAD[case]
    path = tmp_path / "stylisation.npz"
    np.savez(path, **change(read_stylisation(world(1)[1].stylisation)))
    with pytest.raises(StoreError, match=rf"stylisation\.npz: {line}.*run `ash stylisation`") as error:
        read_stylisation(path)
    assert "\n" not in str(error.value)
