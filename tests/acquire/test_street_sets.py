"""Sets whose files are pinned one by one, and sets that the user has in a folder already."""

import gzip
import hashlib
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from ash import datasets
from ash.acquire.contents import read_contents
from ash.acquire.order import REPOSITORY, Order
from ash.acquire.sources import SOURCES
from ash.acquire.steps import acquire
from ash.acquire.streets import STREETS
from ash.errors import DataError, StoreError
from tests.acquire.test_steps import stage
from tests.support.fakes import fill, pack
from tests.support.server import serve


class World:
    """A street set as it is published: what is served, the list of its files, and the folder that it goes to."""

    def __init__(self, name, folder):
        self.name, self.said, self.source = name, [], SOURCES[name]
        self.made, self.served = fill(name, folder / "made", 3), folder / "served"
        self.root, self.out, self.pins = folder / f"raw/{name}", folder / "acquired.json", folder / "pins/set.json"
        self.pins.parent.mkdir()
        if self.source.contents:
            self.pin()
        for archive in self.source.archives:
            files = sorted(
                path for path in self.made.rglob("*.*") if archive.keeps(path.relative_to(self.made).as_posix())
            )
            prefix = archive.prefix
            pack(self.served / archive.name, self.made / archive.into, files, prefix)

    def pin(self):
        """List every file of the set, as the repository does of the published one."""
        files = sorted(self.made.rglob("*.png"))
        lines = [
            f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.relative_to(self.made).as_posix()}\n" for p in files
        ]
        (self.pins.parent / f"{self.source.contents}.sha256.gz").write_bytes(gzip.compress("".join(lines).encode()))

    def acquire(self, mirror=None, given=None, count=None):
        """Run the step; gives its record."""
        acquire(self.name, Order(self.root, count, self.out, self.pins, mirror, given), stage, self.said.append)
        return json.loads(self.out.read_text())


@pytest.fixture
def world(tmp_path):
    return lambda name: World(name, tmp_path)


@pytest.mark.parametrize("name", ["carla", "camvid_original", "kitti", "dark_zurich", "acdc", "bdd100k"])
def test_a_street_set_comes_from_its_archives(world, name):
    """From a server or from the folder of archives: every file is there with its bytes; the terms are told first."""
    w = world(name)
    if w.source.how == "hand":
        shutil.copytree(w.served, w.root / "archives")
        w.acquire()
    else:
        with serve(w.served) as server:
            w.acquire(server.url)
    dataset = datasets.load(name)
    for split in dataset.splits:
        for theirs, ours in zip(dataset.files(w.made, split), dataset.files(w.root, split), strict=True):
            assert {i: path.read_bytes() for i, path in theirs.items()} == {
                i: path.read_bytes() for i, path in ours.items()
            }
    assert w.said == [f"{name}: {w.source.licence}. Terms: {w.source.page}"]


def test_an_archive_that_is_packed_anew_is_taken(world):
    """Other bytes of an archive of the same files: no hash of the archive is held against it, each file's is."""
    w = world("carla")
    archive = w.served / w.source.archives[0].name
    with serve(w.served) as server:
        record = w.acquire(server.url)
        assert record["files"] == {"pinned": 6, "published": 6, "others": 0}
        assert not w.pins.exists()
        shutil.rmtree(w.root)
        pack(archive, w.made, sorted(w.made.rglob("*.png"), reverse=True), w.source.archives[0].prefix)
        again = w.acquire(server.url)
    assert again["files"] == record["files"]
    assert again["archives"] != record["archives"]


def test_a_file_that_the_publisher_has_changed_is_refused(world):
    """One label map of the archive is another: its name, both hashes, and nothing of it in the set's folder."""
    w = world("carla")
    wrong = w.made / "CameraSeg/000_0022.png"
    Image.fromarray(np.zeros((30, 40, 3), np.uint8)).save(wrong)
    pack(w.served / w.source.archives[0].name, w.made, sorted(w.made.rglob("*.png")), w.source.archives[0].prefix)
    with (
        serve(w.served) as server,
        pytest.raises(DataError, match=r"member CameraSeg/000_0022\.png has SHA-256 .*, wanted"),
    ):
        w.acquire(server.url)
    assert not (w.root / "CameraSeg/000_0022.png").exists()
    assert not w.out.exists()


def test_a_dropped_transfer_goes_on(world):
    """Two drops: the next request asks for the rest alone, and the set is whole."""
    w = world("carla")
    name = w.source.archives[0].name
    (w.made / "other.bin").write_bytes(np.random.default_rng(0).bytes(300_000))  # a repository holds other files too
    pack(w.served / name, w.made, sorted(w.made.rglob("*.*")), w.source.archives[0].prefix)
    with serve(w.served) as server:
        server.cut[name] = [100_000, 100_000]
        assert w.acquire(server.url)["files"]["pinned"] == 6
        assert [wanted is None for wanted in server.asked(name)] == [True, False, False]


def test_a_file_of_the_set_that_changed_on_disk_is_named(world):
    """A second run unpacks it anew; where the archive is gone, it says which file is not as pinned."""
    w = world("carla")
    with serve(w.served) as server:
        w.acquire(server.url)
    path = w.root / "CameraRGB/000_0023.png"
    Image.fromarray(np.zeros((30, 40, 3), np.uint8)).save(path)
    w.acquire()
    assert path.read_bytes() == (w.made / "CameraRGB/000_0023.png").read_bytes()
    shutil.rmtree(w.root / "archives")
    Image.fromarray(np.zeros((30, 40, 3), np.uint8)).save(path)
    with pytest.raises(DataError, match=r"1 file\(s\) are not the published ones; remove them") as error:
        w.acquire()
    assert f"{path}: has SHA-256" in str(error.value)


@pytest.mark.parametrize("below", ["", "carla", "Lyft-Challenge/images/stream1"])
def test_a_folder_that_holds_the_set_is_linked(world, tmp_path, below):
    """A part of the set, as it lies or below the folder that is given: verified, nothing fetched, nothing written there."""
    w = world("carla")
    given = tmp_path / "given"
    shutil.copytree(w.made, given / below)
    for kind in ("CameraRGB", "CameraSeg"):
        (given / below / kind / "000_0022.png").unlink()
    before = sorted(given.rglob("*"))
    for _ in range(2):
        record = w.acquire(given=given)
    assert record["files"] == {"pinned": 4, "published": 6, "others": 0}
    assert sorted(given.rglob("*")) == before
    assert w.root.is_symlink() and len(datasets.load("carla").index(w.root, "train", 0)) == 2
    assert w.acquire() == record


@pytest.mark.parametrize("spoil", ["changed", "incomplete", "another set", "no folder", "taken"])
def test_a_folder_that_does_not_hold_the_set_is_not_linked(world, tmp_path, spoil):
    """One line says why, and the set's folder is as before."""
    w = world("carla")
    given, count = tmp_path / "given", None
    shutil.copytree(w.made, given)
    if spoil == "changed":
        shutil.copy(given / "CameraRGB/000_0021.png", given / "CameraRGB/000_0022.png")
        line = r"CameraRGB/000_0022\.png: has SHA-256"
    elif spoil == "incomplete":
        count, line = {"train": 4}, "carla is incomplete .*missing 000_0024"
    elif spoil == "another set":
        given, line = fill("camvid", tmp_path / "camvid"), "holds no carla; wanted CameraRGB/000_0021.png"
    elif spoil == "no folder":
        given, line = tmp_path / "nothing", "no such folder; give the one that holds carla"
    else:
        w.root.mkdir(parents=True)
        (w.root / "mine.txt").write_text("x")
        line = "raw/carla: is there already, wanted none, to link it to"
    with pytest.raises(DataError, match=line):
        w.acquire(given=given, count=count)
    assert not w.root.is_symlink() and w.root.exists() == (spoil == "taken")


def test_frames_of_another_recording_have_no_pin(world, tmp_path):
    """Names that the list does not have are counted and let be: the layout is that of other drives too."""
    w = world("carla")
    for kind in ("CameraRGB", "CameraSeg"):
        shutil.copy(w.made / kind / "000_0021.png", w.made / kind / "F61-1.png")
    assert w.acquire(given=w.made)["files"] == {"pinned": 6, "published": 6, "others": 2}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"x",
        gzip.compress(b"", mtime=0),
        gzip.compress(b"abc  x.png\n", mtime=0),
        gzip.compress(b"a" * 99, mtime=0)[:30],
    ],
)
def test_a_list_that_is_none_is_told(tmp_path, content):
    """Empty, damaged, cut off or of another shape: one line with the file."""
    (tmp_path / "carla.sha256.gz").write_bytes(content)
    with pytest.raises(StoreError, match=r"carla\.sha256\.gz: .*; restore it from version control") as error:
        read_contents(tmp_path / "carla.sha256.gz")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "count"), [("carla", {"train": 479}), ("camvid", {"train": 367, "val": 101, "test": 233})]
)
def test_the_lists_of_the_repository(name, count):
    """An image and a label map of every published frame, in the folders that the set's reader looks into."""
    listed = read_contents(REPOSITORY / f"pins/{name}.sha256.gz")
    patterns = SOURCES[name].archives[0].keep
    assert len(listed) == 2 * sum(count.values())
    assert all(SOURCES[name].archives[0].keeps(path) for path in listed)
    assert sorted({path.rpartition("/")[0] for path in listed}) == sorted(
        pattern.rpartition("/")[0] for pattern in patterns
    )


def test_urbansyn_comes_file_by_file(world):
    """As many frames as the protocol counts; after a missing one the same command goes on; each file is pinned."""
    w = world("urbansyn")
    with pytest.raises(DataError, match="is fetched file by file .*; state `count` in the protocol"):
        w.acquire()
    last = w.made / "ss/ss_0002.png"
    last.rename(w.made / "away")
    with serve(w.made) as server:
        with pytest.raises(DataError, match=r"ss/ss_0002\.png: the server answers 404"):
            w.acquire(server.url, count={"train": 2})
        assert not w.pins.exists()
        (w.made / "away").rename(last)
        server.requests.clear()
        assert w.acquire(server.url, count={"train": 2})["images"] == {"train": 2}
        assert server.asked("rgb/rgb_0001.png") == [] and len(server.requests) == 1
    assert last.read_bytes() == (w.root / "ss/ss_0002.png").read_bytes()
    assert not (w.root / "rgb/rgb_0003.png").exists()
    assert list(json.loads(w.pins.read_text())) == [
        f"{kind}/{kind}_000{k}.png" for kind in ("rgb", "ss") for k in (1, 2)
    ]


@pytest.mark.parametrize("name", STREETS)
def test_every_street_set_has_a_reader(name):
    """Of the same name, so that a protocol can describe it."""
    assert datasets.load(name).name == name == STREETS[name].name
