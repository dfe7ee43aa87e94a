"""Readers of the real layouts, on files in those layouts.

What must hold for every set is asked of all that lie in ash/datasets, each with the classes of its own table.
"""

import json
from pathlib import Path

import numpy as np
import png
import pytest
from PIL import Image

from ash import datasets
from ash.datasets import cityscapes, gta5, mapillary, synthia
from ash.datasets._base import UNKNOWN
from ash.errors import ConfigError, DataError
from ash.files import png16
from ash.labels import CLASSES, VOID

LABELLED = [name for name in datasets.names() if datasets.load(name).has_labels]
RNG = np.random.default_rng(0)
IMAGE = RNG.integers(0, 256, (12, 20, 3), dtype=np.uint8)


def classes(name) -> set[int]:
    """The train ids that a set's table leads to, void among them."""
    table = datasets.load(name).table
    return set(table[table != UNKNOWN].tolist())


def labels(name) -> np.ndarray:
    """A label map with every class of a set."""
    return np.resize(np.array(sorted(classes(name)), np.uint8), (12, 20))


def written(name, root, count=3):
    """A set of a few images in its first split, written by its own module."""
    dataset = datasets.load(name)
    for number in range(count):
        dataset.write(root, dataset.splits[0], number, IMAGE, labels(name) if dataset.has_labels else None)
    dataset.finish(root)
    return dataset


def samples_of(dataset, root):
    """The samples of the first split."""
    return dataset.index(root, dataset.splits[0], 0)


@pytest.mark.parametrize("name", LABELLED)
def test_label_round_trip(tmp_path, name):
    """What `write` encodes in the set's own ids, the reader gives back as train ids."""
    dataset = written(name, tmp_path)
    samples = samples_of(dataset, tmp_path)
    assert len(samples) == 3
    assert np.array_equal(dataset.read_label(samples[0]), labels(name))


@pytest.mark.parametrize("name", ["gta5", "synthia", "cityscapes"])
def test_png_images_round_trip(tmp_path, name):
    """PNG images come back byte for byte."""
    dataset = written(name, tmp_path)
    assert np.array_equal(dataset.read_image(dataset.index(tmp_path, "train", 0)[0]), IMAGE)


@pytest.mark.parametrize("name", LABELLED)
def test_tables_land_in_the_19_classes_or_void(name):
    """Every documented id maps to 0..18 or 255."""
    assert classes(name) <= {*range(len(CLASSES)), VOID}


@pytest.mark.parametrize("name", ["gta5", "synthia", "cityscapes", "mapillary"])
def test_sets_of_the_paper_have_every_class(name):
    """Each of the 19 classes is reached by some id, and so is void."""
    assert classes(name) == {*range(len(CLASSES)), VOID}


@pytest.mark.parametrize(
    ("module", "label_id", "name"),
    [
        (gta5, 7, "road"), (gta5, 33, "bicycle"), (gta5, 24, "person"), (gta5, 34, None), (gta5, 9, None),
        (cityscapes, 8, "sidewalk"), (cityscapes, 31, "train"), (cityscapes, 29, None), (cityscapes, 255, None),
        (synthia, 3, "road"), (synthia, 1, "sky"), (synthia, 10, "person"), (synthia, 12, "motorcycle"),
        (synthia, 22, None), (synthia, 21, "wall"), (synthia, 15, "light"), (synthia, 9, "sign"),
        (mapillary, 13, "road"), (mapillary, 24, "road"), (mapillary, 41, "road"), (mapillary, 2, "sidewalk"),
        (mapillary, 21, "rider"), (mapillary, 50, "sign"), (mapillary, 49, None), (mapillary, 8, None),
        (mapillary, 65, None),
    ],
)  # fmt: skip
def test_entries_of_the_published_tables(module, label_id, name):
    """Single ids, as the sets' own lists have them."""
    assert module.TABLE[label_id] == (VOID if name is None else CLASSES.index(name))


def test_gta5_labels_are_palette_indices(tmp_path):
    """The file on disk is a palette PNG: its index is the id, and its colour is the class's, not the id."""
    written("gta5", tmp_path)
    with Image.open(tmp_path / "labels/00001.png") as picture:
        assert picture.mode == "P"
        assert np.asarray(picture)[0, 0] == 7
        assert picture.convert("RGB").getpixel((0, 0)) == (128, 64, 128)


def test_synthia_class_is_in_the_first_channel(tmp_path):
    """A 16-bit three-channel PNG made by hand: class 10 (pedestrian), instance 300, third channel 7."""
    (tmp_path / "RGB").mkdir()
    (tmp_path / "GT/LABELS").mkdir(parents=True)
    Image.fromarray(IMAGE[:1, :2]).save(tmp_path / "RGB/0000000.png")
    with (tmp_path / "GT/LABELS/0000000.png").open("wb") as file:
        png.Writer(2, 1, greyscale=False, bitdepth=16).write(file, [[10, 300, 7, 3, 0, 0]])
    dataset = datasets.load("synthia")
    label = dataset.read_label(dataset.index(tmp_path, "train", 0)[0])
    assert [CLASSES[i] for i in label[0]] == ["person", "road"]


def test_all_16_bits_are_read(tmp_path):
    """Random samples, written by another library, come back as they were."""
    samples = RNG.integers(0, 65536, (12, 20, 3), dtype=np.uint16)
    with (tmp_path / "x.png").open("wb") as file:
        png.Writer(20, 12, greyscale=False, bitdepth=16).write(file, samples.reshape(12, -1).tolist())
    assert np.array_equal(png16.read(tmp_path / "x.png"), samples)


def test_synthia_refuses_an_8_bit_label(tmp_path):
    """A label that some tool has reduced to 8 bits is named, with what was found and wanted."""
    dataset = written("synthia", tmp_path, 1)
    Image.fromarray(IMAGE).save(tmp_path / "GT/LABELS/0000000.png")
    with pytest.raises(DataError, match=r"0000000\.png: PNG of pixels 'RGB', wanted PNG of .*3 channels of 16 bits"):
        dataset.read_label(dataset.index(tmp_path, "train", 0)[0])


def test_mapillary_lists_66_classes(tmp_path):
    """config.json has a name and a colour for each id."""
    written("mapillary", tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    assert len(config["labels"]) == 66
    assert config["labels"][13]["name"] == "road"


def test_cityscapes_files_lie_under_their_cities(tmp_path):
    """The official names and folders."""
    written("cityscapes", tmp_path)
    assert (tmp_path / "leftImg8bit/train/aachen/aachen_000000_000019_leftImg8bit.png").exists()
    assert (tmp_path / "gtFine/train/aachen/aachen_000000_000019_gtFine_labelIds.png").exists()


@pytest.mark.parametrize("mode", ["CMYK", "L"])
def test_paintings_of_other_modes_become_rgb(tmp_path, mode):
    """CMYK and grey JPEGs are read as RGB of the same size."""
    (tmp_path / "train").mkdir()
    Image.fromarray(IMAGE).convert(mode).save(tmp_path / "train/1.jpg")
    dataset = datasets.load("painters")
    assert dataset.read_image(dataset.index(tmp_path, "train", 0)[0]).shape == (12, 20, 3)


def test_last_ids_are_held_out(tmp_path):
    """Of five frames with two held out, the first three train."""
    dataset = written("gta5", tmp_path, 5)
    assert [s.id for s in dataset.index(tmp_path, "train", 2)] == ["00001", "00002", "00003"]
    assert [s.id for s in dataset.index(tmp_path, "val", 2)] == ["00004", "00005"]


@pytest.mark.parametrize("name", LABELLED)
def test_an_image_without_a_label_is_named(tmp_path, name):
    """Both directions are listed, in one message."""
    dataset = written(name, tmp_path)
    samples = samples_of(dataset, tmp_path)
    samples[0].label.unlink()
    samples[1].image.unlink()
    with pytest.raises(DataError) as error:
        samples_of(dataset, tmp_path)
    assert f"{samples[0].image}: has no label" in str(error.value)
    assert f"{samples[1].label}: has no image" in str(error.value)


@pytest.mark.parametrize("name", datasets.names())
def test_an_empty_folder_says_what_is_wanted(tmp_path, name):
    """The folder, the set and its layout, in one line."""
    dataset = datasets.load(name)
    with pytest.raises(DataError) as error:
        samples_of(dataset, tmp_path)
    wanted = f"{tmp_path}: no image of {name}, split {dataset.splits[0]}; wanted {dataset.layout}"
    assert str(error.value) == wanted


@pytest.mark.parametrize("name", datasets.names())
def test_a_set_goes_by_the_name_of_its_file(name):
    """The protocol names the file; messages and records take the name from the class."""
    assert datasets.load(name).name == name


@pytest.mark.parametrize("name", ["gta5", "cityscapes", "mapillary"])
def test_an_id_outside_the_table_is_named(tmp_path, name):
    """The file, the id and how many pixels have it."""
    dataset = written(name, tmp_path, 1)
    sample = dataset.index(tmp_path, "train", 0)[0]
    ids = np.zeros((12, 20), np.uint8)
    ids[0, :3] = 99
    Image.fromarray(ids).save(sample.label)
    with pytest.raises(DataError, match=r"label id 99 \(3 pixels\) is outside the set's table") as error:
        dataset.read_label(sample)
    assert str(sample.label) in str(error.value)


def test_a_synthia_id_above_8_bits_is_named(tmp_path):
    """Id 300 is not reduced to 44."""
    dataset = written("synthia", tmp_path, 1)
    sample = dataset.index(tmp_path, "train", 0)[0]
    channels = np.zeros((12, 20, 3), np.uint16)
    channels[0, 0, 0] = 300
    png16.write(sample.label, channels)
    with pytest.raises(DataError, match=r"label id 300 \(1 pixels\)"):
        dataset.read_label(sample)


@pytest.mark.parametrize("name", datasets.names())
def test_a_truncated_image_is_named(tmp_path, name):
    """Half a file is one line with its path, not a grey picture."""
    dataset = written(name, tmp_path, 1)
    sample = samples_of(dataset, tmp_path)[0]
    content = sample.image.read_bytes()
    sample.image.write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match="not a readable image") as error:
        dataset.read_image(sample)
    assert str(sample.image) in str(error.value)


@pytest.mark.parametrize("name", LABELLED)
def test_a_truncated_label_is_named(tmp_path, name):
    """The same for labels."""
    dataset = written(name, tmp_path, 1)
    sample = samples_of(dataset, tmp_path)[0]
    content = sample.label.read_bytes()
    sample.label.write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match="not a readable") as error:
        dataset.read_label(sample)
    assert str(sample.label) in str(error.value)


def test_an_unknown_set_is_refused():
    """One line that names those there are, each a file of ash/datasets without an underscore."""
    files = sorted(path.stem for path in Path(datasets.__file__).parent.glob("[!_]*.py"))
    known = ", ".join(files)
    with pytest.raises(ConfigError, match=f"'no_such_set' is not a file in ash/datasets; known: {known}$"):
        datasets.load("no_such_set")
