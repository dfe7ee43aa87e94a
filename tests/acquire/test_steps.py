"""Whole sets from archives in their published layout: fetched, verified, unpacked, pinned; and what stops them."""

import contextlib
import json
import shutil
from dataclasses import replace

import pytest

from ash import datasets
from ash.acquire import sources, steps
from ash.acquire.order import Order
from ash.acquire.status import lacks
from ash.acquire.steps import acquire
from ash.errors import DataError
from tests.support import fakes
from tests.support.server import serve

COUNTS = {
    "gta5": {"train": 12}, "synthia": {"train": 3}, "cityscapes": {"train": 3, "val": 3},
    "mapillary": {"train": 3, "val": 3}, "painters": {"train": 3},
}  # fmt: skip
PACK = {
    "gta5": fakes.gta5_archives, "cityscapes": fakes.cityscapes_archives, "mapillary": fakes.mapillary_archives,
    "painters": fakes.painters_archives,
}  # fmt: skip


@contextlib.contextmanager
def stage(title):
    """No progress."""
    yield lambda done, total: None


class World:
    """A set's archives in one folder, and the folder that they are to be acquired into."""

    def __init__(self, name, folder):
        self.name, self.said = name, []
        self.made = fakes.fill(name, folder / "made", max(COUNTS[name].values()))
        self.root = folder / "raw" / name
        self.archives = self.root / "archives"
        self.archives.mkdir(parents=True)
        self.out, self.pins = folder / "acquired.json", folder / "pins.json"

    def pack(self, folder=None):
        """Make the archives, for sets that come as zip."""
        PACK[self.name](folder or self.archives, self.made)
        return self

    def order(self, mirror=None):
        """As the command line gives it."""
        return Order(self.root, COUNTS[self.name], self.out, self.pins, mirror)

    def acquire(self, mirror=None):
        """Run the step; gives its record."""
        acquire(self.name, self.order(mirror), stage, self.said.append)
        return json.loads(self.out.read_text())


@pytest.fixture
def world(tmp_path):
    return lambda name: World(name, tmp_path)


@pytest.mark.parametrize("name", PACK)
def test_archives_become_the_published_layout(world, name):
    """Every file of the set is there with its bytes, nothing else but the archives; the record names the archives."""
    w = world(name).pack()
    record = w.acquire()
    dataset = datasets.load(name)
    for split in COUNTS[name]:
        theirs, ours = dataset.files(w.made, split), dataset.files(w.root, split)
        assert [list(files) for files in theirs] == [list(files) for files in ours]
        for made, unpacked in zip(theirs, ours, strict=True):
            for i in made.keys() - ({"2"} if name == "painters" else set()):  # 2 was replaced
                assert made[i].read_bytes() == unpacked[i].read_bytes()
        for sample in dataset.index(w.root, split, 0):
            dataset.read_image(sample)
    assert set(record["archives"]) == {archive.name for archive in sources.SOURCES[name].archives}
    assert record["images"] == COUNTS[name]
    for archive, entry in record["archives"].items():
        assert entry["bytes"] == (w.archives / archive).stat().st_size
        assert len(entry["sha256"]) == 64
    assert lacks(name, w.root, COUNTS[name]) is None


def test_members_that_the_set_does_not_need_are_counted(world):
    """Each of Cityscapes' archives has a README; the record says that it was left out."""
    record = world("cityscapes").pack().acquire()
    entry = record["archives"]["gtFine_trainvaltest.zip"]
    assert (entry["members"], entry["left_out"]) == (6, 1)


def test_gta5_comes_from_a_server(world, tmp_path):
    """All 20 archives, one of them in three pieces; a second run asks the server for nothing."""
    w = world("gta5")
    (tmp_path / "served").mkdir()
    w.pack(tmp_path / "served")
    with serve(tmp_path / "served") as server:
        server.cut["03_images.zip"] = [500, 600]
        record = w.acquire(server.url)
        assert len(server.requests) == 22
        server.requests.clear()
        assert w.acquire(server.url) == record
        assert server.requests == []
    assert len(record["archives"]) == 20


def test_a_changed_file_at_the_publisher_is_found(world, tmp_path):
    """The pin of the first fetch is held against the second, and the remedy is said; other archives come all the same."""
    w = world("gta5")
    (tmp_path / "served").mkdir()
    w.pack(tmp_path / "served")
    with serve(tmp_path / "served") as server:
        w.acquire(server.url)
        shutil.rmtree(w.root)
        fakes.pack(tmp_path / "served/05_labels.zip", w.made, sorted((w.made / "labels").glob("*.png"))[:2])
        with pytest.raises(
            DataError, match=r"gta5: 1 archive\(s\) missing or wrong\n.*05_labels.zip: what http"
        ) as error:
            w.acquire(server.url)
    assert "SHA-256 than pinned" in str(error.value)
    assert len(list(w.archives.glob("*.zip"))) == 19


def test_pins_are_written_once_and_kept(world):
    """Size and SHA-256 of each archive; another run leaves the file as it is."""
    w = world("mapillary").pack()
    w.acquire()
    pins = w.pins.read_text()
    entry = json.loads(pins)["mapillary-vistas-dataset_public_v1.2.zip"]
    assert set(entry) == {"bytes", "sha256"}
    w.acquire()
    assert w.pins.read_text() == pins


def test_another_archive_than_pinned_is_refused(world):
    """A file put there by hand is held against the pin too."""
    w = world("mapillary").pack()
    w.pins.write_text(json.dumps({"mapillary-vistas-dataset_public_v1.2.zip": {"bytes": 7, "sha256": "a" * 64}}))
    with pytest.raises(DataError, match=r"bytes with SHA-256 \w{12}, wanted 7 bytes with aaaaaaaaaaaa as pinned in"):
        w.acquire()
    assert not (w.root / "training").exists()


def test_a_bad_archive_is_not_pinned(world):
    """A web page, an archive of another set: named, and no pin is left that would bless them."""
    w = world("cityscapes").pack()
    (w.archives / "gtFine_trainvaltest.zip").write_bytes(b"<html>log in</html>")
    fakes.pack(w.archives / "leftImg8bit_trainvaltest.zip", w.made, sorted((w.made / "gtFine").rglob("*.png")))
    with pytest.raises(DataError, match=r"2 archive\(s\)") as error:
        w.acquire()
    assert "gtFine_trainvaltest.zip: a web page (HTML), wanted a zip archive; " in str(error.value)
    assert "leftImg8bit_trainvaltest.zip: wrong archive, holds 'gtFine/train/aachen/" in str(error.value)
    assert not w.pins.exists()
    assert not w.out.exists()


def test_the_licence_is_said_once(world):
    """At the first run, not at the second."""
    w = world("painters").pack()
    w.acquire()
    w.acquire()
    assert len(w.said) == 1
    assert "Kaggle" in w.said[0]


def test_a_corrupted_painting_is_replaced(world):
    """Number 2 of train.zip cannot be read; the set has the replacement, and a second run does not bring it back."""
    w = world("painters").pack()
    for _ in range(2):
        record = w.acquire()
        assert (w.root / "train/2.jpg").stat().st_size > 100
    assert record["archives"]["train.zip"]["members"] == 2
    assert record["archives"]["replacements_for_corrupted_files.zip"] | {"bytes": 0, "sha256": ""} == {
        "bytes": 0, "sha256": "", "members": 1, "unpacked_bytes": (w.root / "train/2.jpg").stat().st_size, "left_out": 2,
    }  # fmt: skip


def test_a_half_unpacked_set_is_mended(world):
    """Files lost after a finished run are unpacked again from the archive, although the journal trusts it."""
    w = world("mapillary").pack()
    w.acquire()
    lost = sorted((w.root / "training/images").glob("*.jpg"))[1]
    lost.unlink()
    assert "train: 2 of 3 images, 3 labels" in lacks("mapillary", w.root, COUNTS["mapillary"])
    w.acquire()
    assert lost.exists()


def test_archives_may_go_when_the_set_is_there(world):
    """The journal still knows their hashes."""
    w = world("gta5").pack()
    record = w.acquire()
    shutil.rmtree(w.archives)
    assert w.acquire() == record


def test_a_set_that_lies_ready_is_only_read(world):
    """A complete folder without archives, as a group shares it: accepted, and nothing is written into it."""
    w = world("cityscapes")
    shutil.rmtree(w.root)
    shutil.copytree(w.made, w.root)
    before = sorted(w.root.rglob("*"))
    assert w.acquire() == {"dataset": "cityscapes", "archives": {}, "images": COUNTS["cityscapes"]}
    assert sorted(w.root.rglob("*")) == before


def test_a_set_without_archives_is_recorded_as_it_lies(world, monkeypatch):
    """Without an entry in `sources` a complete folder is accepted, nothing is said or written into it, no pin is kept."""
    monkeypatch.delitem(sources.SOURCES, "cityscapes")
    w = world("cityscapes")
    shutil.rmtree(w.root)
    shutil.copytree(w.made, w.root)
    before = sorted(w.root.rglob("*"))
    assert w.acquire() == {"dataset": "cityscapes", "archives": {}, "images": COUNTS["cityscapes"]}
    assert sorted(w.root.rglob("*")) == before
    assert w.said == [] and not w.pins.exists()
    assert lacks("cityscapes", w.root, COUNTS["cityscapes"]) is None


@pytest.mark.parametrize("count", [None, COUNTS["cityscapes"]])
def test_a_set_without_archives_that_is_not_there(world, monkeypatch, count):
    """One line with the folder, what was found and the wanted layout; `ash check` says the same; no record is left."""
    monkeypatch.delitem(sources.SOURCES, "cityscapes")
    w = world("cityscapes")
    layout = datasets.load("cityscapes").layout
    shutil.rmtree(w.root)
    for found in ("missing (no such folder)", "incomplete (train: "):
        with pytest.raises(DataError) as error:
            acquire("cityscapes", replace(w.order(), count=count), stage, w.said.append)
        line = f"{w.root}: cityscapes is {found}"
        assert str(error.value).startswith(line) and str(error.value).endswith(f"; put {layout} there")
        assert "\n" not in str(error.value)
        assert lacks("cityscapes", w.root, count) == str(error.value)
        assert not w.out.exists()
        shutil.copytree(w.made, w.root, dirs_exist_ok=True)
        next((w.root / "gtFine/train").rglob("*.png")).unlink()


@pytest.mark.parametrize("name", ["synthia", "mapillary", "painters"])
def test_what_to_fetch_by_hand_is_said_exactly(world, name):
    """File, page and folder, in one line each; the same by `ash check`."""
    w = world(name)
    with pytest.raises(DataError) as error:
        w.acquire()
    source = sources.SOURCES[name]
    for line in (str(error.value), lacks(name, w.root, COUNTS[name])):
        assert source.page in line
        assert f"{w.archives}/" in line
        assert all(archive.name in line for archive in source.archives)


def test_synthia_from_its_archive_to_its_folder(world):
    """The archive is verified; then the exact command; then the folder that it leaves, one too deep; then it is there."""
    w = world("synthia")
    rar = w.archives / "SYNTHIA_RAND_CITYSCAPES.rar"
    rar.write_bytes(b"PK\x03\x04")
    with pytest.raises(DataError, match="a zip archive, wanted a RAR archive; remove it, then fetch"):
        w.acquire()
    rar.write_bytes(b"Rar!\x1a\x07\x00 and so on")
    with pytest.raises(DataError) as error:
        w.acquire()
    assert f"unpack it with `7z x {rar} -o{w.root} && mv {w.root}/RAND_CITYSCAPES/* {w.root}/`" in str(error.value)
    shutil.copytree(w.made, w.root / "RAND_CITYSCAPES")
    with pytest.raises(DataError, match=r"one folder too deep: `mv .*/RAND_CITYSCAPES/\* "):
        w.acquire()
    for part in (w.root / "RAND_CITYSCAPES").iterdir():
        part.rename(w.root / part.name)
    assert w.acquire()["images"] == {"train": 3}


def test_synthia_half_unpacked_names_the_missing_ids(world):
    """Two of three images, and which one is not there."""
    w = world("synthia")
    shutil.copytree(w.made, w.root, dirs_exist_ok=True)
    (w.root / "RGB/0000001.png").unlink()
    (w.root / "GT/LABELS/0000001.png").unlink()
    with pytest.raises(DataError):
        w.acquire()
    assert "train: 2 of 3 images, 2 labels; missing 0000001" in lacks("synthia", w.root, COUNTS["synthia"])


def test_mapillary_2_is_refused(world):
    """124 classes: another version, whose ids mean other things."""
    w = world("mapillary")
    config = json.loads((w.made / "config.json").read_text())
    config["labels"] *= 2
    (w.made / "config.json").write_text(json.dumps(config))
    with pytest.raises(DataError, match=r"config\.json: lists 132 classes, wanted the 66 of version 1\.2"):
        w.pack().acquire()


def test_two_at_once_are_refused(world):
    """The second process says so and touches nothing."""
    w = world("painters").pack()
    with steps.alone(w.out.with_name(".painters.lock"), "painters"), pytest.raises(DataError, match="is at work"):
        w.acquire()
    w.acquire()
