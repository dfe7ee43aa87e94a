"""Every writing command on disks that fill up: `python -m tests.tools.full_disk`, as root.

Each command runs undisturbed first.  Then it runs at fill levels from no room at all to nearly
enough, on a tmpfs and on an ext4 in a file, and under a limit on the size of files.  It must end with
exit code 0, or with 2 and one line that begins with `ash:`; under final names lie only whole files,
equal to the undisturbed ones byte for byte, and no temporary files.  With room the same command must
then give the undisturbed files.
"""

import contextlib
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

# What commands import when they run is imported here, so that the children of this process need not.
import ash.experiment.evaluate
import ash.experiment.pictures
import ash.experiment.train
import ash.features.cache
import ash.fitting.rain
import ash.preparation.prepare
import ash.weights.checkpoints  # noqa: F401
from tests.conftest import ROOT, settle

LEVELS = 10
SMALLEST = 1024  # bytes: the message itself goes to a file
EXT4 = 24 * 2**20  # bytes of the small disk
RESUME = "resume.pt"  # what a training leaves until it ends
SIZES = "64x32"
COMMANDS: dict[str, str] = {
    "manifest": "manifest gta5 --out {out}/gta5.json",
    "prepare": "prepare gta5 train --manifest {in}/manifest/gta5.json --out {out}/gta5.h5",
    "stylizer": f"stylizer {ROOT}/ash/style/weights/miniature.safetensors --out {{out}}/pair.safetensors",
    "paintings": "prepare painters train --manifest painters.json --out {out}/painters.h5",
    "target": "prepare cityscapes val --manifest cityscapes.json --out {out}/cityscapes.h5",
    "features": "features --prepared {in}/prepare/gta5.h5 --stylizer {in}/stylizer/pair.safetensors --out {out}/gta5.h5",
    "style": "features --prepared {in}/paintings/painters.h5 --stylizer {in}/stylizer/pair.safetensors --out {out}/p.h5",
    "rain": "rain --style {in}/style/p.h5 --stylizer {in}/stylizer/pair.safetensors --out {out}/rain.safetensors",
    "train": "train source_only --seed 0 --prepared {in}/prepare/gta5.h5 --out {out}",
    "train ash": "train ash --seed 0 --prepared {in}/prepare/gta5.h5 --stylizer {in}/stylizer/pair.safetensors"
    " --style {in}/style/p.h5 --content {in}/features/gta5.h5 --out {out}",
    "evaluate": "evaluate source_only --seed 0 --model {in}/train/model.safetensors"
    " --target cityscapes={in}/target/cityscapes.h5 --out {out}",
    "evaluate-model": "evaluate-model {in}/train/model.safetensors --target cityscapes={in}/target/cityscapes.h5"
    " --out {out}",
    "montage": "montage --stylizer {in}/stylizer/pair.safetensors --prepared {in}/prepare/gta5.h5"
    " --paintings {in}/paintings/painters.h5 --alpha 1 --out {out}/m.png",
    "predict": f"predict {{image}} --model {{in}}/train/model.safetensors --size {SIZES} --out {{out}}/o.png",
    "stylise": "stylise {image} {image} --stylizer {in}/stylizer/pair.safetensors --out {out}/s.png",
    "export": "import-checkpoint {in}/train/model.safetensors {out}/model.pth --export",
    "method-pages": "method-pages --out {out}",
}


@dataclass
class Outcome:
    """How a command ended: exit status as of `os.waitstatus_to_exitcode`, stderr, and the files that it left."""

    status: int
    said: str
    files: dict[str, bytes]


def files_of(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, but for what a disk and this script put there."""
    paths = [path for path in folder.rglob("*") if path.is_file() and path.name != "filler"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths if "lost+found" not in path.parts}


class Stage:
    """The folder in which commands run, with what they read; a child of this process runs each, so imports cost once."""

    def __init__(self, folder: Path) -> None:
        self.folder = settle(folder)
        for name in ("gta5", "painters", "cityscapes"):
            assert self.run(f"draw {name} --out {name}.json --workers 1", folder).status == 0
        self.image = next((folder / "data/miniature/gta5/images").iterdir())

    def run(self, command: str, out: Path, limit: int | None = None) -> Outcome:
        """Run a command that writes into `out`, where `limit` is given under that limit on the size of files."""
        places = {
            "out": str(out),
            "in": str(self.folder / "whole"),
            "image": str(self.image) if "{image}" in command else "",
        }
        arguments = [word.format(**places) for word in command.split()]
        said = self.folder / "stderr"
        child = os.fork()
        if child == 0:
            _become(arguments, self.folder, said, limit)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        return Outcome(status, said.read_text(), files_of(out))


def _become(arguments: list[str], folder: Path, said: Path, limit: int | None) -> None:
    """Be the command; never returns."""
    from ash.cli import main

    status = 70
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


def faults(outcome: Outcome, whole: dict[str, bytes]) -> list[str]:
    """What is wrong with the way in which a command ended."""
    wrong = []
    lines = [line for line in outcome.said.splitlines() if line.startswith("ash:")]
    if outcome.status not in (0, 2):
        wrong.append(f"exit status {outcome.status}")
    if "Traceback" in outcome.said or "Exception ignored" in outcome.said:
        wrong.append("a traceback")
    if outcome.status == 2 and len(lines) != 1:
        wrong.append(f"{len(lines)} lines that begin with ash:")
    for name, content in outcome.files.items():
        if name not in whole and name != RESUME:
            wrong.append(f"{name} is left")
        elif name in whole and content != whole[name]:
            wrong.append(f"{name} is not whole")
    if outcome.status == 0 and outcome.files != whole:
        wrong.append("exit code 0, but not all files")
    return wrong


@contextlib.contextmanager
def tmpfs(folder: Path, room: int) -> Iterator[None]:
    """A disk in memory with so many bytes."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={max(room, 4096)}", "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@contextlib.contextmanager
def ext4(folder: Path, room: int) -> Iterator[None]:
    """An ext4 in a file, filled up but for so many bytes."""
    image = folder.with_suffix(".image")
    with image.open("wb") as file:
        file.truncate(EXT4)
    subprocess.run(["mkfs.ext4", "-q", "-F", "-m", "0", str(image)], check=True)
    subprocess.run(["mount", "-o", "loop", str(image), str(folder)], check=True)
    try:
        with (folder / "filler").open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(1, shutil.disk_usage(folder).free - room))
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)
        image.unlink()


def trial(stage: Stage, command: str, whole: dict[str, bytes], disk: Callable, room: int) -> tuple[int, list[str]]:
    """Exit status and faults of a command on a disk with so much room, and of the same command once there is more."""
    out = stage.folder / "disk"
    out.mkdir(exist_ok=True)
    with disk(out, room):
        outcome = stage.run(command, out)
        wrong = faults(outcome, whole)
        if disk is ext4:
            (out / "filler").unlink()
        else:
            subprocess.run(["mount", "-o", "remount,size=64m", str(out)], check=True)
        again = stage.run(command, out)
        if again.status != 0 or again.files != whole:
            wrong.append(f"with room: exit status {again.status}, {again.said.strip()[-200:]}")
    return outcome.status, wrong


def limited(stage: Stage, command: str, whole: dict[str, bytes], limit: int) -> tuple[int, list[str]]:
    """The same under a limit on the size of files."""
    out = stage.folder / "limited"
    out.mkdir()
    try:
        outcome = stage.run(command, out, limit)
        return outcome.status, faults(outcome, whole)
    finally:
        shutil.rmtree(out)


def examine(folder: Path, names: list[str], levels: int, disks: dict[str, Callable]) -> Iterator[str]:
    """A line for each command and disk: how often it ended with which status; faults on lines of their own."""
    stage, last = Stage(folder), max(map(list(COMMANDS).index, names))
    for name, command in list(COMMANDS.items())[: last + 1]:
        out = folder / "whole" / name
        out.mkdir(parents=True)
        first = stage.run(command, out)
        assert first.status == 0, first.said
        if name not in names:
            continue
        whole, size = first.files, sum(-(-len(content) // 4096) * 4096 for content in first.files.values())
        largest = max(map(len, whole.values()))
        for kind, disk in {**disks, "ulimit -f": None}.items():
            ends: list[int] = []
            for level in range(levels):
                if disk is None:
                    status, wrong = limited(stage, command, whole, max(SMALLEST, largest * level // levels))
                else:
                    status, wrong = trial(stage, command, whole, disk, size * level // levels)
                ends.append(status)
                yield from (f"FAULT {name} on {kind}, level {level} of {levels}: {fault}" for fault in wrong)
            counts = ", ".join(f"exit code {status}: {ends.count(status)}" for status in sorted(set(ends)))
            yield f"{name} on {kind}: {counts}"


def main() -> None:
    """All commands at all levels; exit code 1 if any has a fault."""
    found = False
    with tempfile.TemporaryDirectory() as folder:
        for line in examine(Path(folder), list(COMMANDS), LEVELS, {"tmpfs": tmpfs, "ext4": ext4}):
            print(line, flush=True)
            found |= line.startswith("FAULT")
    sys.exit(found)


if __name__ == "__main__":
    main()
