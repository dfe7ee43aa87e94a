"""What a manifest says of a set beside its identity: what is odd, and what was not read."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from ash import datasets
from ash.errors import DataError
from ash.preparation.manifest import OBSERVED, build_manifest, identity
from ash.preparation.observed import LOSSY, isolation
from tests.support.fakes import SIZES, fill

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # pytest takes away the filter of ash.files.images


def notes(name, root, validation=0):
    """The notes of a set's manifest, as one text."""
    return "\n".join(build_manifest(name, root, validation)[OBSERVED]["notes"])


def relabel(root, name, make):
    """Write every label map of a set anew: train ids (H,W) from `make(k, shape)`."""
    dataset = datasets.load(name)
    for number, sample in enumerate(dataset.index(root, dataset.splits[0], 0)):
        image = dataset.read_image(sample)
        dataset.write(root, dataset.splits[0], number, image, make(number, image.shape[:2]).astype(np.uint8))


@pytest.mark.parametrize("name", ["gta5", "synthia", "cityscapes", "mapillary", "painters"])
def test_a_sound_set_has_no_notes(tmp_path, name, caplog):
    """Nothing odd is found in noise of all classes, of which no two images are the same, and nothing is logged."""
    assert notes(name, fill(name, tmp_path)) == ""
    assert caplog.text == ""


def test_what_was_not_read_is_told(tmp_path, caplog):
    """By kind, with a count and an example; the files that the published set has there too are not told."""
    root = fill("cityscapes", tmp_path)
    folder = root / "gtFine/train/aachen"
    for name in (
        "aachen_000000_000019_gtFine_color.png", "aachen_000000_000019_gtFine_polygons.json",  # published
        "._a.png", "Thumbs.db", "x_gtFine_labelIds.PNG", "y.tif", "z.png~", "noted",
    ):  # fmt: skip
        (folder / name).write_bytes(b"x")
    (folder / "more").mkdir()
    found = notes("cityscapes", root)
    for line in (
        "1 AppleDouble file(s) of macOS not read, e.g. gtFine/train/aachen/._a.png",
        "1 hidden or system file(s) not read, e.g. gtFine/train/aachen/Thumbs.db",
        "1 picture(s) with suffix .PNG not read",
        "1 picture(s) with suffix .tif not read",
        "1 copies of editors or downloads not read",
        "1 file(s) without suffix not read, e.g. gtFine/train/aachen/noted",
        "1 folder(s) not read, e.g. gtFine/train/aachen/more",
    ):
        assert line in found and line in caplog.text
    assert "color" not in found and "polygons" not in found


def test_pictures_in_another_place_are_told(tmp_path):
    """A set that was unpacked one folder too deep: where its pictures lie, how many, and the layout that is wanted."""
    fill("gta5", tmp_path / "gta5/GTA5")
    with pytest.raises(
        DataError, match=r"wanted images/00001\.png .*; 6 picture\(s\) lie elsewhere, e\.g\. GTA5/images/0"
    ):
        build_manifest("gta5", tmp_path / "gta5", 0)


def test_paintings_with_other_suffixes_are_told(tmp_path):
    """.JPG and .jpeg are pictures, but none that is read."""
    root = fill("painters", tmp_path)
    for name in ("8.JPG", "9.jpeg", "10.webp"):
        shutil.copy(root / "train/1.jpg", root / "train" / name)
    assert build_manifest("painters", root, 0)["splits"]["train"]["count"] == 3
    found = notes("painters", root)
    assert "suffix .JPG" in found and "suffix .jpeg" in found and "suffix .webp" in found


def test_copies_are_told(tmp_path):
    """An image that lies twice in one split, and one that is trained and validated on."""
    root = fill("gta5", tmp_path, 6)
    shutil.copy(root / "images/00001.png", root / "images/00002.png")
    assert "1 image(s) lie here more than once in one split, e.g. images/00001.png, images/00002.png" in notes(
        "gta5", root, 1
    )
    shutil.copy(root / "images/00003.png", root / "images/00006.png")
    assert "in several splits, so that validation is not held out, e.g. images/00003.png" in notes("gta5", root, 1)


def test_names_that_are_one_on_other_disks_are_told(tmp_path):
    """Capitals, and an accent stored as a character of its own."""
    root = fill("painters", tmp_path)
    for k, name in enumerate(("a.jpg", "A.jpg", "caf\u00e9.jpg", "cafe\u0301.jpg")):
        Image.fromarray(np.full((20, 20, 3), k, np.uint8)).save(root / "train" / name)
    assert "2 name(s) differ in case or accents alone, and are one on other disks: train/A.jpg" in notes(
        "painters", root
    )


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (lambda k, shape: np.full(shape, 2), "train: building fills 100.0 % of the labelled pixels"),
        (lambda k, shape: np.full(shape, 2), "train: only 1 of the set's 19 classes occur: building"),
        (lambda k, shape: np.full(shape, 2), "train: road lies in 0 of 3 label maps"),
        (
            lambda k, shape: np.full(shape, 255 if k else 0),
            "train: 2 image(s) without a labelled pixel, e.g. 00002.png",
        ),
        (
            lambda k, shape: np.where(np.arange(shape[1]) < 9, 0, 255) + np.zeros(shape),
            "% of the label pixels are void",
        ),
    ],
)
def test_odd_shares_of_classes_are_told(tmp_path, make, line):
    """One class alone, few classes, no road, label maps that are void throughout, more void than classes."""
    root = fill("gta5", tmp_path)
    relabel(root, "gta5", make)
    assert line in notes("gta5", root)


def test_other_kinds_of_files_are_told(tmp_path):
    """A grey image, a JPEG called .png and a label map without a palette among three with: counts of each kind."""
    root = fill("gta5", tmp_path)
    rng = np.random.default_rng(2)
    Image.fromarray(rng.integers(0, 256, (27, 48), dtype=np.uint8)).save(root / "images/00001.png")
    Image.fromarray(rng.integers(0, 256, (27, 48, 3), dtype=np.uint8)).save(root / "images/00002.png", "JPEG")
    with Image.open(root / "labels/00003.png") as picture:
        ids = np.array(picture)
    Image.fromarray(ids).save(root / "labels/00003.png")
    found = notes("gta5", root)
    assert "train: images are 1 of JPEG RGB, 1 of PNG L, 1 of PNG RGB" in found
    assert "train: 1 image(s) of another format than their suffix, e.g. 00002.png" in found
    assert "train: label maps are 1 of PNG L, 2 of PNG P" in found


def test_small_images_and_turned_paintings_are_told(tmp_path):
    """A painting of 9x40 pixels that its EXIF tag turns."""
    root = fill("painters", tmp_path)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.zeros((9, 40, 3), np.uint8)).save(root / "train/2.jpg", exif=exif)
    found = notes("painters", root)
    assert "1 image(s) less than 16 pixels high or wide, e.g. 2.jpg" in found
    assert "1 image(s) turned as their EXIF tag says, e.g. 2.jpg" in found


def test_lossy_label_maps_are_told(tmp_path):
    """Shapes with sharp edges have hardly an isolated pixel; after a JPEG of the same ids more than the bound."""
    y, x = np.mgrid[:256, :512]
    ids = np.choose((x + y // 2) // 30 % 4, [23, 26, 7, 11]).astype(np.uint8)
    Image.fromarray(ids).save(tmp_path / "x.jpg")
    with Image.open(tmp_path / "x.jpg") as picture:
        lossy = np.asarray(picture)
    assert isolation(ids) < 0.001 < LOSSY < isolation(lossy)
    assert isolation(ids[:, :200]) is None
    root = fill("cityscapes", tmp_path / "set", 1)
    sample = datasets.load("cityscapes").index(root, "train", 0)[0]
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (*lossy.shape, 3), dtype=np.uint8)).save(sample.image)
    Image.fromarray(lossy.clip(7, 33)).save(sample.label)
    assert "label pixels are isolated, as of resampled or lossy label maps" in notes("cityscapes", root)


@pytest.mark.parametrize("values", [range(19), [0, 1, 2, 8, 10, 13]])
def test_train_ids_without_void_are_refused(tmp_path, values):
    """No 255 tells them, but no class above id 18 occurs and most is void: the split, how many maps, the remedy."""
    rng, root = np.random.default_rng(3), fill("gta5", tmp_path)
    for path in (root / "labels").iterdir():
        Image.fromarray(rng.choice(values, (27, 48)).astype(np.uint8)).save(path)
    with pytest.raises(DataError, match="train: no id above 18 in 3 label maps, as of train ids; restore label ids"):
        build_manifest("gta5", root, 0)


def test_observations_are_no_part_of_the_identity(tmp_path):
    """A stray file changes what is observed, not the digest that a prepared file keeps."""
    root = fill("gta5", tmp_path)
    before = build_manifest("gta5", root, 1)
    (root / "images/Thumbs.db").write_bytes(b"x")
    after = build_manifest("gta5", root, 1)
    assert after[OBSERVED] != before[OBSERVED]
    assert identity(after) == identity(before)


def test_nothing_held_out_means_that_all_train(tmp_path):
    """`validation: 0` of a set in one piece: one section, with every image."""
    manifest = build_manifest("synthia", fill("synthia", tmp_path), 0)
    assert list(manifest["splits"]) == ["train"]
    assert manifest["splits"]["train"]["count"] == 3


def delete(path, data):
    """The file is gone."""
    path.unlink()


def cut(path, data):
    """Its end is gone."""
    content = path.read_bytes()
    path.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])


def flip(path, data):
    """A bit is another."""
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, 8 * len(content) - 1))
    content[place // 8] ^= 1 << place % 8
    path.write_bytes(content)


def rename(path, data):
    """It has another name."""
    path.rename(path.with_name(data.draw(st.sampled_from(["x.png", f"._{path.name}", f"{path.name}~", "X.JPG"]))))


def replace(path, data):
    """A folder, a pipe, a link to itself or a web page lies in its place."""
    path.unlink()
    make = (Path.mkdir, os.mkfifo, lambda path: path.symlink_to(path), lambda path: path.write_text("<html></html>"))
    data.draw(st.sampled_from(make))(path)


@settings(max_examples=60, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(sorted(SIZES)), data=st.data())
def test_accidents_to_a_set_end_in_a_manifest_or_one_message(tmp_path_factory, name, data):
    """Files of a sound set are lost, cut, flipped, renamed or replaced: what is left is said as it is, or an error of ours.

    A manifest that is made all the same has other digests than the sound set's, and fewer images where images are gone.
    """
    root = fill(name, tmp_path_factory.mktemp("set"), 2)
    files = sorted(path for path in root.rglob("*") if path.is_file() and path.suffix != ".json")
    sound = build_manifest(name, root, 0)
    for path in data.draw(st.lists(st.sampled_from(files), min_size=1, max_size=2, unique=True)):
        data.draw(st.sampled_from([delete, cut, flip, rename, replace]))(path, data)
    try:
        found = build_manifest(name, root, 0)
    except DataError as error:
        assert all(line.strip().isprintable() for line in str(error).splitlines())
        return
    assert identity(found) != identity(sound)
    count = {split: section["count"] for split, section in found["splits"].items()}
    for split, images in count.items():
        assert images == len(datasets.load(name).index(root, split, 0))


def test_a_split_of_labels_alone_is_told(tmp_path):
    """Images under another suffix leave out their whole split, which may be meant so: a note, and the other split stands."""
    root = fill("mapillary", tmp_path)
    for path in (root / "training/images").iterdir():
        path.rename(path.with_suffix(".JPG"))
    found = build_manifest("mapillary", root, 0)
    assert list(found["splits"]) == ["val"]
    assert [note for note in found["observed"]["notes"] if note.startswith("train: 3 label map(s) and no image")]


def test_an_excluded_id_that_is_not_there_is_told(tmp_path):
    """A misspelt id excludes nothing, so the manifest says so; those that are there need no note."""
    root = fill("gta5", tmp_path)
    for ids, told in ((["00001"], 0), (["00001", "1"], 1)):
        notes = build_manifest("gta5", root, 0, exclude=ids)["observed"]["notes"]
        assert notes.count("`exclude` names 1 id(s) that are not there, e.g. 1") == told
