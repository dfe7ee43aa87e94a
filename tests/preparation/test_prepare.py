"""From raw files to HDF5, and what stops it."""

import hashlib

import h5py
import numpy as np
import pytest
from PIL import Image

from ash import datasets
from ash.errors import DataError, StoreError
from ash.files.atomic import read_json
from ash.files.hdf5 import PREPARED_SCHEMA, create_h5, open_h5, sidecar
from ash.preparation.manifest import build_manifest
from ash.preparation.prepare import prepare

SIZE = (32, 16)


@pytest.fixture
def root(tmp_path):
    """Six GTA5 frames of 64x32."""
    folder, rng = tmp_path / "gta5", np.random.default_rng(0)
    for number in range(6):
        image = rng.integers(0, 256, (32, 64, 3), dtype=np.uint8)
        datasets.load("gta5").write(folder, "train", number, image, rng.integers(0, 19, (32, 64)).astype(np.uint8))
    return folder


def run(root, out, size=SIZE, manifest=None):
    """Prepare with two frames held out."""
    prepare("gta5", root, "train", out, size, size, 2, manifest or build_manifest("gta5", root, 2))


def test_content_equals_a_plain_loop(root, tmp_path):
    """Each image resized bicubically, each label by nearest neighbour, in the order of their ids."""
    run(root, tmp_path / "out.h5")
    dataset = datasets.load("gta5")
    with open_h5(tmp_path / "out.h5", PREPARED_SCHEMA) as file:
        assert [i.decode() for i in file["id"][:]] == ["00001", "00002", "00003", "00004"]
        for k, sample in enumerate(dataset.index(root, "train", 2)):
            image = Image.fromarray(dataset.read_image(sample)).resize(SIZE, Image.Resampling.BICUBIC)
            label = Image.fromarray(dataset.read_label(sample)).resize(SIZE, Image.Resampling.NEAREST)
            assert np.array_equal(file["image"][k], np.asarray(image))
            assert np.array_equal(file["label"][k], np.asarray(label))
        assert file["image"].chunks == (1, 16, 32, 3)


def test_images_of_the_right_size_are_not_touched(root, tmp_path):
    """Native size: the pixels of the PNG."""
    run(root, tmp_path / "out.h5", size=(64, 32))
    dataset = datasets.load("gta5")
    with open_h5(tmp_path / "out.h5", PREPARED_SCHEMA) as file:
        assert np.array_equal(file["image"][0], dataset.read_image(dataset.index(root, "train", 2)[0]))


def test_equal_input_equal_bytes(root, tmp_path):
    """No clock and no order of threads enters the file."""
    run(root, tmp_path / "a.h5")
    run(root, tmp_path / "b.h5")
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def test_every_bad_file_is_listed_and_nothing_is_left(root, tmp_path):
    """A truncated PNG, an id outside the table and a label of another size: three lines, and no file."""
    manifest = build_manifest("gta5", root, 2)
    (root / "images/00001.png").write_bytes((root / "images/00001.png").read_bytes()[:200])
    Image.fromarray(np.full((32, 64), 77, np.uint8)).save(root / "labels/00002.png")
    Image.fromarray(np.full((30, 64), 7, np.uint8)).save(root / "labels/00003.png")
    with pytest.raises(DataError) as error:
        run(root, tmp_path / "out/out.h5", manifest=manifest)
    text = str(error.value)
    assert "00001.png: not a readable image" in text
    assert "00002.png: label id 77 (2048 pixels)" in text
    assert "00003.png: 64x30, wanted 64x32" in text
    assert list((tmp_path / "out").iterdir()) == []


def test_files_of_another_manifest_are_refused(root, tmp_path):
    """A changed file and a missing one: one line with both digests and the remedy, and no file."""
    manifest = build_manifest("gta5", root, 2)
    dataset = datasets.load("gta5")
    dataset.write(root, "train", 0, np.zeros((32, 64, 3), np.uint8), np.zeros((32, 64), np.uint8))
    with pytest.raises(
        DataError, match=r"gta5: files of split train are \w+..., but the manifest of gta5 says .* restore"
    ):
        run(root, tmp_path / "out/out.h5", manifest=manifest)
    (root / "images/00001.png").unlink()
    (root / "labels/00001.png").unlink()
    with pytest.raises(DataError, match="gta5: ids of split train are 00002"):
        run(root, tmp_path / "out/out.h5", manifest=manifest)
    assert not list(tmp_path.glob("out/*"))


def test_the_digest_is_that_of_the_content(tmp_path):
    """By hand: SHA-256 of the rows; the same rows written in other portions have the same digest, others another."""
    rows = np.arange(60, dtype=np.uint8).reshape(5, 4, 3)
    digests = []
    for name, portions in (("a", [rows]), ("b", [rows[:2], rows[2:]]), ("c", [rows[::-1]])):
        with create_h5(tmp_path / f"{name}.h5", PREPARED_SCHEMA, {"split": "val"}) as file:
            file.add("image", rows.shape, np.uint8)
            for portion in portions:
                file.append("image", portion)
        described = read_json(sidecar(tmp_path / f"{name}.h5"))
        digests.append(described["content"])
    assert described["data"]["image"]["sha256"] == hashlib.sha256(rows[::-1].tobytes()).hexdigest()
    assert digests[0] == digests[1] != digests[2]


def test_a_file_in_the_place_of_another_is_refused(tmp_path):
    """A sound file that is not the one of the sidecar, and a file without one."""
    for name, value in (("a", 1), ("b", 2)):
        with create_h5(tmp_path / f"{name}.h5", PREPARED_SCHEMA, {}) as file:
            file.put("x", np.array([value]))
    (tmp_path / "b.h5").replace(tmp_path / "a.h5")
    with pytest.raises(StoreError, match=r"a\.h5: not a readable HDF5 file, or not the one that a\.json describes"):
        open_h5(tmp_path / "a.h5", PREPARED_SCHEMA)
    sidecar(tmp_path / "a.h5").unlink()
    with pytest.raises(StoreError, match=r"a\.json: missing"):
        open_h5(tmp_path / "a.h5", PREPARED_SCHEMA)


def test_a_flipped_bit_is_found_when_it_is_read(root, tmp_path):
    """One bit of one stored image: that image is an error that names file and place, the others read on."""
    run(root, tmp_path / "out.h5", size=(64, 32))
    with open_h5(tmp_path / "out.h5", PREPARED_SCHEMA) as file:
        images = file["image"][:]
    content = bytearray((tmp_path / "out.h5").read_bytes())
    content[content.index(images[2].tobytes()) + 100] ^= 1
    (tmp_path / "out.h5").write_bytes(content)
    with open_h5(tmp_path / "out.h5", PREPARED_SCHEMA) as file:
        assert np.array_equal(file["image"][1], images[1])
        with pytest.raises(StoreError, match=r"out\.h5: /image\[2\] cannot be read .*; delete the file and make it"):
            file["image"][2]


def test_a_file_of_another_schema_is_refused(tmp_path):
    """A file of an older version is named with both schemas and the remedy."""
    with create_h5(tmp_path / "old.h5", "ash-prepared-0", {}):
        pass
    with pytest.raises(StoreError, match=r"old\.h5: schema 'ash-prepared-0', wanted 'ash-prepared-2'; delete it"):
        open_h5(tmp_path / "old.h5", PREPARED_SCHEMA)


def test_a_file_that_is_not_hdf5_is_refused(tmp_path):
    """So is one that was cut short."""
    with create_h5(tmp_path / "cut.h5", PREPARED_SCHEMA, {}) as file:
        file.put("x", np.zeros(10_000))
    (tmp_path / "cut.h5").write_bytes((tmp_path / "cut.h5").read_bytes()[:500])
    with pytest.raises(StoreError, match="not a readable HDF5 file"):
        open_h5(tmp_path / "cut.h5", PREPARED_SCHEMA)


def test_a_read_only_folder_is_named(tmp_path, monkeypatch):
    """A folder that cannot be written is one line with a remedy, and the cause is kept."""

    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(h5py, "File", refuse)
    wanted = pytest.raises(StoreError, match="cannot be written .Permission denied.; free space or fix permissions")
    with wanted, create_h5(tmp_path / "x.h5", PREPARED_SCHEMA, {}):
        pass


def test_a_failure_leaves_no_file(tmp_path):
    """An exception while writing leaves neither the file nor a temporary one."""
    with pytest.raises(RuntimeError), create_h5(tmp_path / "x.h5", PREPARED_SCHEMA, {}) as file:
        file.put("x", np.zeros(3))
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_manifest_by_hand(root):
    """Counts, sizes and pixels of a set of six frames, two of them held out."""
    manifest = build_manifest("gta5", root, 2)
    train, val = manifest["splits"]["train"], manifest["splits"]["val"]
    assert (train["count"], val["count"]) == (4, 2)
    assert train["sizes"] == {"64x32": 4}
    assert sum(train["pixels"].values()) == 4 * 64 * 32


def test_a_changed_byte_changes_the_manifest(root):
    """Another pixel in one image, and the files' digest differs; the ids' does not."""
    before = build_manifest("gta5", root, 2)["splits"]["train"]
    dataset = datasets.load("gta5")
    image = dataset.read_image(dataset.index(root, "train", 2)[0]).copy()
    image[0, 0, 0] ^= 1
    Image.fromarray(image).save(root / "images/00001.png")
    after = build_manifest("gta5", root, 2)["splits"]["train"]
    assert after["files"] != before["files"]
    assert after["ids"] == before["ids"]


def test_a_manifest_lists_every_bad_file(root):
    """Two truncated labels: two lines."""
    for name in ("00002.png", "00005.png"):
        path = root / "labels" / name
        path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(DataError, match="2 bad file") as error:
        build_manifest("gta5", root, 2)
    assert "00002.png" in str(error.value)
    assert "00005.png" in str(error.value)
