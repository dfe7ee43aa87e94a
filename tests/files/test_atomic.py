"""Files written whole or not at all."""

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from ash.errors import StoreError
from ash.files.atomic import atomic, read_json, write_json, write_text
from tests.support.limits import largest_file


def one_line(error) -> str:
    """The message of an error, which has one line."""
    text = str(error.value)
    assert "\n" not in text
    return text


@pytest.mark.parametrize(
    ("name", "remedy"),
    [("file/below.json", "a file lies where a folder should be"), ("file/a/b.json", "a file lies where"),
     ("folder", "a folder has that name"), ("x" * 300, "choose a shorter name")],
)  # fmt: skip
def test_a_name_that_cannot_be_is_one_line(tmp_path, name, remedy):
    """A file in the place of a folder, a folder in that of a file, and a name too long: the remedy is named."""
    (tmp_path / "file").write_text("kept")
    (tmp_path / "folder").mkdir()
    with pytest.raises(StoreError, match="cannot be written") as error:
        write_text(tmp_path / name, "new")
    assert remedy in one_line(error)
    assert (tmp_path / "file").read_text() == "kept"


def test_a_file_that_may_not_grow_leaves_the_old_one(tmp_path):
    """A write that fails midway: the old content stays, no temporary does, and the line says what to do."""
    write_text(tmp_path / "a.txt", "old")
    with largest_file(1000), pytest.raises(StoreError, match=r"a\.txt: cannot be written .File too large.; raise"):
        write_text(tmp_path / "a.txt", "new" * 1000)
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "old"


def test_the_first_error_is_told(tmp_path, monkeypatch):
    """Where the temporary file cannot even be removed, as on a disk that became read-only, the write's error is told."""

    def refuse(*_, **__):
        raise OSError(errno.EROFS, "Read-only file system")

    with pytest.raises(StoreError, match="No space left"), atomic(tmp_path / "a"):
        monkeypatch.setattr(Path, "unlink", refuse)
        raise OSError(errno.ENOSPC, "No space left on device")


def test_an_error_of_another_file_names_that_file(tmp_path):
    """A source that vanished while a file is written is not taken for a full disk."""
    told = pytest.raises(StoreError, match=r"gone\.png: No such file or directory, so .*a\.h5 cannot be made")
    with told, atomic(tmp_path / "a.h5"):
        (tmp_path / "gone.png").open("rb")


KILLED = """
import os, sys, signal
from pathlib import Path
from ash.files.atomic import atomic
with atomic(Path(sys.argv[1])) as temporary:
    temporary.write_text("half")
    print("written", flush=True)
    sys.stdin.readline()
"""


def writer(path: Path) -> subprocess.Popen:
    """A process that has begun to write `path` and waits."""
    command = [sys.executable, "-c", KILLED, str(path)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "written\n"
    return process


def test_temporaries_of_dead_writers_go_and_of_living_ones_stay(tmp_path):
    """The next writer of a name removes what a killed one left, and leaves alone what another is still writing."""
    with writer(tmp_path / "a.h5") as dead, writer(tmp_path / "a.h5") as living:
        dead.kill()
        dead.wait()
        assert len(list(tmp_path.glob(".a.h5.*.tmp"))) == 2
        write_text(tmp_path / "a.h5", "new")
        assert len(list(tmp_path.glob(".a.h5.*.tmp"))) == 1
        living.communicate("\n", timeout=30)
    assert living.returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["a.h5"]
    assert (tmp_path / "a.h5").read_text() == "half"


def test_temporaries_of_other_names_stay(tmp_path):
    """Writing a.h5 does not touch what was left of b.h5, nor a file that merely begins alike."""
    for name in (".b.h5.1.tmp", ".a.h5", "a.h5.1.tmp"):
        (tmp_path / name).write_text("")
    write_text(tmp_path / "a.h5", "")
    assert len(list(tmp_path.iterdir())) == 4


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"[1]", "JSON of type list, wanted dict"), (b"null", "JSON of type NoneType"), (b"{", "not JSON"),
     (b"\xff\xfe", "not JSON"), (b"[" * 100_000, "nested too deeply")],
)  # fmt: skip
def test_json_of_another_shape_is_one_line(tmp_path, content, told):
    """A list, null, half an object, bytes that are no text, and brackets without end."""
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(StoreError, match=told) as error:
        read_json(tmp_path / "a.json")
    assert one_line(error).startswith(str(tmp_path / "a.json"))


def test_a_folder_is_no_json(tmp_path):
    """Nor is it a traceback."""
    with pytest.raises(StoreError, match="cannot be read"):
        read_json(tmp_path)


def test_equal_content_equal_bytes(tmp_path):
    """Whatever the order of the keys."""
    write_json(tmp_path / "a", {"x": 1, "y": [2]})
    write_json(tmp_path / "b", {"y": [2], "x": 1})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
