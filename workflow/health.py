"""What can be wrong with a tree that Snakemake and DVC share, and what to do about it."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import yaml
from snakemake import __version__
from snakemake.persistence import RECORD_FORMAT_VERSION

from ash.errors import AshError, StoreError, several
from workflow.jobs import plan
from workflow.records import dvc
from workflow.stages import LOCK, check, grouped

RECORDS = Path(".snakemake/metadata")
SHOWN = 3  # files named in a line


def check_all() -> str:
    """Say that all is well, or raise StoreError with a line for each fault and its remedy."""
    faults = [*_pipeline(), *foreign_records(), *_missing(), *_remote()]
    if faults:
        raise StoreError(several(f"{len(faults)} fault(s)", faults))
    return "dvc.yaml, Snakemake's records, the recorded files and the remote are as they should be"


def foreign_records() -> list[str]:
    """A line if records here have another format than this Snakemake's, which it cannot compare."""
    formats = {path: _format(path) for path in sorted(RECORDS.rglob("*")) if path.is_file()}
    foreign = {path: found for path, found in formats.items() if found != RECORD_FORMAT_VERSION}
    if not foreign:
        return []
    path, found = next(iter(foreign.items()))
    return [
        f"{path}: record format {found}, and {len(foreign) - 1} more; Snakemake {__version__} writes "
        f"{RECORD_FORMAT_VERSION}; install the version of constraints.txt, or build anew with `dvc repro --force`"
    ]


def _format(path: Path) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8")).get("record_format_version")
    except (ValueError, AttributeError):
        return "unreadable"


def _pipeline() -> Iterator[str]:
    try:
        check(grouped(plan()))
    except AshError as fault:
        yield str(fault)


def _missing() -> Iterator[str]:
    """Files that dvc.lock records and that are not there."""
    stages = yaml.safe_load(LOCK.read_text(encoding="utf-8"))["stages"] if LOCK.exists() else {}
    recorded = [output["path"] for stage in stages.values() for output in stage.get("outs", [])]
    missing = [path for path in recorded if not os.path.lexists(path)]
    if missing:
        files = [path for path in missing if not path.startswith(".snakemake/")] or missing
        named = ", ".join(files[:SHOWN]) + (f" and {len(files) - SHOWN} more" if len(files) > SHOWN else "")
        yield f"{named}: recorded in {LOCK}, but missing here; fetch with `dvc pull`, or make again with `dvc repro`"


def _remote() -> Iterator[str]:
    """Whether the default remote answers."""
    options = dict(line.split("=", 1) for line in dvc("config", "--list").splitlines())
    name = options.get("core.remote")
    url = options.get(f"remote.{name}.url")
    if not url:
        yield ".dvc/config: no default remote; name one with `dvc remote add --default NAME URL`"
        return
    cause = None
    if "://" not in url:
        cause = None if os.path.isdir(url) else "no such folder"
    else:
        try:
            dvc("status", "--cloud")
        except StoreError as fault:
            cause = str(fault)
    if cause:
        yield (
            f"remote {name} at {url}: {cause}; the first `dvc push` makes a local folder; mount or sign in to any other, "
            f"or name your own with `dvc remote modify --local {name} url URL`"
        )
