"""What can be wrong with a tree that Snakemake and DVC share, and what to do about it."""

import os
from collections.abc import Iterator

from ash.errors import AshError, StoreError, flat, redacted, several
from workflow.bridge.commit import recorded
from workflow.bridge.jobs import plan
from workflow.bridge.records import put_back
from workflow.bridge.repository import opened
from workflow.bridge.stages import check, read_stages

SHOWN = 3  # files named in a line


def check_all() -> str:
    """Say that all is well, or raise StoreError with a line for each fault and its remedy."""
    faults = [*_pipeline(), *put_back(), *_missing(), *_remote()]
    if faults:
        raise StoreError(several(f"{len(faults)} fault(s)", faults))
    return "dvc.yaml, Snakemake's records, the recorded files and the remote are as they should be"


def check_pipeline() -> str:
    """Say that dvc.yaml and the Snakefile agree; ConfigError with a line for each difference."""
    jobs, stages = plan(), read_stages()
    check(jobs, stages)
    return f"dvc.yaml and the Snakefile agree: {len(jobs)} jobs in {len(stages)} stages"


def _pipeline() -> Iterator[str]:
    try:
        check_pipeline()
    except AshError as fault:
        yield str(fault)


def _missing() -> Iterator[str]:
    """Files that dvc.lock records and that are not there."""
    with opened() as repo:
        files = [path for stage in repo.index.stages if stage.name for path in recorded(repo, stage.name)]
    missing = [path for path in files if not os.path.lexists(path)]
    if missing:
        named = ", ".join(missing[:SHOWN]) + (f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else "")
        yield f"{named}: recorded in dvc.lock, but missing here; fetch with `dvc pull`, or make again with `dvc repro`"


def _remote() -> Iterator[str]:
    """Whether the default remote answers."""
    with opened() as repo:
        name = repo.config["core"].get("remote")
        url = repo.config["remote"].get(name, {}).get("url") if name else None
        if not url:
            yield ".dvc/config: no default remote; name one with `dvc remote add --default NAME URL`"
            return
        cause = None
        if "://" not in url:
            cause = None if os.path.isdir(url) else "no such folder"
        else:
            try:
                repo.status(cloud=True)
            except Exception as fault:  # noqa: BLE001  of whichever library speaks the remote's protocol
                cause = flat(fault)
    if cause:
        yield redacted(f"remote {name} at {url}: {cause}") + (
            "; the first `dvc push` makes a local folder; mount or sign in to any other, "
            f"or name your own with `dvc remote modify --local {name} url URL`"
        )
