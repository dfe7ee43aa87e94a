"""Every writing command on disks that fill up: `python -m tests.tools.full_disk`, as root.

Each command runs undisturbed first.  Then it runs at fill levels from no room at all to nearly
enough, on a tmpfs and on an ext4 in a file, and under a limit on the size of files.  It must end with
exit code 0, or with 2 and one line that begins with `ash:`; under final names lie only whole files,
equal to the undisturbed ones byte for byte, and no temporary files.  With room the same command must
then give the undisturbed files.
"""

import argparse
import contextlib
import os
import re
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

# What commands import when they run is imported here, so that the children of this process need not.
import ash.experiment.evaluate
import ash.experiment.pictures
import ash.experiment.stylisation
import ash.experiment.train
import ash.features.cache
import ash.fitting.rain
import ash.preparation.prepare
import ash.weights.checkpoints  # noqa: F401
from tests.conftest import settle
from tests.support.server import serve
from tests.tools.disk_commands import COMMANDS, INPUTS, THERE, environment, put

LEVELS = 10
SMALLEST = 1024  # bytes: the message itself goes to a file
DISK = 64 * 2**20  # bytes of a disk before it is filled
PATIENCE = 300  # seconds after which a command hangs
FOREIGN = ("lost+found", ".git/", ".home/", ".snakemake/", ".dvc/tmp/")
LIMIT = "ulimit -f"  # in place of a disk


@dataclass
class Outcome:
    """How a command ended: exit status as of `os.waitstatus_to_exitcode`, stderr, and the files that it left."""

    status: int
    said: str
    files: dict[str, bytes]


def files_of(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, but for what a disk, other programs and this script keep there."""
    paths = [path for path in folder.rglob("*") if path.is_file() and path.name != "filler"]
    found = {str(path.relative_to(folder)): path for path in paths}
    return {name: path.read_bytes() for name, path in found.items() if not name.startswith(FOREIGN)}


def final(name: str) -> bool:
    """Whether a file is a result; names with a dot, pins and the state of a fit are what a command may go on from."""
    hidden = any(part.startswith(".") for part in Path(name).parts)
    return name.startswith(".dvc/cache/") or not (hidden or name.endswith("resume.pt") or name.startswith("pins/"))


def temporary(name: str) -> bool:
    """Whether a file is one that a writer renames when it is whole."""
    last = Path(name).name
    return last.endswith(".tmp") or (last.startswith(".") and last.endswith(".part"))


class Stage:
    """The folder in which commands run, with what they read; a child of this process runs each, so imports cost once."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url, self.made = settle(folder), url, set[object]()
        for name in ("gta5", "painters", "cityscapes"):
            assert self._run(f"draw {name} --out {name}.json --workers 1", folder, folder).status == 0
        self.image = next((folder / "data/miniature/gta5/images").iterdir())

    def provide(self, name: str) -> None:
        """Make what a command reads, unless it is there."""
        for make in INPUTS.get(name, ()):
            if make not in self.made:
                make(self.folder)
                self.made.add(make)

    def run(self, name: str, out: Path, limit: int | None = None) -> Outcome:
        """Run a command that writes into `out`, where `limit` is given under that limit on the size of files."""
        return self._run(COMMANDS[name], out, out if name in THERE else self.folder, limit, environment(name, out))

    def _run(
        self, command: str, out: Path, start: Path, limit: int | None = None, more: dict[str, str] | None = None
    ) -> Outcome:
        places = {
            "out": str(out),
            "in": str(self.folder / "whole"),
            "folder": str(self.folder),
            "url": self.url,
            "image": str(self.image) if "{image}" in command else "",
        }
        arguments = [word.format(**places) for word in shlex.split(command)]
        said = self.folder / "stderr"
        child = os.fork()
        if child == 0:
            os.environ.update(more or {})
            _become(arguments, start, said, limit)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        return Outcome(status, said.read_text(), files_of(out))


def _become(arguments: list[str], folder: Path, said: Path, limit: int | None) -> None:
    """Be the command; never returns."""
    from ash.cli import main

    status = 70
    sys.dont_write_bytecode = True
    signal.alarm(PATIENCE)
    try:
        os.chdir(folder)
        with said.open("wb") as err, open(os.devnull, "wb") as out:  # noqa: PTH123
            os.dup2(err.fileno(), 2)
            os.dup2(out.fileno(), 1)
        sys.stdout, sys.stderr = (os.fdopen(place, "w", closefd=False) for place in (1, 2))
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        sys.argv = ["ash", *arguments]
        main()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except Exception:  # noqa: BLE001  it is told as Python would tell it
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def faults(outcome: Outcome, whole: dict[str, bytes], given: dict[str, bytes]) -> list[str]:
    """What is wrong with the way in which a command ended that found the files `given` and should leave `whole`."""
    wrong = []
    lines = [line for line in outcome.said.splitlines() if line.startswith("ash:")]
    if outcome.status not in (0, 2):
        wrong.append(f"exit status {outcome.status}")
    if "Traceback" in outcome.said or "Exception ignored" in outcome.said:
        wrong.append("a traceback")
    if outcome.status == 2 and len(lines) != 1:
        wrong.append(f"{len(lines)} lines that begin with ash:")
    for name, content in outcome.files.items():
        if temporary(name) or (final(name) and name not in whole):
            wrong.append(f"{name} is left")
        elif final(name) and content not in (whole[name], given.get(name)):
            wrong.append(f"{name} is not whole")
    if outcome.status == 0:
        wrong += [f"exit code 0, but {name}" for name in differing(outcome.files, whole)]
    return wrong


def differing(files: dict[str, bytes], whole: dict[str, bytes]) -> list[str]:
    """What differs from an undisturbed end, for the first five files: results by their bytes, all else by name."""
    lost = [f"{name} is missing" for name in whole.keys() - files.keys()]
    left = [f"{name} is left" for name in files.keys() - whole.keys()]
    other = [f"{name} is another" for name in whole.keys() & files.keys() if final(name) and whole[name] != files[name]]
    return sorted(lost + left + other)[:5]


@contextlib.contextmanager
def tmpfs(folder: Path, room: int, lay: Callable[[Path], None]) -> Iterator[Callable[[], None]]:
    """A disk in memory with so many bytes beside what `lay` puts there; yields a function that gives it more."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(folder)], check=True)

    def resize(size: int) -> None:
        subprocess.run(["mount", "-o", f"remount,size={size}", str(folder)], check=True)

    try:
        lay(folder)
        (folder / "filler").write_bytes(bytes(4096))  # a size of 0 would be none
        resize(shutil.disk_usage(folder).used + room)
        yield lambda: resize(DISK)
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@contextlib.contextmanager
def ext4(folder: Path, room: int, lay: Callable[[Path], None]) -> Iterator[Callable[[], None]]:
    """An ext4 in a file, filled up but for so many bytes; the same."""
    image = folder.with_suffix(".image")
    with image.open("wb") as file:
        file.truncate(DISK)
    subprocess.run(["mkfs.ext4", "-q", "-F", "-m", "0", "-b", "4096", str(image)], check=True)
    subprocess.run(["mount", "-o", "loop", str(image), str(folder)], check=True)
    try:
        lay(folder)
        subprocess.run(["sync", "-f", str(folder)], check=True)  # it has its blocks before the rest is counted
        _fill(folder, room)
        yield (folder / "filler").unlink
    finally:
        subprocess.run(["umount", str(folder)], check=True)
        image.unlink()


def _fill(folder: Path, room: int) -> None:
    """Take all of a disk but so many bytes, or a few blocks more, which the file system may need for itself."""
    wanted = shutil.disk_usage(folder).free - room
    with (folder / "filler").open("wb") as file:
        while wanted > 0:
            try:
                os.posix_fallocate(file.fileno(), 0, wanted)
            except OSError:
                file.truncate(0)
                wanted -= 4096
            else:
                break


DISKS = {"tmpfs": tmpfs, "ext4": ext4}


@dataclass
class Trials:
    """Trials of one command, which left `whole` undisturbed in a folder that held `given`."""

    stage: Stage
    name: str
    given: dict[str, bytes]
    whole: dict[str, bytes]

    @classmethod
    def prepared(cls, stage: Stage, name: str) -> "Trials":
        """Run the command undisturbed."""
        out = stage.folder / "whole" / name
        out.mkdir(parents=True)
        stage.provide(name)
        put(name, stage.folder, out)
        given, first = files_of(out), stage.run(name, out)
        assert first.status == 0, first.said
        return cls(stage, name, given, first.files)

    @property
    def written(self) -> list[int]:
        """Bytes of each file that the command makes, or makes anew."""
        return [len(content) for name, content in self.whole.items() if content != self.given.get(name)]

    def on(self, kind: str, level: float) -> tuple[int, list[str]]:
        """Exit status and faults on a disk, or under a limit, at a level from 0 to 1."""
        if kind == LIMIT:
            return self._limited(max(SMALLEST, int(max(self.written) * level)))
        return self._filled(DISKS[kind], int(sum(-(-size // 4096) * 4096 for size in self.written) * level))

    def _filled(self, disk: Callable, room: int) -> tuple[int, list[str]]:
        """On a disk with so much room; the same command must then succeed with more."""
        out = self.stage.folder / "disk"
        out.mkdir(exist_ok=True)
        with disk(out, room, lambda folder: put(self.name, self.stage.folder, folder)) as enlarge:
            outcome = self.stage.run(self.name, out)
            wrong = faults(outcome, self.whole, self.given)
            enlarge()
            again = self.stage.run(self.name, out)
            if again.status != 0:
                wrong.append(f"with room: exit status {again.status}, {again.said.strip()[-200:]}")
            wrong += [f"with room: {name}" for name in differing(again.files, self.whole)]
        return outcome.status, wrong

    def _limited(self, limit: int) -> tuple[int, list[str]]:
        """Under a limit on the size of files."""
        out = self.stage.folder / "limited"
        out.mkdir()
        try:
            put(self.name, self.stage.folder, out)
            outcome = self.stage.run(self.name, out, limit)
            return outcome.status, faults(outcome, self.whole, self.given)
        finally:
            shutil.rmtree(out)


def read_by(names: Iterable[str]) -> set[str]:
    """The commands named, and those whose files they read."""
    before = {other for name in names for other in re.findall(r"\{in\}/([\w-]+)/", COMMANDS[name])}
    return {*names, *(read_by(before) if before else ())}


def examine(folder: Path, names: list[str], levels: int, kinds: list[str]) -> Iterator[str]:
    """A line for each command and disk: how often it ended with which status; faults on lines of their own."""
    with contextlib.ExitStack() as held:
        (folder / "served").mkdir()
        stage = Stage(folder, held.enter_context(serve(folder / "served")).url)
        needed = read_by(names)
        for name in (name for name in COMMANDS if name in needed):
            trials = Trials.prepared(stage, name)
            for kind in kinds if name in names else ():
                ends: list[int] = []
                for level in range(levels):
                    status, wrong = trials.on(kind, level / levels)
                    ends.append(status)
                    said = [f"FAULT {name} on {kind}, level {level} of {levels}: {fault}" for fault in wrong]
                    yield from dict.fromkeys(said)
                counts = ", ".join(f"exit code {status}: {ends.count(status)}" for status in sorted(set(ends)))
                yield f"{name} on {kind}: {counts}"


def main() -> None:
    """All commands at all levels, or those asked for; exit code 1 if any has a fault."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--command", action="append", choices=COMMANDS, help="may be repeated; all unless named")
    parser.add_argument("--on", action="append", choices=[*DISKS, LIMIT], help="may be repeated; all unless named")
    parser.add_argument("--levels", type=int, default=LEVELS)
    chosen = parser.parse_args()
    found = False
    with tempfile.TemporaryDirectory() as folder:
        kinds = chosen.on or [*DISKS, LIMIT]
        for line in examine(Path(folder), chosen.command or list(COMMANDS), chosen.levels, kinds):
            print(line, flush=True)
            found |= line.startswith("FAULT")
    sys.exit(found)


if __name__ == "__main__":
    main()
