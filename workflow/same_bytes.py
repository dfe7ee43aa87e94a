"""Whether two states of the code train and score alike: the proof that moving code moved no result.

Each state is laid out in a folder of its own, with every training cut to a few steps, and builds the scores of the default
target from nothing, by its own Snakefile and on this machine.  Then everything that a run leaves is compared: the tensors of
each model, its history, its scores, and the data under it.  Files are matched by experiment, seed and name, so that a state
may keep them elsewhere; what a model's file says about itself beside its tensors may differ.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import yaml

from ash.errors import ConfigError, StoreError, flat

LAST_RULE = "evaluate"  # as far as each state is built
HEADER = 8  # bytes at the head of a safetensors file that hold the length of its JSON header


def same_bytes(old: str, new: str | None, steps: int, scratch: Path) -> list[str]:
    """A line for each file that differs between two states of this repository, or that only one of them makes.

    `old` and `new` are git revisions; without `new` it is the working tree, untracked files included.  StoreError with the
    end of its log if a state cannot be built.
    """
    made = []
    for name, revision in (("old", old), ("new", new)):
        folder = scratch / name
        _lay_out(revision, folder)
        _shorten(folder, steps)
        print(f"{revision or 'working tree'}: building in {folder}", flush=True)
        _build(folder)
        made.append(dict(_digests(folder)))
    before, after = made
    faults = [f"{key}: only in {old}" for key in before if key not in after]
    faults += [f"{key}: only in {new or 'the working tree'}" for key in after if key not in before]
    faults += [f"{key}: differs" for key in before if key in after and before[key] != after[key]]
    print(f"{len(before.keys() & after.keys())} files of data and runs compared, {len(faults)} fault(s)", flush=True)
    return sorted(faults)


def _lay_out(revision: str | None, folder: Path) -> None:
    """Put the files of a revision, or of the working tree, into a new folder."""
    folder.mkdir(parents=True)
    if revision is not None:
        archive = subprocess.run(["git", "archive", revision], capture_output=True, check=False)  # noqa: S603, S607
        if archive.returncode:
            raise ConfigError(
                f"{revision}: {flat(Exception(archive.stderr.decode()))}; name a revision of this repository"
            )
        subprocess.run(["tar", "-x", "-C", str(folder)], input=archive.stdout, check=True)  # noqa: S603, S607
        return
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(listed, capture_output=True, text=True, check=True).stdout.split("\0"):  # noqa: S603
        if name and Path(name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(name, folder / name)


def _shorten(folder: Path, steps: int) -> None:
    """Cut every training of the protocol to a few steps."""
    protocol = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))["protocol"]
    path = folder / "protocols" / f"{protocol}.yaml"
    settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    settings["training"] |= {"iterations": steps, "log_every": 1}
    path.write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")


def _build(folder: Path) -> None:
    """Run the state's own workflow as far as the scores; DVC records nothing of it."""
    command = [sys.executable, "-m", "snakemake", "--cores", "all", "--until", LAST_RULE]
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "ASH_PARAMS")}
    log = folder / "same_bytes.log"
    with log.open("wb") as out:
        result = subprocess.run(  # noqa: S603  arguments are ours
            command, cwd=folder, env=kept | {"DVC_STAGE": "same-bytes"}, stdout=out, stderr=out, check=False
        )
    if result.returncode:
        raise StoreError(f"{folder}: snakemake ended with {result.returncode}; {log} says why")


def _digests(folder: Path) -> Iterator[tuple[str, str]]:
    """What the workflow made, by a name that does not depend on where it lies: EXPERIMENT/seedK/FILE, or the data file."""
    for path in sorted((folder / "results").rglob("seed*/*")):
        if path.suffix in (".safetensors", ".csv", ".json") and path.name != "provenance.json":
            key = "/".join(path.parts[-3:])
            content = _tensors(path) if path.suffix == ".safetensors" else path.read_bytes()
            yield key, hashlib.sha256(content).hexdigest()
    for path in sorted((folder / "data").rglob("*.json")):
        if "content" in (described := json.loads(path.read_text(encoding="utf-8"))):
            yield str(path.relative_to(folder)), described["content"]


def _tensors(path: Path) -> bytes:
    """The bytes of a safetensors file, with names and shapes, without the notes in its header."""
    whole = path.read_bytes()
    end = HEADER + int.from_bytes(whole[:HEADER], "little")
    described = {name: value for name, value in json.loads(whole[HEADER:end]).items() if name != "__metadata__"}
    return json.dumps(described, sort_keys=True).encode() + whole[end:]
