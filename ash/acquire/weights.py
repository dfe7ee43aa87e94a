"""Brings published weights of networks here.

A file is verified against `pins/weights.json`.  Hashes that the publishers or others have made known are in the
repository's own: the DeepLab init carries the first 8 digits of its SHA-256 in its name, as torch.hub does; those of
pytorch-AdaIN's release are the same in several public projects.  A file without a pin is pinned at its first
fetch, and a pin of fewer digits is completed then: after it has proved to be a checkpoint, and before it gets its name.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ash.acquire import download
from ash.acquire.disk import alone
from ash.acquire.journal import Pins, sha256_of
from ash.acquire.networks import PUBLISHED, TELLING
from ash.acquire.order import Stage
from ash.errors import AshError, CheckpointError, ConfigError, DataError, redacted, several
from ash.files import signature
from ash.files.atomic import write_json, writing
from ash.files.foreign import read_state


def acquire_weights(paths: Sequence[Path], out: Path, pins: Path, mirror: str | None, stage: Stage) -> None:
    """Bring published files, verify them, and write their sizes and hashes to `out`; files that are there stay as they are.

    DataError lists every file that cannot be fetched or is another one than pinned; ConfigError if none is asked for.
    """
    if not paths:
        raise ConfigError(
            "weights: the protocol starts from none that are published; name some (docs/guide/weights.md)"
        )
    faults, record = [], {}
    with alone(out.with_name(".weights.lock"), "weights"):
        known = Pins(pins)
        for path in paths:
            try:
                record[path.name] = _bring(path, known, mirror, stage)
            except AshError as fault:
                faults.append(str(fault))
    if faults:
        raise DataError(several(f"weights: {len(faults)} file(s) missing or wrong", faults))
    write_json(out, record)


def _bring(path: Path, pins: Pins, mirror: str | None, stage: Stage) -> dict[str, Any]:
    """Size and hash of a file that is there or fetched."""
    if path.exists():
        found = _prove(path, path, pins, stage)
        pins.add(path.name, found["bytes"], found["sha256"])
        return found
    url = f"{(mirror or PUBLISHED[path.name]).rstrip('/')}/{path.name}"
    with stage(f"fetch {path.name} (MiB)") as progress:
        waiting = download.fetch(url, path, pins.sha256(path.name), progress, signature.CHECKPOINT)
    try:
        found = _prove(waiting, path, pins, stage)
    except AshError as fault:
        with writing(waiting):
            waiting.unlink()
        raise DataError(f"{redacted(url)}: sent what is of no use, {download.AGAIN} ({fault})") from fault
    pins.add(path.name, found["bytes"], found["sha256"])
    with writing(path):
        waiting.replace(path)
    return found


def _prove(file: Path, path: Path, pins: Pins, stage: Stage) -> dict[str, Any]:
    """Size and hash of a file that will be `path`; AshError unless it is the pinned one and holds the network's weights."""
    found = signature.look(file)
    if not signature.fits(found, signature.CHECKPOINT):
        raise DataError(
            f"{file}: {found}, wanted {signature.CHECKPOINT}; {signature.hint(found)}remove it, and run `ash acquire weights`"
        )
    with stage(f"verify {path.name} (MiB)") as progress:
        size = file.stat().st_size
        sha256 = sha256_of(file, size, progress)
    pins.check(file, size, sha256)
    state = read_state(file)
    if not any(name == TELLING[path.name] or name.endswith(f".{TELLING[path.name]}") for name in state):
        shown = ", ".join(sorted(state)[:4])
        raise CheckpointError(
            f"{file}: weights of another network ({shown}), wanted {TELLING[path.name]}; fetch {path.name}"
        )
    return {"bytes": size, "sha256": sha256}
