"""Which runs of Snakemake are at work in this folder, and what becomes of the lock that a killed one leaves.

Snakemake's own lock says which files a run reads and makes, but not which process holds it, so that after SIGKILL every
further call stops at it.  The Snakefile is read before that lock is taken.  So each run that reads it keeps a file of its own
in .snakemake/runs/, under flock for as long as the process lives: the kernel lets go of it however the process ends, and no
other process can have taken its number in the meantime.  A lock of Snakemake beside no live run belongs to a dead one, and is
removed, unless

* a job of the dead run is still at work, on this machine or in the queue of a cluster: it would be started a second time;
* a run on another machine is registered: of a file system that two machines share, flock need not tell the truth;
* a Snakemake that read another Snakefile has this folder as its own.

Then a line says what to do, and Snakemake stops as it always did.
"""

import atexit
import fcntl
import json
import os
import shutil
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ash.errors import StoreError

RUNS, LOCKS, INCOMPLETE = (Path(".snakemake", name) for name in ("runs", "locks", "incomplete"))
GUARD = "guard"  # in RUNS; held for the moment in which a run looks around and registers itself
VARIABLE = "ASH_WORKFLOW_RUN"  # the run that a job belongs to, in the job's environment
SHOWN, SHOWN_CHARACTERS = 3, 80  # jobs of a cluster, and of a command, in a line
_held: dict[Path, int] = {}  # file of a run of this process -> its descriptor


@dataclass(frozen=True)
class Run:
    """A registered run: its file, HOST.PID, and whether its process lives."""

    path: Path
    alive: bool

    @property
    def host(self) -> str:
        """The machine that it runs on."""
        return self.path.name.rpartition(".")[0]

    def __str__(self) -> str:
        command = self.path.read_text(encoding="utf-8", errors="replace").strip() if self.path.exists() else ""
        return f"process {self.path.suffix[1:]} ({command[:SHOWN_CHARACTERS]})"


def enter() -> list[str]:
    """Register this process as a run in the current folder, and remove the lock of a run that was killed.

    Gives what the user has to know, a line each.  StoreError if nothing can be written here.
    """
    mine = Path.cwd() / RUNS / f"{socket.gethostname()}.{os.getpid()}"
    if mine in _held:
        return []
    try:
        RUNS.mkdir(parents=True, exist_ok=True)
        with _guarded():
            lines = _look_around()
            _register(mine)
    except OSError as cause:
        raise StoreError(
            f"{cause.filename or RUNS}: cannot be written or locked ({cause.strerror}); free space, fix permissions, or work "
            "on a file system that has flock"
        ) from cause
    os.environ[VARIABLE] = mine.name
    return lines


def others() -> list[Run]:
    """The live runs in this folder, but for this process and the run that started it."""
    ours = (os.environ.get(VARIABLE), *(path.name for path in _held))
    return [run for run in _runs() if run.alive and run.path.name not in ours]


def locked() -> bool:
    """Whether a run of Snakemake, live or dead, holds its lock in this folder."""
    return LOCKS.is_dir() and any(LOCKS.iterdir())


def _look_around() -> list[str]:
    runs = list(_runs())
    dead = [run for run in runs if not run.alive and run.host == socket.gethostname()]
    if locked():
        if any(run.alive and run.path.name == os.environ.get(VARIABLE) for run in runs):
            return []  # this is a dry run of the hook of the very run that holds the lock
        if reason := next(_reasons(runs, dead), None):
            return [reason]
        shutil.rmtree(LOCKS)
    for run in dead:
        run.path.unlink(missing_ok=True)
    return []


def _reasons(runs: list[Run], dead: list[Run]) -> Iterator[str]:
    """Why the lock has to stay."""
    for run in runs:
        if run.alive:
            yield f"{run} on {run.host} is at work in this folder; wait until it has ended"
        elif run not in dead:
            yield (
                f"{run} on {run.host} holds Snakemake's lock, and this is {socket.gethostname()}; if it runs no more, "
                f"remove {run.path} and start again"
            )
    names = {run.path.name for run in dead}
    if jobs := _submitted():
        more = f" and {len(jobs) - SHOWN} more" if len(jobs) > SHOWN else ""
        yield (
            f"the run that submitted jobs {', '.join(jobs[:SHOWN])}{more} was killed; once the cluster has ended or cancelled "
            "them, run `snakemake --unlock` and start again"
        )
    if process := _left_over(names):
        yield f"{process} was started by a run that was killed, and is still at work; wait until it has ended, or end it"


def _left_over(dead: set[str]) -> str | None:
    """A live process that belongs to a dead run, or a Snakemake that is at work in this folder and not registered."""
    import psutil

    registered = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    for process in psutil.process_iter(["pid"]):
        if process.pid in registered:
            continue
        try:
            command = process.cmdline()
            bare = any("snakemake" in word for word in command[:3]) and process.cwd() == os.getcwd()
            if bare or process.environ().get(VARIABLE) in dead:
                return f"process {process.pid} ({' '.join(' '.join(command).split())[:SHOWN_CHARACTERS]})"
        except psutil.Error:  # another user's, or gone since
            continue
    return None


def _submitted() -> list[str]:
    """Jobs that a cluster's scheduler was given and that have not ended as far as Snakemake knows."""
    found = set()
    for path in INCOMPLETE.rglob("*") if INCOMPLETE.is_dir() else ():
        try:
            found.add(json.loads(path.read_text(encoding="utf-8"))["external_jobid"])
        except (OSError, ValueError, KeyError, TypeError):  # a folder, or cut off by the kill
            continue
    return sorted(str(job) for job in found - {None})


def _runs() -> Iterator[Run]:
    for path in sorted((Path.cwd() / RUNS).glob("*.*")):
        if path in _held:
            continue
        try:
            descriptor = os.open(path, os.O_RDWR)
        except FileNotFoundError:  # it has ended since
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield Run(path, alive=False)
        except BlockingIOError:
            yield Run(path, alive=True)
        finally:
            os.close(descriptor)


@contextmanager
def _guarded() -> Iterator[None]:
    descriptor = os.open(RUNS / GUARD, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _register(mine: Path) -> None:
    """The descriptor is closed in programs that this one starts, so that no job keeps the file locked."""
    descriptor = os.open(mine, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o666)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    os.write(descriptor, f"{' '.join(' '.join(sys.orig_argv).split())}\n".encode())
    _held[mine] = descriptor
    atexit.register(mine.unlink, missing_ok=True)
