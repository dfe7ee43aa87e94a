"""Stylise takes images of any size and mode; a montage shows each pair in its place."""

import numpy as np
import pytest
from PIL import Image

from ash.errors import DataError
from ash.experiment.pictures import stylise_image, stylised_montage
from ash.files.hdf5 import PREPARED_SCHEMA, create_h5
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


def test_a_montage_holds_every_pair_in_its_place(tmp_path):
    """A white corner, six paintings on top, each content at the left of its row, 4 white pixels around each picture."""
    rng = np.random.default_rng(0)
    files = {}
    for name, count in (("content", 3), ("paintings", 7)):
        files[name] = rng.integers(0, 256, (count, 32, 48, 3), dtype=np.uint8)
        with create_h5(tmp_path / f"{name}.h5", PREPARED_SCHEMA, {}) as file:
            file.put("image", files[name])
    stylised_montage(WEIGHTS, [tmp_path / "content.h5"], tmp_path / "paintings.h5", 1.0, tmp_path / "out.png")
    with Image.open(tmp_path / "out.png") as picture:
        grid = np.asarray(picture)
    assert grid.shape == (3 * 36 + 4, 7 * 52 + 4, 3)
    cells = {(y, x): grid[y * 36 + 4 : y * 36 + 36, x * 52 + 4 : x * 52 + 52] for y in range(3) for x in range(7)}
    assert (cells[0, 0] == 255).all() and (grid[:4] == 255).all() and (grid[:, 52:56] == 255).all()
    assert np.array_equal(cells[0, 1], files["paintings"][0]) and np.array_equal(cells[0, 6], files["paintings"][6])
    assert np.array_equal(cells[1, 0], files["content"][0]) and np.array_equal(cells[2, 0], files["content"][2])
    assert len({cell.tobytes() for cell in cells.values()}) == 21


BAD_PICTURES = {
    "a moving GIF": ("GIF", {"save_all": True, "append_images": [gradient("L", (50, 40))]}, "GIF of several frames"),
    "an inch wide, a pixel high": ("PNG", {"size": (90, 1)}, "90x1, wanted 16 pixels a side or more; give a larger"),
}


@pytest.mark.parametrize("case", BAD_PICTURES)
def test_pictures_that_cannot_be_used_are_one_line(tmp_path, case):
    """As a photograph or as a painting, and nothing is written."""
    form, options, line = BAD_PICTURES[case]
    size = options.pop("size", (50, 40))
    Image.fromarray(np.zeros((*size[::-1], 3), np.uint8)).save(tmp_path / "bad.x", form, **options)
    gradient("RGB").save(tmp_path / "good.png")
    out = tmp_path / "out.png"
    for make in (
        lambda: stylise_image(WEIGHTS, tmp_path / "good.png", tmp_path / "bad.x", 1.0, out),
        lambda: stylise_image(WEIGHTS, tmp_path / "bad.x", tmp_path / "good.png", 1.0, out),
    ):
        with pytest.raises(DataError, match=line):
            make()
    assert not out.exists()


def test_the_place_of_the_result_is_no_folder_and_none_of_the_pictures(tmp_path):
    """One line before anything is computed; the folder and both pictures stay as they are, by a link's name too."""
    good, out = tmp_path / "good.png", tmp_path / "out"
    gradient("RGB").save(good)
    gradient("L").save(tmp_path / "painting.png")
    out.mkdir()
    (tmp_path / "link.png").symlink_to(good)
    before = good.read_bytes()
    for place, line in (
        (out, "is a folder, wanted a file"),
        (good, "the picture itself"),
        (tmp_path / "link.png", "itself"),
    ):
        with pytest.raises(DataError, match=line):
            stylise_image(WEIGHTS, tmp_path / "painting.png", good, 1.0, place)
    assert good.read_bytes() == before and list(out.iterdir()) == []


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK"])
def test_paintings_of_any_mode_give_a_style_without_a_warning(tmp_path, mode):
    """The result is that of the same painting as RGB; pytest makes errors of warnings."""
    form = "JPEG" if mode == "CMYK" else "PNG"
    gradient(mode, (40, 30)).save(tmp_path / "painting", form)
    gradient("RGB", (32, 32)).save(tmp_path / "image.png")
    Image.fromarray(read_picture(tmp_path / "painting")).save(tmp_path / "rgb.png")
    for name in ("painting", "rgb.png"):
        stylise_image(WEIGHTS, tmp_path / "image.png", tmp_path / name, 1.0, tmp_path / f"of_{name}.png")
    assert (tmp_path / "of_painting.png").read_bytes() == (tmp_path / "of_rgb.png.png").read_bytes()


def test_a_picture_does_not_replace_the_weights_or_sets_that_it_is_made_with(tmp_path):
    """A slip in --out costs no stylizer and no prepared set."""
    good, stylizer, prepared = tmp_path / "good.png", tmp_path / "s.safetensors", tmp_path / "a.h5"
    gradient("RGB").save(good)
    stylizer.write_bytes(WEIGHTS.read_bytes())
    prepared.write_bytes(b"x")
    with pytest.raises(DataError, match="is the file of weights itself"):
        stylise_image(stylizer, good, good, 1.0, stylizer)
    for place, line in ((prepared, "is the prepared set itself"), (stylizer, "is the file of weights itself")):
        with pytest.raises(DataError, match=line):
            stylised_montage(stylizer, [prepared], prepared, 1.0, place)
    assert stylizer.read_bytes() == WEIGHTS.read_bytes()
