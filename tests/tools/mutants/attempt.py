"""One mutant against the tests of its room, in a process forked from one that has torch in memory already."""

import importlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from tests.tools.mutants.draw import ROOMS, ROOT, Mutant

PATIENCE = 1800  # seconds by the clock for an attempt that waits and takes no processor time
HELD = ("torch", "numpy", "scipy.linalg", "pandas", "h5py", "pydantic", "PIL.Image", "safetensors.torch")
Slots = dict[int, tuple[Path, Mutant, float]]  # process id: copy of the project, mutant, when it began


def hold() -> None:
    """Import what every attempt needs: nothing of the project, and no plugin of pytest, which rewrites what it loads.

    One thread each, because attempts run beside each other.
    """
    os.environ["OMP_NUM_THREADS"] = "1"
    for name in ("pytest", *HELD):
        importlib.import_module(name)


def copies(folder: Path, count: int) -> list[Path]:
    """So many copies of the working tree, without what git ignores."""
    listed = subprocess.run(
        ["git", "ls-files", "-coz", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True
    )
    trees = [folder / str(k) for k in range(count)]
    for name in filter(None, listed.stdout.decode().split("\0")):
        for tree in trees if (ROOT / name).is_file() else []:
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tree / name)
    return trees


def limits(tree: Path, rooms: set[str]) -> dict[str, int]:
    """Seconds of processor time that a mutant of each room may take: twice those of the tests as they are, and 20."""
    found = {}
    for room in sorted(rooms):
        _, status, usage = os.wait4(start(tree, None, room, 3600), 0)
        if status:
            raise SystemExit(f"mutants: the tests of {room} fail without a mutant:\n{(tree / 'log.txt').read_text()}")
        taken = usage.ru_utime + usage.ru_stime
        found[room] = round(2 * taken) + 20
        print(f"{room}: its tests take {taken:.0f} s", flush=True)
    return found


def start(tree: Path, mutant: Mutant | None, room: str, seconds: int) -> int:
    """Fork an attempt, which may take so many seconds of processor time; its process id."""
    (tree / "first.txt").unlink(missing_ok=True)
    pid = os.fork()
    if pid == 0:
        try:
            os._exit(run(tree, mutant, room, seconds))
        except Exception:  # noqa: BLE001  the fork must end here, whatever happens
            traceback.print_exc()
            os._exit(3)
    return pid


def run(tree: Path, mutant: Mutant | None, room: str, seconds: int) -> int:
    """In the forked process: 0 if every test of the room passes, 1 after the first failure."""
    import pytest

    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
    log = os.open(tree / "log.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.chdir(tree)
    os.environ["PYTHONPATH"] = str(tree)
    sys.path[:] = [str(tree), *(p for p in sys.path if p and Path(p).resolve() != ROOT)]
    for name in [name for name in sys.modules if name.split(".")[0] in ("ash", "tests")]:
        del sys.modules[name]
    groups = list(ROOMS[room])
    if mutant:
        (tree / mutant.file).write_text(mutant.after)
        own = Path("tests", *Path(mutant.file).parts[1:-1], f"test_{Path(mutant.file).name}")
        groups = [str(own), *groups] if own.exists() else groups
    failures = Failures()
    for group in groups:
        options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--hypothesis-seed=0"]
        if pytest.main([*options, group], plugins=[failures]):
            (tree / "first.txt").write_text(failures.first or group)
            return 1
    return 0


class Failures:
    """A plugin that notes the first test or module that fails."""

    first = ""

    def pytest_runtest_logreport(self, report) -> None:
        if report.failed:
            self.first = self.first or report.nodeid

    pytest_collectreport = pytest_runtest_logreport


def finish(slots: Slots) -> tuple[Path, Mutant, dict]:
    """Wait for the next attempt to end; its copy, whole again, its mutant and what came of it."""
    while not (ended := os.waitpid(-1, os.WNOHANG))[0]:
        for late in [pid for pid, (_, _, begun) in slots.items() if time.monotonic() - begun > PATIENCE]:
            end([late])
        time.sleep(0.05)
    tree, mutant, begun = slots.pop(ended[0])
    code = os.waitstatus_to_exitcode(ended[1])
    if code > 1:
        raise SystemExit(
            f"mutants: the attempt at {mutant.file}:{mutant.line} broke off:\n{(tree / 'log.txt').read_text()}"
        )
    (tree / mutant.file).write_text(mutant.before)
    by = (tree / "first.txt").read_text() if code == 1 else ""
    outcome = {0: "survived", 1: "killed"}.get(code, "out of time")
    return tree, mutant, {"outcome": outcome, "by": by, "seconds": round(time.monotonic() - begun, 1)}


def end(attempts: Iterable[int]) -> None:
    """Stop attempts, and what they started."""
    for pid in attempts:
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
