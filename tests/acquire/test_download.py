"""Transfers that stop, servers that change the file, hashes that do not fit."""

import errno
import hashlib
import json

import numpy as np
import pytest

from ash.acquire.download import ATTEMPTS, BLOCK, Transfer, fetch
from ash.errors import DataError, StoreError
from tests.support.server import serving

CONTENT = b"PK\x03\x04" + np.random.default_rng(0).bytes(2_999_996)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def server(tmp_path):
    with serving(tmp_path / "served", "a.zip", CONTENT) as state:
        yield state


def get(server, path, sha256=SHA256):
    """Fetch a.zip without waiting between attempts, and give it its name; gives the progress seen."""
    seen = []
    fetch(f"{server.url}/a.zip", path, sha256, lambda done, total: seen.append((done, total)), wait=0.0).replace(path)
    return seen


def test_a_file_comes_whole(server, tmp_path):
    """All bytes, progress in MiB, and nothing left beside it."""
    seen = get(server, tmp_path / "raw/a.zip")
    assert (tmp_path / "raw/a.zip").read_bytes() == CONTENT
    assert seen[-1] == (2, 2)
    assert list((tmp_path / "raw/.fetch").iterdir()) == []


def test_a_dropped_transfer_goes_on(server, tmp_path):
    """Two drops: each next request asks for the rest only, and the file is right."""
    server.cut["a.zip"] = [16 * BLOCK, 8 * BLOCK + 5]
    get(server, tmp_path / "a.zip")
    assert server.asked("a.zip") == [None, f"bytes={16 * BLOCK}-", f"bytes={24 * BLOCK}-"]
    assert (tmp_path / "a.zip").read_bytes() == CONTENT


def test_a_run_that_gives_up_keeps_its_part(server, tmp_path):
    """After the last attempt: one line, no file under the final name; the next run sends only the rest."""
    server.cut["a.zip"] = [BLOCK] * ATTEMPTS
    with pytest.raises(
        DataError, match=rf"a\.zip: stopped after {ATTEMPTS * BLOCK} bytes .*; run the same command again"
    ):
        get(server, tmp_path / "a.zip")
    assert not (tmp_path / "a.zip").exists()
    server.requests.clear()
    get(server, tmp_path / "a.zip")
    assert server.asked("a.zip") == [f"bytes={ATTEMPTS * BLOCK}-"]
    assert (tmp_path / "a.zip").read_bytes() == CONTENT


def test_a_part_that_was_whole_is_not_sent_again(server, tmp_path):
    """Killed between the last byte and the renaming: the server says so (416), and nothing is sent."""
    (tmp_path / ".fetch").mkdir()
    (tmp_path / ".fetch/a.zip.part").write_bytes(CONTENT)
    (tmp_path / ".fetch/a.zip.tag").write_text(json.dumps(['"1"', str(len(CONTENT))]))
    get(server, tmp_path / "a.zip")
    assert server.asked("a.zip") == ["bytes=3000000-"]
    assert (tmp_path / "a.zip").read_bytes() == CONTENT


def test_a_server_without_ranges_starts_anew(server, tmp_path):
    """It sends the whole file, which is not appended to the part."""
    server.ranges, server.cut["a.zip"] = False, [1_000_000]
    get(server, tmp_path / "a.zip")
    assert (tmp_path / "a.zip").read_bytes() == CONTENT


def test_a_file_that_changes_meanwhile_starts_anew(server, tmp_path):
    """Another ETag: the old beginning is not mixed with the new rest."""
    server.cut["a.zip"] = [1_000_000] + [0] * (ATTEMPTS - 1)
    with pytest.raises(DataError, match="stopped"):
        get(server, tmp_path / "a.zip")
    other = CONTENT[:4] + CONTENT[:3:-1]
    (server.folder / "a.zip").write_bytes(other)
    server.version = "2"
    get(server, tmp_path / "a.zip", hashlib.sha256(other).hexdigest())
    assert (tmp_path / "a.zip").read_bytes() == other


def test_a_wrong_hash_is_named(server, tmp_path):
    """One line with the address and the remedy; the file does not get its final name."""
    with pytest.raises(DataError, match=r"a\.zip: what http.* has another SHA-256 than pinned") as error:
        get(server, tmp_path / "a.zip", "0" * 64)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "a.zip").exists()


def test_a_missing_file_is_named_at_once(server, tmp_path):
    """404 is not tried again."""
    with pytest.raises(DataError, match=r"b\.zip: the server answers 404"):
        fetch(f"{server.url}/b.zip", tmp_path / "b.zip", None, lambda *_: None, wait=0.0)
    assert len(server.requests) == 1


def test_a_busy_server_is_asked_again(server, tmp_path):
    """503 twice, then the file."""
    server.busy = 2
    get(server, tmp_path / "a.zip")
    assert len(server.requests) == 3
    assert (tmp_path / "a.zip").read_bytes() == CONTENT


def test_a_full_disk_is_one_line(server, tmp_path, monkeypatch):
    """StoreError with the remedy; the file does not get its final name."""

    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Transfer, "_write", full)
    with pytest.raises(StoreError, match=r"a\.zip: cannot be written \(No space left on device\); free space"):
        get(server, tmp_path / "a.zip")
    assert not (tmp_path / "a.zip").exists()


def test_a_server_that_is_down_is_named(tmp_path):
    """No connection: one line, exit by DataError."""
    with pytest.raises(DataError, match=r"a\.zip: stopped after 0 bytes"):
        fetch("http://127.0.0.1:9/a.zip", tmp_path / "a.zip", None, lambda *_: None, wait=0.0)
