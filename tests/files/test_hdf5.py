"""HDF5 files: failed writes are seen, and damage is never read as content."""

import contextlib
import fcntl
import shutil
import subprocess
import sys

import h5py
import hdf5plugin
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ash.errors import AshError, StoreError
from ash.files.hdf5 import PREPARED_SCHEMA, create_h5, open_h5, sidecar
from tests.support.limits import largest_file

ATTRIBUTES = {"dataset": "gta5", "split": "train", "image_size": (16, 8)}


def write(path, count=6):
    """A set of noise: images as they are, compressed labels, ids."""
    rng = np.random.default_rng(0)
    with create_h5(path, PREPARED_SCHEMA, ATTRIBUTES) as file:
        file.add("image", (count, 8, 16, 3), np.uint8)
        file.add("label", (count, 8, 16), np.uint8, **hdf5plugin.Bitshuffle(cname="lz4"))
        file.put("id", np.array([b"%05d" % k for k in range(count)]))
        for _ in range(count):
            file.append("image", rng.integers(0, 256, (1, 8, 16, 3), np.uint8))
            file.append("label", rng.integers(0, 19, (1, 8, 16), np.uint8))
    return path


def content(path):
    """All that a file holds, as bytes."""
    with open_h5(path, PREPARED_SCHEMA) as file:
        attributes = {name: str(value) for name, value in file.attrs.items()}
        return attributes, {name: file[name][:].tobytes() for name in ("image", "label", "id")}


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """A sound file, its bytes, those of its sidecar, and what it holds."""
    path = write(tmp_path_factory.mktemp("sound") / "x.h5")
    return path, path.read_bytes(), sidecar(path).read_bytes(), content(path)


@pytest.mark.parametrize("tenths", range(10))
def test_a_write_that_fails_is_seen(tmp_path, sound, tenths):
    """Whatever part of the file finds room: one line, and neither a file nor a sidecar nor a temporary."""
    room = len(sound[1]) * tenths // 10
    with largest_file(room), pytest.raises(StoreError, match=r"cannot be written .File too large.") as error:
        write(tmp_path / "x.h5")
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_file_before(tmp_path, sound):
    """A set that is made again where there is no room for it stays as it was, with its sidecar."""
    write(tmp_path / "x.h5")
    with largest_file(len(sound[1]) // 2), pytest.raises(StoreError):
        write(tmp_path / "x.h5", count=7)
    assert content(tmp_path / "x.h5") == sound[3]


def test_a_full_disk_is_seen_after_the_last_row(tmp_path):
    """HDF5 writes what it holds back when it closes the file: that write's failure is seen too."""
    told = pytest.raises(StoreError, match="cannot be written")
    with largest_file(4000), told, create_h5(tmp_path / "x.h5", PREPARED_SCHEMA, {}) as file:
        file.put("image", np.ones((2, 3000), np.uint8))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["image", "label", "feature"])
def test_a_chunk_of_zeros_is_found(tmp_path, name):
    """HDF5's own checksum of zeros is zero; ours is not.  Other rows read on."""
    rows = np.random.default_rng(1).integers(1, 200, (4, 8, 16), np.uint8)
    options = hdf5plugin.Bitshuffle(cname="lz4") if name == "label" else {}
    with create_h5(tmp_path / "x.h5", PREPARED_SCHEMA, {}) as file:
        file.add(name, rows.shape, np.uint8, **options)
        file.append(name, rows)
    with h5py.File(tmp_path / "x.h5") as file:
        chunk = file[name].id.get_chunk_info(2)
    damaged = bytearray((tmp_path / "x.h5").read_bytes())
    damaged[chunk.byte_offset : chunk.byte_offset + chunk.size] = bytes(chunk.size)
    (tmp_path / "x.h5").write_bytes(damaged)
    with open_h5(tmp_path / "x.h5", PREPARED_SCHEMA) as file:
        assert np.array_equal(file[name][1], rows[1])
        for index in (2, slice(1, 4), [0, 2], (2, slice(3)), (slice(None), 0)):
            with pytest.raises(StoreError, match=rf"x\.h5: /{name}\[.*\] cannot be read"):
                file[name][index]


def test_rows_are_those_of_numpy(sound):
    """Every form of index that the package uses gives what the same array in memory gives."""
    with open_h5(sound[0], PREPARED_SCHEMA) as file:
        images = file["image"]
        whole = images[:]
        for index in (3, -1, np.int64(2), slice(1, 5, 2), [0, 4], (2, slice(1, 4), slice(2, 9)), (slice(2), 3)):
            assert np.array_equal(images[index], whole[index])


def damage(sound, tmp, change, beside=False):
    """Whether a changed file or sidecar is read as the sound one; anything but an error of one line fails the test."""
    path, data, note, wanted = sound
    folder = tmp / "damaged"
    folder.mkdir(exist_ok=True)
    (folder / "x.h5").write_bytes(data if beside else change(bytearray(data)))
    (folder / "x.json").write_bytes(change(bytearray(note)) if beside else note)
    try:
        found = content(folder / "x.h5")
    except AshError as error:
        assert "\n" not in str(error)
        return
    assert found == wanted


many = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@many
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7), beside=st.booleans())
def test_a_flipped_bit_is_never_another_result(sound, tmp_path, place, bit, beside):
    """In the file or its sidecar: the same content, or one line."""

    def flip(data):
        data[int(place * len(data))] ^= 1 << bit
        return data

    damage(sound, tmp_path, flip, beside)


@many
@given(place=st.floats(0, 1, exclude_max=True), length=st.integers(1, 5000), beside=st.booleans())
@example(place=0.0, length=10**6, beside=False)
def test_a_lost_block_is_never_another_result(sound, tmp_path, place, length, beside):
    """Zeros in the place of bytes, such as a disk leaves: HDF5 is not even given what would keep it busy for ever."""

    def lose(data):
        start = int(place * len(data))
        data[start : start + length] = bytes(len(data[start : start + length]))
        return data

    damage(sound, tmp_path, lose, beside)


@many
@given(data=st.binary(max_size=300), place=st.floats(0, 1), beside=st.booleans())
def test_random_bytes_and_truncations_are_one_line(sound, tmp_path, data, place, beside):
    """A file cut anywhere, and whatever bytes behind the cut."""
    damage(sound, tmp_path, lambda sound: sound[: int(place * len(sound))] + data, beside)


def test_a_locked_file_is_not_called_damaged(tmp_path, monkeypatch):
    """A sound file that another program has locked is read; where HDF5 insists on a lock, the line names the setting."""
    write(tmp_path / "x.h5")
    code = f"""
import contextlib
from pathlib import Path
from ash.errors import AshError
from ash.files.hdf5 import *
try: print(len(open_h5(Path({str(tmp_path / "x.h5")!r}), PREPARED_SCHEMA)["image"]))
except AshError as error: print(error)
"""
    with (tmp_path / "x.h5").open("rb+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert len(content(tmp_path / "x.h5")) == 2
        monkeypatch.setenv("HDF5_USE_FILE_LOCKING", "TRUE")
        run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "set HDF5_USE_FILE_LOCKING=FALSE" in run.stdout
    assert "delete" not in run.stdout


@pytest.mark.parametrize("cause", [PermissionError(13, "Permission denied"), OSError(5, "Input/output error")])
def test_a_forbidden_file_is_not_called_damaged(tmp_path, monkeypatch, cause):
    """Neither missing permissions nor a failing disk is a reason to delete a file."""
    write(tmp_path / "x.h5")

    def refuse(*_, **__):
        raise cause

    monkeypatch.setattr(h5py, "File", refuse)
    with pytest.raises(StoreError, match=r"x\.h5: .*(Permission denied|Input/output error)") as error:
        open_h5(tmp_path / "x.h5", PREPARED_SCHEMA)
    assert "delete" not in str(error.value)


def test_a_folder_is_no_hdf5_file(tmp_path):
    """It is called a folder."""
    (tmp_path / "x.h5").mkdir()
    with pytest.raises(StoreError, match=r"x\.h5: a folder, wanted an HDF5 file"):
        open_h5(tmp_path / "x.h5", PREPARED_SCHEMA)


def test_a_sidecar_of_another_file_is_refused(tmp_path):
    """Two sound files whose sidecars were exchanged."""
    write(tmp_path / "a.h5")
    write(tmp_path / "b.h5", count=7)
    shutil.copy(tmp_path / "b.json", tmp_path / "a.json")
    with pytest.raises(StoreError, match=r"not the one that a\.json describes"):
        open_h5(tmp_path / "a.h5", PREPARED_SCHEMA)


def test_damage_that_carries_its_own_digest_is_one_line(tmp_path):
    """A file that is no HDF5 at all, with a sidecar made for it: h5py's errors become one line."""
    import json

    from ash.files.atomic import digest
    from ash.files.frame import _digest

    path = tmp_path / "x.h5"
    path.write_bytes(b"no HDF5" * 100)
    frame = {"size": 700, "runs": [[0, 700]], "sha256": _digest(path, [[0, 700]])}
    described = {"schema": PREPARED_SCHEMA, "content": "", "frame": frame}
    sidecar(path).write_text(json.dumps(described | {"digest": digest(described)}))
    with (
        pytest.raises(StoreError, match="not a readable HDF5 file"),
        contextlib.closing(open_h5(path, PREPARED_SCHEMA)),
    ):
        pass


def test_no_file_of_another_kind_is_replaced(tmp_path):
    """A manifest with the sidecar's name, a file of another schema, and the name of a sidecar itself: one line, all stay."""
    manifest, other = tmp_path / "a.json", tmp_path / "b.h5"
    manifest.write_text('{"dataset": "gta5", "splits": {}}')
    with create_h5(other, "ash-features-2", {}) as file:
        file.put("id", np.array([b"0"]))
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    for path in (tmp_path / "a.h5", other, tmp_path / "c.json"):
        with pytest.raises(StoreError, match=r"name another file|name an HDF5 file"):
            write(path)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_an_earlier_file_of_its_kind_is_replaced(tmp_path):
    """Of the same schema, of an older version of it, or damaged: the new file is the one that is there."""
    wanted = content(write(tmp_path / "a.h5", 3))
    for beside in ('{"schema": "ash-prepared-1"}', '{"schema": "ash-prep', ""):
        sidecar(tmp_path / "a.h5").write_text(beside)
        assert content(write(tmp_path / "a.h5", 3)) == wanted
