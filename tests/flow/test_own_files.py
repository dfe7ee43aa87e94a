"""Commands on files of one's own: a short training, the scores of any model file, an overlay on a picture."""

import json

import numpy as np
import pytest
from PIL import Image

from ash.files.hdf5 import PREPARED_SCHEMA, create_h5
from ash.labels import VOID
from tests.conftest import ash, settle


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The tiny settings, prepared sets of noise in four classes, and a model trained on one of them for three steps."""
    folder, rng = settle(tmp_path_factory.mktemp("own")), np.random.default_rng(0)
    for dataset, split in (("gta5", "train"), ("cityscapes", "val")):
        sizes = {"image_size": (64, 32), "label_size": (64, 32)}
        attributes = {"dataset": dataset, "split": split, **sizes}
        with create_h5(folder / f"{dataset}_{split}.h5", PREPARED_SCHEMA, attributes) as file:
            file.put("image", rng.integers(0, 256, (5, 32, 64, 3), dtype=np.uint8))
            file.put("label", rng.choice([0, 1, 10, 13, VOID], (5, 32, 64)).astype(np.uint8))
            file.put("id", np.array([f"{k}".encode() for k in range(5)]))
    options = ("--seed", "0", "--prepared", "gta5_train.h5")
    ash(folder, "train", "source_only", *options, "--out", "short", "--steps", "3")
    return folder


def test_a_short_run_has_another_digest(folder):
    """Three rows of the schedule that three iterations make; `ash evaluate` does not take the model for the stated run."""
    history = (folder / "short/history.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in history] == ["step", "3"]
    assert json.loads((folder / "short/provenance.json").read_text())["settings"]["training"]["iterations"] == 3
    target = ("--target", "cityscapes=cityscapes_val.h5")
    result = ash(
        folder,
        "evaluate",
        "source_only",
        "--seed",
        "0",
        "--model",
        "short/model.safetensors",
        "--out",
        "scores",
        *target,
        check=False,
    )
    assert result.returncode == 2
    assert "trained under settings" in result.stderr


def test_the_scores_of_a_model_file_are_printed(folder):
    """mIoU over the classes of its labels and pixel accuracy, in per cent, as the JSON has them."""
    target = ("--target", "cityscapes=cityscapes_val.h5")
    output = ash(folder, "evaluate-model", "short/model.safetensors", *target, "--out", "scores").stdout
    scores = json.loads((folder / "scores/cityscapes.json").read_text())
    miou, accuracy = 100 * scores["miou"]["19"], 100 * scores["pixel_accuracy"]
    line = f"cityscapes: mIoU {miou:.1f} % over the 4 classes in its labels, pixel accuracy {accuracy:.1f} %"
    assert line in output.splitlines()


@pytest.mark.parametrize(("options", "size"), [((), "43x32"), (("--size", "80x40"), "53x40")])
def test_an_overlay_says_at_which_size_it_was_seen(folder, options, size):
    """The height of the first target, or what fits into the size asked for, with the picture's aspect; and no warning."""
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)).save(folder / "x.png")
    result = ash(folder, "predict", "x.png", "--model", "short/model.safetensors", "--out", "y.png", *options)
    assert result.stdout == f"y.png: as seen at {size}\n"
    assert result.stderr == ""
    with Image.open(folder / "y.png") as picture:
        assert picture.size == (120, 90)
