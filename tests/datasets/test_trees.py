"""Folders of any content: a set is found whole in them, or one line says what is wrong."""

import json
import struct
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from ash import datasets
from ash.datasets import cityscapes
from ash.errors import AshError, DataError
from tests.support.fakes import SIZES, fill

LABELLED = [name for name in SIZES if datasets.load(name).has_labels]
WORDS = (
    "images", "labels", "RGB", "GT", "LABELS", "train", "val", "training", "validation", "leftImg8bit", "gtFine", "aachen",
    "00001.png", "00002.png", "0000000.png", "1.jpg", "2.JPG", "._00001.png", "config.json", "Thumbs.db", "x y.png",
    "aachen_000000_000019_leftImg8bit.png", "aachen_000000_000019_gtFine_labelIds.png", "a\nb.png", "-1.jpg", "ü.jpg",
)  # fmt: skip
IMAGE = np.arange(8 * 6 * 3, dtype=np.uint8).reshape(6, 8, 3)


def samples_of(name, root, validation=0):
    """The first split."""
    dataset = datasets.load(name)
    return dataset.index(root, dataset.splits[0], validation)


def lines(error):
    """The message's lines, each of which must be printable."""
    text = str(error)
    assert all(line.strip().isprintable() for line in text.splitlines()), repr(text)
    return text.splitlines()


@settings(max_examples=120, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(datasets.names()),
    tree=st.lists(st.tuples(st.lists(st.sampled_from(WORDS), min_size=1, max_size=4), st.booleans()), max_size=12),
)
def test_random_trees_are_samples_or_one_message(tmp_path_factory, name, tree):
    """Whatever lies where, every reader gives pairs of files that exist, or an error of ours."""
    root = tmp_path_factory.mktemp("tree")
    for parts, folder in tree:
        path = root.joinpath(*parts)
        if any(parent.is_file() for parent in path.parents) or path.exists():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        if folder:
            path.mkdir()
        else:
            path.write_bytes(b"x")
    dataset = datasets.load(name)
    for split in dataset.splits:
        try:
            samples = dataset.index(root, split, 1)
            dataset.verify(root)
        except AshError as error:
            lines(error)
            continue
        for sample in samples:
            assert sample.image.is_file() and not sample.image.name.startswith(".")
            assert (sample.label is not None and sample.label.is_file()) == dataset.has_labels
            for read in (dataset.read_image, dataset.read_label):
                with pytest.raises(DataError) as refused:
                    read(sample)
                assert len(lines(refused.value)) == 1


@pytest.mark.parametrize("name", SIZES)
def test_what_a_mac_adds_is_no_sample(tmp_path, name):
    """An AppleDouble file beside every file, and .DS_Store: the same samples as without."""
    root = fill(name, tmp_path)
    before = samples_of(name, root)
    for path in [path for path in root.rglob("*") if path.is_file()]:
        path.with_name(f"._{path.name}").write_bytes(b"\x00\x05\x16\x07")
        path.with_name(".DS_Store").write_bytes(b"x")
    assert samples_of(name, root) == before


@pytest.mark.parametrize("name", LABELLED)
def test_label_maps_with_channels_are_refused(tmp_path, name):
    """Grey copied to three channels, and with alpha, as converters write it: one line with the file."""
    sample = samples_of(name, fill(name, tmp_path))[1]
    for mode in ("RGB", "RGBA", "LA", "1"):
        Image.fromarray(np.full((6, 8), 7, np.uint8)).convert(mode).save(sample.label)
        with pytest.raises(DataError, match="wanted") as error:
            datasets.load(name).read_label(sample)
        assert str(sample.label) in lines(error.value)[0]


@pytest.mark.parametrize("name", LABELLED)
def test_a_reader_of_ones_own_that_gives_channels_is_told(tmp_path, name):
    """Arrays that are not one whole number a pixel never reach a table: channels, floats, bits, numbers below 0."""
    from ash.datasets._base import to_train_ids

    table = datasets.load(name).table
    for ids in (IMAGE, IMAGE[..., 0] / 2, IMAGE[..., 0] > 3):
        with pytest.raises(DataError, match=r"x\.png: .* wanted one whole number a pixel"):
            to_train_ids(ids, table, tmp_path / "x.png")
    for ids in (np.full((2, 2), -1), np.full((2, 2), 70_000)):
        with pytest.raises(DataError, match=r"label id (-1|70000) \(4 pixels\) is outside"):
            to_train_ids(ids, table, tmp_path / "x.png")


@pytest.mark.parametrize("name", LABELLED)
def test_an_image_that_exif_turns_is_refused(tmp_path, name):
    """By 90 degrees, and mirrored: the labels do not say which way they are meant."""
    sample = samples_of(name, fill(name, tmp_path))[0]
    for tag in (5, 8):
        exif = Image.Exif()
        exif[0x0112] = tag
        Image.fromarray(IMAGE).save(sample.image, exif=exif)
        with pytest.raises(DataError, match=f"EXIF orientation {tag} turns or mirrors it") as error:
            datasets.load(name).read_image(sample)
        assert str(sample.image) in lines(error.value)[0]


def test_a_painting_that_exif_turns_is_turned(tmp_path):
    """It has no labels, so it is taken as its painter meant it."""
    (tmp_path / "train").mkdir()
    exif = Image.Exif()
    exif[0x0112] = 8
    Image.fromarray(IMAGE).save(tmp_path / "train/1.jpg", exif=exif)
    assert datasets.load("painters").read_image(samples_of("painters", tmp_path)[0]).shape == (8, 6, 3)


def train_ids(name, root):
    """A set whose label maps hold train ids under the names of label ids."""
    rng = np.random.default_rng(1)
    for sample in samples_of(name, fill(name, root)):
        with Image.open(sample.label) as picture:
            size = picture.size[::-1]
        Image.fromarray(rng.choice([0, 1, 2, 8, 10, 13, 255], size).astype(np.uint8)).save(sample.label)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("cityscapes", "holds 255 and ids 0-18 alone, as train ids do, wanted label ids 0-33"),
        ("gta5", "label id 255 .* is outside the set's table"),
        ("mapillary", "label id 255 .* is outside the set's table"),
    ],
)
def test_train_ids_under_the_name_of_label_ids_are_refused(tmp_path, name, line):
    """One line for each file that has void in it."""
    train_ids(name, tmp_path)
    with pytest.raises(DataError, match=line):
        datasets.load(name).read_label(samples_of(name, tmp_path)[0])


def test_a_licence_plate_is_no_train_id(tmp_path):
    """255 in a label map of Cityscapes, beside the car that wears the plate, is void as before."""
    sample = samples_of("cityscapes", fill("cityscapes", tmp_path))[0]
    Image.fromarray(np.array([[7, 26, 255]], np.uint8)).save(sample.label)
    assert datasets.load("cityscapes").read_label(sample).tolist() == [[0, 13, 255]]
    assert cityscapes.TABLE[255] == 255


def test_more_held_out_than_there_are_is_refused(tmp_path):
    """The number of images, what is held out, and the setting."""
    fill("gta5", tmp_path)
    for validation in (3, 4):
        with pytest.raises(
            DataError, match=f"gta5: 3 images, wanted more than the {validation} held out; lower `valid"
        ):
            samples_of("gta5", tmp_path, validation)


def test_without_validation_all_images_train(tmp_path):
    """A set in one piece of which nothing is held out has no split val, and says why when it is asked for."""
    dataset = datasets.load("synthia")
    fill("synthia", tmp_path)
    assert len(dataset.index(tmp_path, "train", 0)) == 3
    with pytest.raises(DataError, match="synthia: split val is empty, for `validation` is 0 and all images train"):
        dataset.index(tmp_path, "val", 0)


@pytest.mark.parametrize("content", [[], {}, {"labels": None}, {"labels": 66}, "x", None])
def test_a_config_of_another_shape_is_refused(tmp_path, content):
    """config.json of Mapillary is a table with a list of labels; any other JSON is one line."""
    (tmp_path / "config.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match=r"config\.json: lists no classes, wanted the 66 of version 1\.2"):
        datasets.load("mapillary").verify(tmp_path)


def test_two_files_of_one_id_are_refused(tmp_path):
    """A label map of Cityscapes that lies in two cities: both are named, and none hides the other."""
    root = fill("cityscapes", tmp_path)
    first = samples_of("cityscapes", root)[0]
    second = first.label.parent.with_name("zurich") / first.label.name
    second.parent.mkdir()
    second.write_bytes(first.label.read_bytes())
    with pytest.raises(DataError, match=r"1 file\(s\) of an id that another has; keep one") as error:
        samples_of("cityscapes", root)
    assert f"{second}: has the id of aachen/{first.label.name}" in str(error.value)


def test_a_synthia_label_that_exif_turns_is_refused(tmp_path):
    """Its 16-bit files are PNG, which may have EXIF as any other."""
    sample = samples_of("synthia", fill("synthia", tmp_path))[0]
    exif = Image.Exif()
    exif[0x0112] = 3
    block = b"eXIf" + exif.tobytes().removeprefix(b"Exif\0\0")
    content = sample.label.read_bytes()
    end = content.index(b"IDAT") - 4
    chunk = struct.pack(">I", len(block) - 4) + block + struct.pack(">I", zlib.crc32(block))
    sample.label.write_bytes(content[:end] + chunk + content[end:])
    with pytest.raises(DataError, match="EXIF orientation 3"):
        datasets.load("synthia").read_label(sample)


def test_a_counterpart_of_another_suffix_is_named(tmp_path):
    """An image that was saved as .JPG is not called missing without saying where it lies."""
    sample = samples_of("mapillary", fill("mapillary", tmp_path))[1]
    other = sample.image.rename(sample.image.with_suffix(".JPG"))
    with pytest.raises(DataError) as error:
        samples_of("mapillary", tmp_path)
    assert f"{sample.label}: has no image ({other} is not read, for it has another name)" in str(error.value)
