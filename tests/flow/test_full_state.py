"""DVC on a full disk: one line, where its database of file states is tried for ever; no temporary files in its cache."""

import contextlib
import sqlite3
from types import SimpleNamespace

import diskcache
import pytest
from dvc_data.hashfile.cache import Cache

from ash.errors import StoreError
from workflow.bridge import repository


@pytest.fixture(autouse=True)
def _as_published(monkeypatch):
    """Each test begins with diskcache's own patience, and leaves it so."""
    monkeypatch.setattr(Cache, "_sql", diskcache.Cache._sql)


class Full:
    """A connection to a database whose disk has no room for the start of a transaction."""

    def __init__(self, connection, fault):
        self.connection, self.fault, self.begun = connection, fault, 0

    def execute(self, statement, *values):
        """Fail at the start of a transaction, three times at most, so that a loop without end shows as a success."""
        if statement.startswith("BEGIN") and self.begun < 3:
            self.begun += 1
            raise sqlite3.OperationalError(self.fault)
        return self.connection.execute(statement, *values)


def write(folder, monkeypatch, fault):
    """Write to a database of states with that fault; gives the database and how often its transaction was begun in vain."""
    repository._give_up_where_full()
    states = Cache(str(folder))
    full = Full(states._con, fault)
    monkeypatch.setattr(states._local, "con", full)
    return states, full


def test_a_full_disk_is_not_tried_for_ever(tmp_path, monkeypatch):
    """diskcache takes a full disk for a lock; here it is an error at the first attempt."""
    states, full = write(tmp_path, monkeypatch, "database or disk is full")
    with pytest.raises(sqlite3.DatabaseError, match="database or disk is full"):
        states["file"] = "state"
    assert full.begun == 1


def test_a_lock_of_another_process_is_waited_for(tmp_path, monkeypatch):
    """As DVC means it: what another process holds for a while is tried again."""
    states, full = write(tmp_path, monkeypatch, "database is locked")
    states["file"] = "state"
    assert (states["file"], full.begun) == ("state", 3)


def test_the_user_gets_one_line(tmp_path, monkeypatch):
    """`opened`, which every command of DVC's goes through, sets that patience and names the disk."""
    states = Cache(str(tmp_path / "states"))
    monkeypatch.setattr(repository, "Repo", contextlib.nullcontext)
    told = r"^dvc: its database of file states: database or disk is full; free space"
    with pytest.raises(StoreError, match=told), repository.opened():
        states._local.con = Full(states._con, "database or disk is full")
        states["file"] = "state"


@pytest.mark.parametrize(("cache", "left"), [(".dvc/cache/files/md5", ["0f"]), ("../shared", [".a.tmp", "0f"])])
def test_what_dvc_gave_up_to_copy_goes(tmp_path, cache, left):
    """Temporary files go from the repository's own cache, and from no cache that others may be writing to."""
    folder = (tmp_path / "checkout" / cache / "b5").resolve()
    folder.mkdir(parents=True)
    for name in (".a.tmp", "0f"):
        (folder / name).write_bytes(b"x")
    local = SimpleNamespace(local=SimpleNamespace(path=str(folder.parent)))
    repository._drop_temporaries(SimpleNamespace(cache=local, dvc_dir=str(tmp_path / "checkout/.dvc")))
    assert sorted(path.name for path in folder.iterdir()) == left
