"""While Snakemake runs jobs, DVC's lock on files is held for all that it may make.

DVC empties the outputs of a stage before it runs the stage, and only then would a second Snakemake meet the lock of the first.
With this, `dvc repro` beside a run of Snakemake ends with a line that names the process, and touches nothing.

The file is DVC's (dvc.rwlock), and so is its guard.  DVC writes it in place, where a kill cuts it off; here it is replaced.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from ash.errors import StoreError
from ash.files.atomic import write_text
from workflow.at_work import others

COMMAND = "snakemake, with this project's Snakefile"  # what DVC says of the process
FOLDERS = ("data", "results")
FILE, GUARD = Path(".dvc/tmp/rwlock"), ".dvc/tmp/rwlock.lock"


def hold() -> None:
    """Take DVC's lock on files; StoreError if DVC is at work on them."""
    if others():  # Snakemake lets two runs work side by side if they share no file, and one of them has it
        return
    paths = [os.path.abspath(name) for name in FOLDERS]
    with _edited() as content:
        _forget(content)
        entries = [(path, entry) for path, entry in content["write"].items()]
        entries += [(path, entry) for path, several in content["read"].items() for entry in several]
        for path, entry in entries:
            if any(f"{path}/".startswith(f"{mine}/") for mine in paths) and psutil.pid_exists(int(entry["pid"])):
                raise StoreError(
                    f"dvc: {path} is busy, it is being blocked by: (PID {entry['pid']}): {entry['cmd']}; start again once it "
                    f"has ended, or remove {FILE} if that process is another"
                )
        content["write"] |= {path: {"pid": os.getpid(), "cmd": COMMAND} for path in paths}


def let_go() -> None:
    """Give DVC's lock back, if this process has it."""
    if FILE.exists() and str(os.getpid()) in FILE.read_text(encoding="utf-8", errors="replace"):
        with _edited() as content:
            _forget(content)


def mend() -> None:
    """Write the file again if a kill has cut it off, for DVC reads it before anything else."""
    if FILE.exists() and _read() is None:
        with _edited():
            pass


def _forget(content: dict[str, Any]) -> None:
    """Drop the entries of this project's runs: no other lives, and DVC could take another process for a dead one."""
    content["write"] = {path: entry for path, entry in content["write"].items() if entry["cmd"] != COMMAND}


@contextmanager
def _edited() -> Iterator[dict[str, Any]]:
    from dvc.lock import LockError, make_lock

    try:
        FILE.parent.mkdir(exist_ok=True)
        with make_lock(os.path.abspath(GUARD)):
            content = {"write": {}, "read": {}} | (_read() or {})
            yield content
            write_text(FILE, json.dumps(content))
    except LockError as cause:
        raise StoreError(f"dvc: another process has {GUARD}; start again once it has ended") from cause
    except OSError as cause:
        raise StoreError(f"{cause.filename or FILE}: cannot be written ({cause.strerror}); fix permissions") from cause


def _read() -> dict[str, Any] | None:
    """What the file holds; None if it is not there, or not as DVC writes it."""
    from dvc.rwlock import SCHEMA
    from voluptuous import Invalid

    try:
        return dict(SCHEMA(json.loads(FILE.read_bytes())))
    except (FileNotFoundError, ValueError, Invalid):
        return None
