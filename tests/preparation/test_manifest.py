"""Known quirks of the published sets, on files in the same shape."""

import numpy as np
import png
import pytest
from PIL import Image

from ash import datasets
from ash.datasets.gta5 import Gta5
from ash.datasets.painters import LARGE
from ash.errors import DataError, StoreError
from ash.files import png16
from ash.files.atomic import write_json
from ash.files.hdf5 import PREPARED_SCHEMA, open_h5
from ash.preparation.census import Census, ranges, spans, take_census
from ash.preparation.manifest import build_manifest, read_manifest
from ash.preparation.prepare import prepare
from tests.support.fakes import fill


def squash(root, name):
    """Cut a GTA5 label map to another height, as 60 of the published ones are."""
    path = root / "labels" / name
    with Image.open(path) as picture:
        picture.crop((0, 0, picture.width, picture.height - 2)).save(path)


def test_gta5_label_maps_of_another_size_are_listed_and_left_out(tmp_path):
    """The manifest shows ids and both sizes; the prepared file lacks those frames; the held-out frames stay the same."""
    root = fill("gta5", tmp_path / "gta5", 7)
    squash(root, "00002.png")
    squash(root, "00006.png")
    manifest = build_manifest("gta5", root, 2)
    train, val = manifest["splits"]["train"], manifest["splits"]["val"]
    assert list(train["excluded"]) == ["00002"]
    assert "00002.png: 48x25, wanted 48x27" in train["excluded"]["00002"]
    assert (train["count"], train["ids"]) == (4, ["00001", "00003-00005"])
    assert (val["count"], val["ids"]) == (1, ["00007"])
    assert train["sizes"] == {"48x27": 4}
    prepare("gta5", root, "train", tmp_path / "t.h5", (48, 24), (48, 24), 2, manifest)
    with open_h5(tmp_path / "t.h5", PREPARED_SCHEMA) as file:
        assert [i.decode() for i in file["id"][:]] == ["00001", "00003", "00004", "00005"]


def test_more_of_them_than_published_is_a_damaged_copy(tmp_path, monkeypatch):
    """Two where one is known: both are listed, and nothing is left out."""
    monkeypatch.setattr(Gta5, "odd_sizes", 1)
    root = fill("gta5", tmp_path / "gta5", 4)
    squash(root, "00002.png")
    squash(root, "00003.png")
    with pytest.raises(DataError, match="2 bad file") as error:
        build_manifest("gta5", root, 1)
    assert "00003.png: 48x25, wanted 48x27" in str(error.value)


@pytest.mark.parametrize("name", ["synthia", "cityscapes", "mapillary"])
def test_other_sets_have_none(tmp_path, name):
    """A label map of another size stops the manifest of a set that is not published so."""
    root = fill(name, tmp_path)
    dataset = datasets.load(name)
    sample = dataset.index(root, "train", 0)[1]
    dataset.write(tmp_path / "other", "train", 1, np.zeros((9, 9, 3), np.uint8), np.zeros((9, 9), np.uint8))
    dataset.index(tmp_path / "other", "train", 0)[0].label.replace(sample.label)
    with pytest.raises(DataError, match=r"1 bad file\(s\)\n.*: 9x9, wanted "):
        build_manifest(name, root, 0)


def test_ids_left_out_by_the_protocol(tmp_path):
    """They are not even read, and the manifest says who left them out."""
    root = fill("gta5", tmp_path / "gta5", 5)
    (root / "images/00002.png").write_bytes(b"rubbish")
    manifest = build_manifest("gta5", root, 1, exclude=("00002", "77777"))
    assert manifest["splits"]["train"]["excluded"] == {"00002": "left out by the protocol"}
    assert manifest["splits"]["train"]["ids"] == ["00001", "00003-00004"]


def test_ids_that_copies_of_gta5_are_known_to_lack(tmp_path, monkeypatch):
    """A copy without frame 3 is accepted if that is one of them, and the manifest lists it."""
    monkeypatch.setattr(Gta5, "absent", frozenset({"00003"}))
    root = fill("gta5", tmp_path / "gta5", 5)
    for kind in ("images", "labels"):
        (root / kind / "00003.png").unlink()
    assert build_manifest("gta5", root, 1, count={"train": 5})["missing"] == {"train": ["00003"]}


def test_other_missing_ids_are_named(tmp_path):
    """Frame 3 is none of the 25 that copies lack: the number, and which."""
    root = fill("gta5", tmp_path / "gta5", 5)
    for kind in ("images", "labels"):
        (root / kind / "00003.png").unlink()
    with pytest.raises(DataError, match=r"gta5 is not complete; .*\n  train: 4 of 5 images, 4 labels; missing 00003"):
        build_manifest("gta5", root, 1, count={"train": 5})


def test_the_25_ids_reported_absent():
    """IAST#2 counts 24 941 pairs of 24 966."""
    assert len(Gta5.absent) == 24_966 - 24_941
    assert {"02154", "12054"} <= Gta5.absent


def test_synthia_with_its_channels_reversed(tmp_path):
    """Saved in another channel order the class is last, and the first channel is void everywhere: one line, no training."""
    root = fill("synthia", tmp_path)
    for path in (root / "GT/LABELS").iterdir():
        pixels = png16.read(path)
        with path.open("wb") as file:
            writer = png.Writer(pixels.shape[1], pixels.shape[0], greyscale=False, bitdepth=16)
            writer.write(file, pixels[..., ::-1].reshape(len(pixels), -1).tolist())
    with pytest.raises(DataError, match=r"train: no pixel of any class in 3 label maps; restore the labels"):
        build_manifest("synthia", root, 0)


def test_mapillary_of_many_sizes(tmp_path):
    """Each image keeps its own size in the manifest; 4032x3024 is read and resized like any other."""
    dataset = datasets.load("mapillary")
    for number, (width, height) in enumerate([(4032, 3024), (640, 480), (480, 640)]):
        dataset.write(
            tmp_path, "val", number, np.full((height, width, 3), 90, np.uint8), np.zeros((height, width), np.uint8)
        )
    dataset.finish(tmp_path)
    manifest = build_manifest("mapillary", tmp_path, 0)
    assert manifest["splits"]["val"]["sizes"] == {"4032x3024": 1, "640x480": 1, "480x640": 1}
    assert manifest["splits"]["val"]["pixels"]["road"] == 4032 * 3024 + 2 * 640 * 480
    prepare("mapillary", tmp_path, "val", tmp_path / "v.h5", (64, 32), (128, 64), 0, manifest)
    with open_h5(tmp_path / "v.h5", PREPARED_SCHEMA) as file:
        assert file["image"].shape == (3, 32, 64, 3)
        assert file["label"].shape == (3, 64, 128)


def test_an_oversized_painting(tmp_path):
    """182 million pixels, beyond Pillow's guard: decoded at a quarter, with its size in the manifest and its colour."""
    (tmp_path / "train").mkdir()
    Image.new("RGB", (14_000, 13_000), (200, 40, 90)).save(tmp_path / "train/1.jpg", quality=50)
    dataset = datasets.load("painters")
    pixels = dataset.read_image(dataset.index(tmp_path, "train", 0)[0])
    assert pixels.shape == (3250, 3500, 3)
    assert pixels.shape[0] * pixels.shape[1] <= LARGE
    assert abs(pixels[0, 0].astype(int) - (200, 40, 90)).max() <= 3
    assert build_manifest("painters", tmp_path, 0)["splits"]["train"]["sizes"] == {"14000x13000": 1}


def test_a_cmyk_painting_keeps_its_colours(tmp_path):
    """Neither inverted nor with its channels exchanged."""
    (tmp_path / "train").mkdir()
    Image.new("RGB", (16, 16), (200, 40, 90)).convert("CMYK").save(tmp_path / "train/1.jpg", quality=95)
    dataset = datasets.load("painters")
    pixels = dataset.read_image(dataset.index(tmp_path, "train", 0)[0])
    assert abs(pixels[8, 8].astype(int) - (200, 40, 90)).max() <= 3


def test_spans_of_ids():
    """Numbers of one width that follow each other; natural order; other ids by themselves."""
    assert list(ranges(["00003", "00001", "00002", "00009"])) == ["00001-00003", "00009"]
    assert list(ranges(["10", "9", "8", "11"])) == ["8-9", "10-11"]
    assert list(ranges(["aachen_2", "aachen_1"])) == ["aachen_1", "aachen_2"]
    assert list(ranges([])) == []
    assert spans([f"{k:03d}" for k in range(0, 40, 2)]) == "000, 002, 004, 006, 008, 010, 012, 014, ... (12 more)"


def test_a_census_in_words(tmp_path):
    """Images without labels are not complete."""
    root = fill("cityscapes", tmp_path)
    next((root / "gtFine/val").rglob("*.png")).unlink()
    train, val = take_census(datasets.load("cityscapes"), root, {"train": 3, "val": 3})
    assert train == Census("train", 3, 3, 3, (), frozenset())
    assert train.complete
    assert val.line() == "val: 3 of 3 images, 2 labels"
    assert not val.complete


@pytest.mark.parametrize(
    "content",
    ["{}", '{"splits": []}', '{"splits": {"train": 3}}', '{"splits": {"train": {"ids": [], "files": ""}}}'],
)
def test_json_that_is_no_manifest_is_one_line(tmp_path, content):
    """Objects without splits, or with splits of another shape: StoreError names the file and the command."""
    path = tmp_path / "m.json"
    path.write_text(content)
    with pytest.raises(StoreError, match=r"m.json: is no manifest of a set; give what `ash manifest gta5`"):
        read_manifest(path, "gta5")


def test_the_manifest_of_another_set_is_refused(tmp_path):
    """Its excluded ids and digests mean nothing for this one."""
    write_json(tmp_path / "m.json", build_manifest("gta5", fill("gta5", tmp_path / "raw"), 1))
    assert read_manifest(tmp_path / "m.json", "gta5")["splits"]["train"]["count"]
    with pytest.raises(DataError, match="is the manifest of gta5, wanted that of synthia"):
        read_manifest(tmp_path / "m.json", "synthia")
