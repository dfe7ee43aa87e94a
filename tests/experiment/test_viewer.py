"""What a model sees in pictures of any size, in files and folders."""

import logging
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from ash.errors import DataError, ResourceError, StoreError
from ash.evaluation.label_maps import score_folder
from ash.experiment.evaluate import predictor
from ash.experiment.pictures import seen_at
from ash.experiment.viewer import SMALLEST_TILE, Task, Viewer, predict_pictures, tasks_of
from ash.labels import colourise
from ash.weights.model import load_model
from tests.support.fakes import fill
from tests.support.networks import seeing

CPU = torch.device("cpu")


def picture(path, size=(80, 60), form="PNG", seed=0):
    """A picture of soft blobs at `path`."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).save(path, form)
    return path


@pytest.fixture
def model(tmp_path):
    """A small segmenter of fixed random weights that sees several classes, as a file."""
    return seeing(tmp_path / "model.safetensors", 8, (1, 2))


@pytest.mark.parametrize(
    ("own", "size", "used"),
    [
        ((80, 60), 48, (64, 48)),
        ((60, 80), 48, (36, 48)),
        ((80, 60), (192, 96), (128, 96)),
        ((60, 80), (192, 96), (72, 96)),
        ((80, 60), (40, 56), (40, 30)),
        ((80, 60), None, (80, 60)),
        ((2048, 1024), (1024, 512), (1024, 512)),
        ((3000, 20), 32, (4800, 32)),
    ],
)
def test_no_picture_is_squeezed(tmp_path, own, size, used):
    """A height, a size to fit into, or the picture's own: 4:3 stays 4:3, upright stays upright."""
    assert seen_at(tmp_path, np.zeros((*own[::-1], 3), np.uint8), size) == used


@pytest.mark.parametrize("size", [48, (192, 96), None])
def test_an_overlay_mixes_the_picture_with_what_the_network_sees(tmp_path, model, size):
    """By hand, to a grey level: 45 % of the picture and 55 % of the class's colour; the label map holds the train ids."""
    path = picture(tmp_path / "image.png")
    task = Task(path, tmp_path / "out.png", tmp_path / "label.png")
    (used,) = predict_pictures(Viewer(model), [task], size)
    pixels = np.asarray(Image.open(path))
    small = np.array(Image.fromarray(pixels).resize(used, Image.Resampling.BICUBIC))
    label = predictor(load_model(model, CPU), CPU)(small[None], (60, 80))[0]
    assert len(np.unique(label)) > 1
    with Image.open(task.overlay) as overlay, Image.open(task.label) as found:
        assert np.abs(np.asarray(overlay) - (0.45 * pixels + 0.55 * colourise(label))).max() <= 1
        assert np.array_equal(np.asarray(found), label)
        assert np.array_equal(np.asarray(found.convert("RGB")), colourise(label))


def test_large_pictures_are_seen_in_tiles(tmp_path, model):
    """Of 200x150 in tiles of 64x64 every row and column is filled, and most pixels are what the whole shows."""
    pixels = np.asarray(Image.open(picture(tmp_path / "x.png", (200, 150))))
    whole, parts = Viewer(model).classes(pixels, (200, 150)), Viewer(model, (64, 64)).classes(pixels, (200, 150))
    assert parts.shape == (150, 200)
    assert (whole == parts).mean() > 0.6 and not np.array_equal(whole, parts)


def test_where_memory_is_short_the_tile_is_halved(tmp_path, model, monkeypatch, caplog):
    """A device that takes no more than 100 columns: 192x128 is seen in tiles of 96x128, and so is the next picture."""
    viewer, seen = Viewer(model), []
    honest = viewer.segmenter.predict

    def small_device(image):
        seen.append(image.shape[3])
        if image.shape[3] > 100:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return honest(image)

    monkeypatch.setattr(viewer.segmenter, "predict", small_device)
    pixels = np.asarray(Image.open(picture(tmp_path / "x.png", (192, 128))))
    with caplog.at_level(logging.WARNING):
        viewer.classes(pixels, (192, 128))
    assert "out of memory" in caplog.text and "going on in tiles of 96x128" in caplog.text
    assert seen[0] == 192 and set(seen[1:]) == {96}
    del seen[:]
    viewer.classes(pixels, (192, 128))
    assert set(seen) == {96}


def test_a_device_without_room_for_any_tile_is_told(tmp_path, model, monkeypatch):
    """One line with what to lower, once a tile would be smaller than a street's parts."""
    viewer = Viewer(model)

    def full(image):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(viewer.segmenter, "predict", full)
    with pytest.raises(ResourceError, match="out of memory.*; lower --size"):
        viewer.classes(np.zeros((300, 500, 3), np.uint8), (500, 300))
    assert max(viewer.tile) < 2 * SMALLEST_TILE


def test_a_folder_of_frames_is_seen_in_order_with_progress(tmp_path, model):
    """Results have the names and subfolders of their pictures; what is no picture, hidden or not, is left alone."""
    frames = tmp_path / "frames"
    for name, form in (("b/2.JPG", "JPEG"), ("a.png", "PNG"), ("b/10.webp", "WEBP")):
        picture(frames / name, form=form)
    (frames / "notes.txt").write_text("a drive\n")
    picture(frames / ".thumbnails/a.png")
    tasks = tasks_of([frames], tmp_path / "seen", tmp_path / "ids", model)
    assert [task.picture.relative_to(frames).as_posix() for task in tasks] == ["a.png", "b/10.webp", "b/2.JPG"]
    steps = []
    sizes = predict_pictures(Viewer(model), tasks, 32, lambda done, total: steps.append((done, total)))
    assert sizes == [(43, 32)] * 3 and steps == [(1, 3), (2, 3), (3, 3)]
    for made in ("seen", "ids"):
        found = sorted(path.relative_to(tmp_path / made).as_posix() for path in (tmp_path / made).rglob("*.png"))
        assert found == ["a.png", "b/10.png", "b/2.png"]


def test_a_broken_frame_does_not_cost_the_others(tmp_path, model):
    """All that can be read are written; the broken ones are listed at the end, with their count."""
    for k in range(3):
        picture(tmp_path / f"frames/{k}.png")
    cut = (tmp_path / "frames/1.png").read_bytes()[:60]
    (tmp_path / "frames/1.png").write_bytes(cut)
    tasks = tasks_of([tmp_path / "frames"], tmp_path / "seen", None)
    with pytest.raises(DataError, match=r"^1 of 3 pictures cannot be used; the others are written\n  .*1\.png: not a"):
        predict_pictures(Viewer(model), tasks, 32)
    assert sorted(path.name for path in (tmp_path / "seen").iterdir()) == ["0.png", "2.png"]


def test_label_maps_are_scored_as_they_are(tmp_path, model):
    """`ash score` reads them as train ids, one for each label map of the set."""
    root = fill("cityscapes", tmp_path / "set")
    images = root / "leftImg8bit/val"
    tasks = tasks_of([images], tmp_path / "seen", tmp_path / "ids")
    predict_pictures(Viewer(model), tasks, None)
    result = score_folder(tmp_path / "ids", root / "gtFine/val", "cityscapes", "train")
    assert result["images"] == 3 and result["spare"] == 0


def lines(folder, model):
    """Inputs and places that do not go together, by the line that says so."""
    one, two = folder / "in/one.png", folder / "other/one.jpg"
    (folder / "empty").mkdir()
    (folder / "file").write_text("x")
    out = folder / "out"
    return {
        r"file: is a file, wanted a folder": ([folder / "in"], folder / "file", None),
        r"in/seen: lies in .*in, so that results would be taken": ([folder / "in"], folder / "in/seen", None),
        r"in: lies in .*in, so that": ([folder / "in"], out, folder / "in"),
        r"empty: no picture; wanted files \.bmp": ([folder / "empty"], out, None),
        r"out/one\.png: would be written for .*in/one\.png and for .*other/one\.jpg": ([one, two], out, None),
        r"out/one\.png: is the place of the overlay too": ([folder / "in"], out, out),
        r"model\.safetensors: is the file of weights itself": ([one], model, None),
        r"one\.png: is the picture itself": ([one], folder / "x.png", one),
        r"in: is a folder, wanted a file to write": ([one], folder / "in", None),
    }


def test_places_that_do_not_go_together_are_one_line_before_anything_is_seen(tmp_path, model):
    """Each fault of `lines`, and nothing is written."""
    picture(tmp_path / "in/one.png")
    picture(tmp_path / "other/one.jpg", form="JPEG")
    before = sorted(tmp_path.rglob("*"))
    for line, (inputs, out, labels) in lines(tmp_path, model).items():
        with pytest.raises(DataError, match=line) as error:
            tasks_of(inputs, out, labels, model)
        assert "\n" not in str(error.value)
    assert set(tmp_path.rglob("*")) - set(before) == {tmp_path / "empty", tmp_path / "file"}


def test_a_strip_too_long_for_the_network_is_one_line(tmp_path, model):
    """Its height brought to the network's would make it 100 000 columns wide: the size and the option."""
    Image.fromarray(np.zeros((16, 3125, 3), np.uint8)).save(tmp_path / "x.png")
    task = Task(tmp_path / "x.png", tmp_path / "out.png", None)
    with pytest.raises(DataError, match=r"x\.png: 100000x512 for the network; name a smaller --size"):
        predict_pictures(Viewer(model), [task], 512)


@pytest.mark.parametrize(
    ("content", "line"),
    [(None, "missing"), (b"\x89PNG\r\n\x1a\n" + b"0" * 99, "not a readable safetensors file")],
)
def test_what_is_no_model_is_told_so(tmp_path, content, line):
    """A name without a file, and a PNG: one line each with what is wanted."""
    path = tmp_path / "x.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(StoreError, match=f"x.safetensors: {line}.*; give the model.safetensors of a run") as error:
        load_model(path, torch.device("cpu"))
    assert "\n" not in str(error.value) and "train it again" not in str(error.value)


def test_one_bad_picture_is_one_line(tmp_path, model):
    """Missing, moving, and a pixel high: as it was for one, and nothing is written."""
    shutil.copy(picture(tmp_path / "good.png"), tmp_path / "good")
    frames = [Image.new("L", (50, 40)), Image.new("L", (50, 40), 9)]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    Image.new("L", (90, 1)).save(tmp_path / "flat.png")
    for name, line in (("no.png", "missing"), ("moving.gif", "GIF of several"), ("flat.png", "90x1, wanted 16 pixels")):
        with pytest.raises(DataError, match=rf"{name}: .*{line}"):
            predict_pictures(Viewer(model), tasks_of([tmp_path / name], tmp_path / "out.png", None), 48)
    assert not (tmp_path / "out.png").exists()
