"""What can be wrong with a tree that Snakemake and DVC share, and what to do about it."""

import os
from collections.abc import Iterator

import yaml

from ash.errors import AshError, StoreError, several
from workflow.formats import foreign_records
from workflow.jobs import plan
from workflow.records import dvc
from workflow.stages import LOCK, check, grouped

SHOWN = 3  # files named in a line


def check_all() -> str:
    """Say that all is well, or raise StoreError with a line for each fault and its remedy."""
    faults = [*_pipeline(), *foreign_records(), *_missing(), *_remote()]
    if faults:
        raise StoreError(several(f"{len(faults)} fault(s)", faults))
    return "dvc.yaml, Snakemake's records, the recorded files and the remote are as they should be"


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
