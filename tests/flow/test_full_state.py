"""DVC's database of file states on a full disk: one line, where DVC itself tries for ever."""

import contextlib
import sqlite3

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
