"""Brings published weights of networks here.

A file is verified against `pins/weights.json`.  Hashes that the publishers or others have made known are in the
repository's own: the DeepLab init carries the first 8 digits of its SHA-256 in its name, as torch.hub does; those of
pytorch-AdaIN's release are the same in several public projects.  A file without a pin is pinned at its first fetch.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ash.acquire import download
from ash.acquire.journal import Pins, sha256_of
from ash.acquire.networks import PUBLISHED
from ash.acquire.steps import Stage, alone
from ash.errors import AshError, ConfigError, DataError, several
from ash.files.atomic import write_json


def acquire_weights(paths: Sequence[Path], out: Path, pins: Path, mirror: str | None, stage: Stage) -> None:
    """Bring published files, verify them, and write their sizes and hashes to `out`; files that are there stay as they are.

    DataError lists every file that cannot be fetched or is another one than pinned; ConfigError if none is asked for.
    """
    if not paths:
        raise ConfigError(
            "weights: the protocol starts from none that are published; name some (docs/guide/weights.md)"
        )
    out.parent.mkdir(parents=True, exist_ok=True)
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
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with stage(f"fetch {path.name} (MiB)") as progress:
            download.fetch(f"{(mirror or PUBLISHED[path.name]).rstrip('/')}/{path.name}", path, None, progress)
    with stage(f"verify {path.name} (MiB)") as progress:
        size = path.stat().st_size
        sha256 = sha256_of(path, size, progress)
    pins.check(path, size, sha256)
    pins.add(path.name, size, sha256)
    return {"bytes": size, "sha256": sha256}
