"""Kills `ash acquire` at random moments, runs the same command again, and compares what is there with an undisturbed run.

A set of 20 small archives comes from a slow server on loopback, in a protocol that does not know how many images the set
has.  SIGKILL hits the whole process group at a moment that is drawn between the first lock and the time that an undisturbed run
takes from there, up to three times before the same command is left to end.

    python -m tests.tools.kills_acquire --kills 50 --seed 0
"""

import argparse
import contextlib
import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

from tests.conftest import ROOT, settle
from tests.support.server import serve

FRAMES, BYTES = 20, 30_000  # images of the set, bytes of each
PAUSE = 0.004  # seconds between two pieces that the server sends
AT_ONCE = 3  # kills at most before a run is left to end
RAW = re.compile(r"gta5:\s*\{.*?validation: 3.*?draw_size: \[64, 32\]\}", re.DOTALL)
OWN = "gta5: {root: raw, image_size: [64, 32], label_size: [64, 32], validation: 3, draw: null}"


def publish(folder: Path) -> Path:
    """The 20 archives, with files that nobody decodes."""
    folder.mkdir()
    draw = random.Random(1)
    for part in range(1, 11):
        for kind in ("images", "labels"):
            with zipfile.ZipFile(folder / f"{part:02d}_{kind}.zip", "w") as archive:
                for frame in range(part, FRAMES + 1, 10):
                    archive.writestr(f"{kind}/{frame:05d}.png", b"\x89PNG" + draw.randbytes(BYTES))
    return folder


def place(folder: Path) -> Path:
    """A folder with settings in which the set is the user's own, of an unknown number of images."""
    folder.mkdir()
    protocol = settle(folder) / "protocols/tiny.yaml"
    text, times = RAW.subn(OWN, protocol.read_text())
    assert times == 1
    protocol.write_text(text)
    return folder


def start(folder: Path, url: str) -> subprocess.Popen[bytes]:
    """The command, in a process group of its own."""
    command = [sys.executable, "-m", "ash.cli", "acquire", "gta5", "--mirror", url]
    with (folder.parent / f"{folder.name}.log").open("ab") as log:
        environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        return subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True)


def tree(folder: Path) -> dict[str, str]:
    """Every file with the hash of its bytes; of the journal what does not depend on the clock."""
    found = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        content = path.read_bytes()
        if path.name == ".gta5.json":
            entries = {name: {**entry, "mtime_ns": 0} for name, entry in json.loads(content).items()}
            content = json.dumps(entries, sort_keys=True).encode()
        found[path.relative_to(folder).as_posix()] = hashlib.sha256(content).hexdigest()
    return found


def difference(wanted: dict[str, str], found: dict[str, str]) -> list[str]:
    """A line for each file that is missing, left over or another."""
    return [
        f"{name}: {'missing' if name not in found else 'left over' if name not in wanted else 'other bytes'}"
        for name in sorted(wanted.keys() | found.keys())
        if wanted.get(name) != found.get(name)
    ]


def await_lock(folder: Path, process: subprocess.Popen[bytes]) -> None:
    """Wait until the process has imported what it needs and holds the set."""
    lock = folder / "data/acquired/.gta5.lock"
    lock.unlink(missing_ok=True)
    while not lock.exists() and process.poll() is None:
        time.sleep(0.005)


def disturb(folder: Path, url: str, draw: random.Random, lasts: float, kills: int) -> int:
    """Start the command and kill it, up to `kills` times, until it has ended by itself; gives how often it was hit."""
    for hit in range(kills):
        process = start(folder, url)
        await_lock(folder, process)
        try:
            process.wait(draw.uniform(0, lasts))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        else:
            return hit
    return kills


def run(kills: int, seed: int, say=print) -> list[str]:
    """Kill so many times in all; gives a line for each file that is not as an undisturbed run leaves it."""
    draw, faults, done, rounds = random.Random(seed), [], 0, 0
    with tempfile.TemporaryDirectory() as away, contextlib.ExitStack() as stack:
        world = Path(away)
        server = stack.enter_context(serve(publish(world / "served")))
        server.pause = PAUSE
        calm = start(place(world / "calm"), server.url)
        await_lock(world / "calm", calm)
        began = time.monotonic()
        assert calm.wait() == 0, (world / "calm.log").read_text()
        lasts, wanted = time.monotonic() - began, tree(world / "calm")
        while done < kills:
            rounds += 1
            folder = place(world / f"round{rounds}")
            done += disturb(folder, server.url, draw, lasts, min(draw.randint(1, AT_ONCE), kills - done))
            code = start(folder, server.url).wait()
            bad = difference(wanted, tree(folder)) + ([f"exit code {code}"] if code else [])
            say(f"round {rounds}: {done} kills so far, {bad or 'as undisturbed'}", flush=True)
            faults += [f"round {rounds}: {line}" for line in bad]
            shutil.rmtree(folder)
    say(f"{done} kills in {rounds} rounds (seed {seed}): {len(faults)} files differ")
    return faults


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    sys.exit(bool(run(options.kills, options.seed)))
