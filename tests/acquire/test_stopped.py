"""Acquisitions that were stopped: a part is never called whole, two never work at once, and nothing secret outlives a kill."""

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from ash.acquire import cityscapes_login, unpack
from ash.acquire.cityscapes_login import PASSWORD, USERNAME
from ash.acquire.disk import alone
from ash.acquire.status import begun, lacks
from ash.acquire.steps import acquire
from ash.errors import AshError, DataError, StoreError
from tests.acquire.test_steps import stage, world  # noqa: F401  a fixture
from tests.support.server import serve
from tests.tools import kills_acquire


@pytest.fixture
def server(tmp_path):
    (tmp_path / "served").mkdir()
    with serve(tmp_path / "served") as state:
        yield state


def bring(w, server):
    """Acquire gta5 in a protocol that does not know how many images there are."""
    acquire("gta5", replace(w.order(server.url), count=None), stage, w.said.append)
    return json.loads(w.out.read_text())


def test_a_part_is_never_called_whole(world, server):  # noqa: F811
    """Six of 20 archives, whose images and labels agree: `ash check` says so, and the same command brings the rest."""
    w = world("gta5").pack(server.folder)
    gone = server.folder.rename(server.folder.with_name("gone"))
    server.folder.mkdir()
    for path in sorted(gone.iterdir())[:6]:
        shutil.copy(path, server.folder)
    with pytest.raises(DataError, match=r"gta5: 14 archive\(s\) missing or wrong"):
        bring(w, server)
    assert (
        f"is not whole, `ash acquire gta5` was stopped in the middle; run it again, or remove {begun(w.root)}"
        in lacks("gta5", w.root, None)
    )
    shutil.copytree(gone, server.folder, dirs_exist_ok=True)
    record = bring(w, server)
    assert len(record["archives"]) == 20 and record["images"] == {"train": 12, "val": 12}
    assert lacks("gta5", w.root, None) is None
    assert sorted(path.name for path in w.archives.iterdir() if path.suffix != ".zip") == [".lock"]


def test_the_journal_may_be_lost(world, server, tmp_path):  # noqa: F811
    """Also in another checkout's records the set is known to be a part, since the mark lies with the data."""
    w = world("gta5").pack(server.folder)
    shutil.move(server.folder / "09_labels.zip", tmp_path)
    with pytest.raises(DataError, match="1 archive"):
        bring(w, server)
    w.out.with_name(".gta5.json").unlink()
    with pytest.raises(DataError, match="1 archive"):
        acquire("gta5", replace(w.order(server.url), out=tmp_path / "other/gta5.json"), stage, w.said.append)


def test_a_folder_that_was_always_there_needs_no_mark(world):  # noqa: F811
    """A set put there by hand, without archives."""
    w = world("gta5")
    shutil.rmtree(w.root)
    shutil.copytree(w.made, w.root)
    acquire("gta5", replace(w.order(), count=None), stage, w.said.append)
    assert not w.archives.exists()


def test_what_was_fetched_whole_is_not_fetched_again(world, server, monkeypatch):  # noqa: F811
    """A kill between the last byte and the unpacking: the next run asks the server for the others only."""
    w = world("gta5").pack(server.folder)

    def killed(*arguments, **options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("ash.acquire.steps.unpack", killed)
        bring(w, server)
    assert (w.archives / ".fetch/01_images.zip").exists()
    server.requests.clear()
    bring(w, server)
    assert len(server.requests) == 19 and not server.asked("01_images.zip")


def test_two_checkouts_do_not_write_to_one_folder(world, server, tmp_path):  # noqa: F811
    """Their records lie apart, but the set's folder is one."""
    w = world("gta5").pack(server.folder)
    order = replace(w.order(server.url), out=tmp_path / "other/gta5.json")
    w.archives.mkdir(parents=True, exist_ok=True)
    with alone(w.archives / ".lock", "gta5"), pytest.raises(DataError, match="another `ash acquire gta5` is at work"):
        acquire("gta5", order, stage, w.said.append)
    assert not server.requests
    acquire("gta5", order, stage, w.said.append)


def test_kills_end_as_an_undisturbed_run():
    """Three SIGKILLs at moments that a seed draws; `python -m tests.tools.kills_acquire` does 50."""
    assert kills_acquire.run(3, seed=7) == []


def test_an_account_does_not_outlive_a_kill(tmp_path):
    """csDownload reads it while it runs; after a SIGKILL of both, no file holds it."""
    script = tmp_path / "csdownload.py"
    script.write_text(
        "import json, os, sys, time\n"
        "account = json.load(open(os.environ['XDG_DATA_HOME'] + '/cityscapesscripts/credentials.json'))\n"
        "open(sys.argv[1], 'w').write(str(len(account['password'])))\n"
        "time.sleep(60)\n"
    )
    parent = (
        "from pathlib import Path; import sys; from ash.acquire.cityscapes_login import fetch\n"
        f"command = [sys.executable, {str(script)!r}, {str(tmp_path / 'seen')!r}]\n"
        f"fetch(Path({str(tmp_path / 'archives/a.zip')!r}), command=command)"
    )
    environment = os.environ | {USERNAME: "me", PASSWORD: "Tr0ub4dor", "TMPDIR": str(tmp_path)}
    process = subprocess.Popen([sys.executable, "-c", parent], env=environment, start_new_session=True)
    while not (tmp_path / "seen").exists() or not (tmp_path / "seen").read_text():
        assert process.poll() is None
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert (tmp_path / "seen").read_text() == "9"
    assert not [p for p in tmp_path.rglob("*") if p.is_file() and b"Tr0ub4dor" in p.read_bytes()]


def test_csdownload_that_receives_nothing_ends(tmp_path, monkeypatch):
    """It has no timeout of its own."""
    monkeypatch.setattr(cityscapes_login, "STALL", 0.1)
    monkeypatch.setattr(cityscapes_login, "EVERY", 0.05)
    silent = [sys.executable, "-c", "import time; time.sleep(60)"]
    environment = os.environ | {USERNAME: "me", PASSWORD: "secret"}
    with pytest.raises(DataError, match=r"a\.zip: csDownload has received nothing for 0 s; .* run it again"):
        cityscapes_login.fetch(tmp_path / "archives/a.zip", environment=environment, command=silent)


def test_an_orphan_of_a_killed_run_holds_its_part(tmp_path):
    """csDownload that goes on after its parent was killed: a second one would write into the same file."""
    environment = os.environ | {USERNAME: "me", PASSWORD: "secret"}
    parts = tmp_path / "archives/.fetch/csDownload"
    with alone(parts / ".lock", "a.zip"), pytest.raises(DataError, match="is at work; wait for it"):
        cityscapes_login.fetch(tmp_path / "archives/a.zip", environment=environment, command=["false"])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written(world, server):  # noqa: F811
    """One line each, and no half files."""
    w = world("gta5").pack(server.folder)
    w.archives.chmod(stat.S_IREAD | stat.S_IEXEC)
    with pytest.raises(StoreError, match=r"cannot be written \(Permission denied\)"):
        bring(w, server)
    assert not list(w.archives.iterdir())


@pytest.mark.parametrize("place", ["archives", "images", "acquired.json", "pins.json"])
def test_something_else_in_the_place_of_a_folder_or_file(world, server, place):  # noqa: F811
    """A file where a folder belongs, or the other way: an AshError, and no half files under final names."""
    w = world("gta5").pack(server.folder)
    shutil.rmtree(w.root)
    w.root.mkdir()
    if place.endswith("json"):
        w.out.with_name(place).mkdir()
    else:
        (w.root / place).write_text("in the way")
    with pytest.raises(AshError) as error:
        bring(w, server)
    assert "in the way" not in str(error.value)
    assert not list(w.root.rglob("*.part"))


def test_a_full_disk_leaves_no_half_member(world, monkeypatch):  # noqa: F811
    """The write fails in the middle of a file: one line, nothing of it; with room the same command goes on."""
    w = world("mapillary").pack()

    class Full:
        def __init__(self, blocks):
            self.blocks = blocks

        def __iter__(self):
            yield b"half"
            raise OSError(28, "No space left on device")

    with (
        monkeypatch.context() as patch,
        pytest.raises(DataError, match=r"cannot be written \(No space left on device\)"),
    ):
        patch.setattr(unpack, "_blocks", lambda *arguments: Full(arguments))
        w.acquire()
    assert not [path for path in w.root.rglob("*") if path.is_file() and path.suffix in (".jpg", ".png", ".part")]
    assert w.acquire()["images"] == {"train": 3, "val": 3}


def test_a_full_disk_is_said_once(world, server, monkeypatch):  # noqa: F811
    """The next archives would meet it too: one line, and with room the same command brings all."""
    w = world("gta5").pack(server.folder)

    def full(*arguments):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("ash.acquire.download.Transfer._write", full)
        with pytest.raises(
            DataError, match=r"gta5: 1 archive\(s\).*\n.*01_images.zip: cannot be written \(No space left"
        ):
            bring(w, server)
    assert len(server.requests) == 1
    assert len(bring(w, server)["archives"]) == 20
