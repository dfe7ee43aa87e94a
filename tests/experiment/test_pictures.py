"""Predict and stylise take images of any size and mode."""

import numpy as np
import pytest
from PIL import Image

from ash.errors import DataError
from ash.experiment.pictures import stylise_image
from ash.files.images import read_picture
from tests.support.world import WEIGHTS


def gradient(mode, size=(37, 21)):
    """A picture with some structure in the wanted mode."""
    ramp = np.add.outer(np.arange(size[1]), np.arange(size[0])).astype(np.uint8) * 4
    if mode == "I;16":
        return Image.fromarray(ramp.astype(np.uint16) * 257)
    return Image.fromarray(np.stack([ramp, ramp, ramp], 2)).convert(mode)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "I", "F"])
def test_every_mode_becomes_rgb(tmp_path, mode):
    """uint8 RGB of the same size; grey stays the grey that it was, where the mode keeps 256 of them."""
    path = tmp_path / ("x.tif" if mode in ("F", "I") else "x.png")
    gradient(mode).save(path)
    pixels = read_picture(path)
    assert pixels.shape == (21, 37, 3) and pixels.dtype == np.uint8
    if mode in ("1", "P"):  # two greys, and a palette of 216 colours, dithered
        assert np.array_equal(pixels, np.asarray(gradient(mode).convert("RGB")))
    else:
        assert np.abs(pixels.astype(int) - np.asarray(gradient("RGB"), int)).max() <= 8


def test_cmyk(tmp_path):
    """As printers' JPEGs are."""
    gradient("RGB").convert("CMYK").save(tmp_path / "x.jpg")
    assert read_picture(tmp_path / "x.jpg").shape == (21, 37, 3)


def test_transparency_is_laid_on_white(tmp_path):
    """Hidden colours do not come out."""
    Image.new("RGBA", (20, 20), (255, 0, 0, 0)).save(tmp_path / "x.png")
    assert (read_picture(tmp_path / "x.png") == 255).all()


def test_photographs_are_upright(tmp_path):
    """A camera held on its side says so in EXIF."""
    exif = Image.Exif()
    exif[0x0112] = 6
    gradient("RGB").save(tmp_path / "x.jpg", exif=exif)
    assert read_picture(tmp_path / "x.jpg").shape == (37, 21, 3)


@pytest.mark.parametrize(("size", "painting"), [((37, 21), (16, 90)), ((64, 48), (17, 16)), ((16, 16), (100, 33))])
def test_stylised_image_has_the_size_of_the_image(tmp_path, size, painting):
    """Whatever the encoder's stride and the painting's size."""
    gradient("RGB", size).save(tmp_path / "image.png")
    gradient("L", painting).save(tmp_path / "painting.png")
    stylise_image(WEIGHTS, tmp_path / "image.png", tmp_path / "painting.png", 1.0, tmp_path / "out.png")
    with Image.open(tmp_path / "out.png") as picture:
        assert picture.size == size


def test_unusable_images_are_one_line(tmp_path):
    """Too small, damaged, missing."""
    gradient("RGB").save(tmp_path / "good.png")
    gradient("RGB", (15, 40)).save(tmp_path / "small.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "good.png").read_bytes()[:60])
    for name, text in (
        ("small.png", "15x40, wanted 16 pixels"),
        ("cut.png", "not a readable image"),
        ("no.png", "missing"),
    ):
        with pytest.raises(DataError, match=f"{name}: {text}") as error:
            stylise_image(WEIGHTS, tmp_path / "good.png", tmp_path / name, 1.0, tmp_path / "out.png")
        assert "\n" not in str(error.value)
    assert not (tmp_path / "out.png").exists()
