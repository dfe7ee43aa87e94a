"""What servers send and people put in the place of archives and weights: never kept under the final name, never in the way."""

import json
import zipfile
from contextlib import nullcontext

import pytest
import torch

from ash.acquire.order import Order
from ash.acquire.steps import acquire
from ash.acquire.weights import acquire_weights
from ash.errors import DataError
from tests.acquire.test_steps import COUNTS, stage, world  # noqa: F401  a fixture
from tests.support.server import serve

IMPOSTORS = {
    "page": (b"<!DOCTYPE html><html><title>Sign in</title>", "a web page (HTML)"),
    "pointer": (b"version https://git-lfs.github.com/spec/v1\nsize 7", "a Git LFS pointer"),
    "xml": (b"<?xml version='1.0'?><Error/>", "an XML document"),
    "json": (b'{"error": "quota"}', "JSON text"),
    "gzip": (b"\x1f\x8b\x08\x00 of something", "gzip data"),
    "empty": (b"", "empty"),
    "zeros": (bytes(5000), "nothing but zeros"),
}


@pytest.fixture
def served(tmp_path):
    (tmp_path / "served").mkdir()
    with serve(tmp_path / "served") as server:
        yield server


@pytest.mark.parametrize("name", IMPOSTORS)
def test_an_impostor_is_not_kept(world, served, name):  # noqa: F811
    """Each archive is named with what came; then the same command fetches the true ones, and all is well."""
    content, found = IMPOSTORS[name]
    w = world("gta5").pack(served.folder)
    true = {path: path.read_bytes() for path in served.folder.iterdir()}
    for path in true:
        path.write_bytes(content)
    with pytest.raises(DataError, match=r"gta5: 20 archive\(s\) missing or wrong") as error:
        w.acquire(served.url)
    assert f"01_images.zip: what the server sends is {found}" in str(error.value)
    assert not list(w.archives.glob("*.zip")) and not w.pins.exists()
    assert not [path for path in (w.archives / ".fetch").rglob("*") if path.is_file()]
    for path, whole in true.items():
        path.write_bytes(whole)
    assert w.acquire(served.url)["images"] == COUNTS["gta5"]


@pytest.mark.parametrize(
    "spoil", [lambda whole: whole[: len(whole) // 2], lambda whole: whole.replace(b"IDAT", b"IDAX", 1)]
)
def test_a_damaged_archive_is_fetched_again(world, served, spoil):  # noqa: F811
    """Cut, or with other bytes in a member: not kept, nothing half unpacked; the same command fetches it again."""
    w = world("gta5").pack(served.folder)
    path = served.folder / "07_images.zip"
    images = sorted((w.made / "images").glob("*.png"))[6::10]
    with zipfile.ZipFile(path, "w") as out:  # not packed, so that the bytes of an image can be found
        for image in images:
            out.write(image, image.relative_to(w.made).as_posix())
    whole = path.read_bytes()
    path.write_bytes(spoil(whole))
    with pytest.raises(
        DataError, match=r"1 archive\(s\).*\n.*07_images\.zip: sent what is of no use, nothing of it was kept"
    ):
        w.acquire(served.url)
    assert len(list(w.archives.glob("*.zip"))) == 19
    path.write_bytes(whole)
    assert w.acquire(served.url)["images"] == COUNTS["gta5"]


@pytest.mark.parametrize("name", IMPOSTORS)
def test_what_somebody_put_there_stays(world, name):  # noqa: F811
    """It is named with what it is, and is to be removed by whoever put it there."""
    content, found = IMPOSTORS[name]
    w = world("mapillary")
    archive = w.archives / "mapillary-vistas-dataset_public_v1.2.zip"
    archive.write_bytes(content)
    with pytest.raises(DataError) as error:
        w.acquire()
    assert f"{archive}: {found}, wanted a zip archive; " in str(error.value)
    assert f"remove it, then fetch {archive.name} from https://www.mapillary.com" in str(error.value)
    assert archive.read_bytes() == content


def test_a_folder_in_the_place_of_an_archive(world):  # noqa: F811
    """As some programs unpack it."""
    w = world("mapillary")
    (w.archives / "mapillary-vistas-dataset_public_v1.2.zip").mkdir()
    with pytest.raises(DataError, match=r"v1\.2\.zip: a folder, wanted a zip archive; remove it"):
        w.acquire()


@pytest.mark.parametrize("name", [*IMPOSTORS, "vgg", "nan"])
def test_weights_that_are_none(tmp_path, served, name):
    """Neither kept nor pinned, whatever came; then the same command fetches the true file."""
    path = served.folder / "decoder.pth"
    if name == "vgg":
        torch.save({"features.0.weight": torch.ones(2)}, path)
    elif name == "nan":
        path.write_bytes(b"\x80\x02 and no checkpoint")
    else:
        path.write_bytes(IMPOSTORS[name][0])
    target, out, pins = tmp_path / "weights/decoder.pth", tmp_path / "out.json", tmp_path / "pins.json"
    for _ in range(2):
        with pytest.raises(DataError, match=r"weights: 1 file\(s\) missing or wrong\n.*nothing of it was kept"):
            acquire_weights([target], out, pins, served.url, stage)
    assert len(served.requests) == 2
    assert not target.exists() and not pins.exists() and not out.exists()
    torch.save({"28.weight": torch.ones(2)}, path)
    acquire_weights([target], out, pins, served.url, stage)
    assert json.loads(pins.read_text()).keys() == {"decoder.pth"}


def test_a_server_that_is_silent_is_asked_for_one_archive_only(world, served, monkeypatch):  # noqa: F811
    """The others would take as long: the first is named, and the line says that the same command goes on."""
    w = world("gta5")
    order = Order(w.root, None, w.out, w.pins, "http://127.0.0.1:9")
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    with pytest.raises(
        DataError, match=r"gta5: 1 archive\(s\) missing or wrong\n.*01_images\.zip: stopped after 0 bytes"
    ):
        acquire("gta5", order, lambda title: nullcontext(lambda done, total: None), w.said.append)
