"""Which files of a folder are read, and what is said of the others."""

import os

import pytest

from ash.errors import DataError
from ash.files.listing import files_of, shown


def names(folder, pattern="*.png"):
    """The names of what is read."""
    return [path.name for path in files_of(folder, pattern)]


def test_what_systems_leave_behind_is_not_read(tmp_path):
    """AppleDouble files, folders, and files in hidden folders; spaces, dashes, brackets and other scripts are names."""
    good = ["-rf.png", "a b.png", "x [1].png", "Straße.png", "道.png"]
    for name in (*good, "._a b.png", ".x.png", ".DS_Store"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "folder.png").mkdir()
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache/y.png").write_bytes(b"x")
    assert sorted(names(tmp_path)) == sorted(good)
    assert sorted(names(tmp_path, "**/*.png")) == sorted(good)


def test_what_cannot_be_opened_is_listed_all_the_same(tmp_path):
    """A broken link and a pipe are not skipped: their reader says what they are."""
    (tmp_path / "link.png").symlink_to("gone")
    os.mkfifo(tmp_path / "pipe.png")
    assert names(tmp_path) == ["link.png", "pipe.png"]


def test_a_loop_of_links_ends(tmp_path):
    """A folder that holds a link to itself."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a/x.png").write_bytes(b"x")
    (tmp_path / "a/again").symlink_to(tmp_path / "a")
    assert names(tmp_path, "**/*.png") == ["x.png"]


@pytest.mark.parametrize("name", ["a\nb.png", "a\x1b[31m.png", b"a\xff.png".decode("utf-8", "surrogateescape")])
def test_names_that_no_log_can_show_are_refused(tmp_path, name):
    """A line break, an escape sequence, bytes that are no UTF-8: one list, printable, with the remedy."""
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(DataError, match=r"1 name\(s\) with characters that cannot be printed; rename") as error:
        files_of(tmp_path, "*.png")
    assert len(str(error.value).splitlines()) == 2
    str(error.value).encode("utf-8")
    assert shown(name) in str(error.value)


def test_a_folder_that_cannot_be_listed_is_not_empty(tmp_path, monkeypatch):
    """One line about its permissions; a folder that is not there is empty."""
    assert files_of(tmp_path / "none", "*") == []

    def forbid(folder):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", forbid)
    with pytest.raises(
        DataError, match=r"cannot be listed \(Permission denied\); restore the folder or its permissions"
    ):
        files_of(tmp_path, "*")
