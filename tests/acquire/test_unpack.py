"""Archives that would harm, archives that are damaged, and unpacking that was stopped."""

import os
import signal
import subprocess
import sys
import time
import zipfile

import numpy as np
import pytest

from ash.acquire import members
from ash.acquire import unpack as module
from ash.acquire.archives import Archive
from ash.acquire.unpack import unpack
from ash.errors import DataError, StoreError

IMAGES = Archive("a.zip", ("images/*.png",))
RNG = np.random.default_rng(0)


def zipped(path, members, compression=zipfile.ZIP_STORED):
    """A zip of {name or ZipInfo: bytes}."""
    with zipfile.ZipFile(path, "w", compression) as file:
        for member, content in members:
            file.writestr(member, content)
    return path


def test_members_of_the_set_are_unpacked(tmp_path):
    """What matches; the rest is counted."""
    files = [("images/1.png", b"one"), ("images/2.png", b"two!"), ("labels/1.png", b"x"), ("images/deep/3.png", b"x")]
    contents = unpack(zipped(tmp_path / "a.zip", files), IMAGES, tmp_path / "root")
    assert contents.record() == {"members": 2, "unpacked_bytes": 7, "left_out": 2}
    assert sorted(p.name for p in (tmp_path / "root").rglob("*.png")) == ["1.png", "2.png"]
    assert (tmp_path / "root/images/2.png").read_bytes() == b"two!"


@pytest.mark.parametrize(
    "name", ["../evil.png", "/evil.png", "images/../../evil.png", "images\\..\\..\\evil.png", "C:/evil.png"]
)
def test_a_member_outside_is_refused(tmp_path, name):
    """The whole archive, even though the member is none of the set's; nothing is written."""
    (tmp_path / "in").mkdir()
    info = zipfile.ZipInfo("x")
    info.filename = info.orig_filename = name
    path = zipped(tmp_path / "in/a.zip", [("images/1.png", b"1"), (info, b"evil")])
    with pytest.raises(DataError, match=r"refused, 1 unsafe member.*\n.*lies outside the set's folder"):
        unpack(path, IMAGES, tmp_path / "in/root")
    assert not (tmp_path / "in/root").exists()
    assert not list(tmp_path.rglob("evil.png"))


def test_a_link_is_refused(tmp_path):
    """A symbolic link as a member, as Unix zip stores it."""
    info = zipfile.ZipInfo("images/1.png")
    info.external_attr = 0o120777 << 16
    with pytest.raises(DataError, match="is not a plain file"):
        unpack(zipped(tmp_path / "a.zip", [(info, "/etc/passwd")]), IMAGES, tmp_path / "root")


def test_a_bomb_is_refused(tmp_path):
    """20 MB of zeros in a few kB: a thousandfold."""
    path = zipped(tmp_path / "a.zip", [("images/1.png", bytes(20_000_000))], zipfile.ZIP_DEFLATED)
    with pytest.raises(DataError, match=r"grows \d{3,4}-fold, wanted at most 100"):
        unpack(path, IMAGES, tmp_path / "root")


def test_many_members_that_are_too_much_together(tmp_path, monkeypatch):
    """Each within its ratio, all together beyond the archive's."""
    monkeypatch.setattr(members, "TOTAL_FLOOR", 1000)
    path = zipped(tmp_path / "a.zip", [(f"images/{k}.png", bytes(900_000)) for k in range(3)], zipfile.ZIP_DEFLATED)
    with pytest.raises(DataError, match=r"2700000 bytes in all, wanted at most \d+"):
        unpack(path, IMAGES, tmp_path / "root")


def test_a_name_twice_is_refused(tmp_path):
    """Which of the two would be the file?"""
    with pytest.warns(UserWarning, match="Duplicate"):
        path = zipped(tmp_path / "a.zip", [("images/1.png", b"1"), ("images/1.png", b"2")])
    with pytest.raises(DataError, match=r"'images/1\.png': 2 times in the archive"):
        unpack(path, IMAGES, tmp_path / "root")


def test_another_archive_is_named(tmp_path):
    """What it holds and what was wanted, in one line."""
    path = zipped(tmp_path / "a.zip", [("labels/1.png", b"1")])
    with pytest.raises(
        DataError, match=r"a\.zip: wrong archive, holds 'labels/1\.png', wanted images/\*\.png"
    ) as error:
        unpack(path, IMAGES, tmp_path / "root")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [b"<html>please log in</html>", b"PK\x03\x04 and then nothing", b""])
def test_what_is_no_archive_is_named(tmp_path, content):
    """A web page under the archive's name, or a part of an archive."""
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(DataError, match=r"a\.zip: (a web page.*|a zip archive|empty), not a whole zip archive \("):
        unpack(tmp_path / "a.zip", IMAGES, tmp_path / "root")


def test_a_flipped_bit_is_found(tmp_path):
    """The member's CRC: it is named, and does not get its final name."""
    path = zipped(tmp_path / "a.zip", [("images/1.png", b"A" * 1000), ("images/2.png", b"B" * 1000)])
    content = bytearray(path.read_bytes())
    content[content.index(b"BBBB") + 500] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(DataError, match=r"member images/2\.png is damaged .*; remove the archive and fetch it again"):
        unpack(path, IMAGES, tmp_path / "root")
    assert [p.name for p in (tmp_path / "root/images").iterdir()] == ["1.png"]


def test_whole_files_are_kept_and_others_mended(tmp_path):
    """Of three files one is right, one has another content, one is cut: two are written again, one is not touched."""
    path = zipped(tmp_path / "a.zip", [(f"images/{k}.png", bytes([k]) * 1000) for k in range(3)])
    unpack(path, IMAGES, tmp_path / "root")
    folder = tmp_path / "root/images"
    os.utime(folder / "0.png", ns=(1, 1))
    (folder / "1.png").write_bytes(b"x" * 1000)
    (folder / "2.png").write_bytes(b"x" * 10)
    unpack(path, IMAGES, tmp_path / "root")
    assert (folder / "0.png").stat().st_mtime_ns == 1
    assert [(folder / f"{k}.png").read_bytes() == bytes([k]) * 1000 for k in range(3)] == [True] * 3


def test_a_full_disk_is_named_before_anything_is_written(tmp_path, monkeypatch):
    """Bytes free and bytes wanted."""
    monkeypatch.setattr(module.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 5})())
    path = zipped(tmp_path / "a.zip", [("images/1.png", b"123456")])
    with pytest.raises(StoreError, match="5 bytes free, wanted 6"):
        unpack(path, IMAGES, tmp_path / "root")
    assert not (tmp_path / "root").exists()


def test_a_killed_unpacking_leaves_whole_files(tmp_path):
    """SIGKILL in the middle: every file under a final name is whole; the next run brings the rest."""
    path = zipped(tmp_path / "a.zip", [(f"images/{k:03d}.png", RNG.bytes(400_000)) for k in range(100)])
    script = (
        "from pathlib import Path; from ash.acquire.unpack import unpack; from ash.acquire.archives import Archive;"
        f"unpack(Path({str(path)!r}), Archive('a.zip', ('images/*.png',)), Path({str(tmp_path / 'root')!r}))"
    )
    process = subprocess.Popen([sys.executable, "-c", script])
    folder = tmp_path / "root/images"
    while process.poll() is None and len(list(folder.glob("*.png")) if folder.exists() else []) < 10:
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.wait()
    written = list(folder.glob("[0-9]*.png"))
    assert 10 <= len(written) <= 100
    assert {p.stat().st_size for p in written} == {400_000}
    unpack(path, IMAGES, tmp_path / "root")
    with zipfile.ZipFile(path) as file:
        assert all((tmp_path / "root" / name).read_bytes() == file.read(name) for name in file.namelist())
    assert len(list(folder.iterdir())) == 100
