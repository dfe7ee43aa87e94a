"""Tell DVC what a run of Snakemake built, and never what is stale or was changed by hand."""

import json
import subprocess
import sys
from collections.abc import Iterable

from ash.errors import StoreError
from workflow.jobs import Job, plan
from workflow.stages import Stages, check, grouped, write_settings

Status = dict[str, list[dict[str, dict[str, str]] | str]]


def dvc(*arguments: str) -> str:
    """Run DVC in the current folder and give what it prints; StoreError with its last line if it fails."""
    command = [sys.executable, "-m", "dvc", *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  arguments are ours
    if result.returncode:
        lines = [line for line in (result.stderr or result.stdout).splitlines() if line.startswith("ERROR")]
        cause = (lines or [f"exit code {result.returncode}"])[0].removeprefix("ERROR: ")
        raise StoreError(f"dvc {arguments[0]}: {cause}")
    return result.stdout


def record() -> list[str]:
    """Commit to DVC every stage that Snakemake has built since and calls up to date; give a report, a line each.

    A changed file counts as built if Snakemake's record of it changed as well: then Snakemake made it.  A file that
    changed without its record was changed by hand; it and what depends on it are left alone, so that `dvc status` goes
    on naming them.  ConfigError if dvc.yaml is out of date.
    """
    stages = grouped(plan())
    check(stages)
    write_settings(stages)
    status: Status = json.loads(dvc("status", "--json"))
    by_hand = _by_hand(stages, status)
    changed = [name for name in status if name in stages or name == "settings"]
    stale = [name for name in changed if any(job.stale for job in stages.get(name, []))]
    spoiled = [name for name in changed if name not in stale and by_hand & _changed(status[name])]
    built = [name for name in changed if name not in stale and name not in spoiled]
    if built:
        # Named stages cost a pass over dvc.lock each, so all are committed at once where that is the same.
        dvc("commit", "--quiet", "--force", *([] if len(built) == len(status) else built))
    report = [f"recorded in dvc.lock: {len(built)} stage(s)"]
    if stale:
        report.append(f"not recorded, because stale: {_list(stale)}; `snakemake` or `dvc repro` builds them")
    if by_hand:
        report.append(
            f"not recorded, because changed by hand: {_list(sorted(by_hand))}; `dvc repro` makes them again, "
            "`dvc checkout --force FILE` restores them"
        )
    return report


def _changed(changes: Iterable[dict[str, dict[str, str]] | str], what: Iterable[str] = ("deps", "outs")) -> set[str]:
    """The files of a stage's status that are there and differ from dvc.lock."""
    kinds = {f"changed {kind}" for kind in what}
    return {
        path
        for change in changes
        if isinstance(change, dict)
        for kind, files in change.items()
        if kind in kinds
        for path, state in files.items()
        if state in ("modified", "new")
    }


def _by_hand(stages: Stages, status: Status) -> set[str]:
    """Outputs that differ from dvc.lock although Snakemake's record of them does not."""
    outputs = {name: _changed(changes, ["outs"]) for name, changes in status.items()}
    jobs: dict[str, list[Job]] = stages
    return {
        path
        for name, files in outputs.items()
        for job in jobs.get(name, [])
        for path, made in job.outputs.items()
        if path in files and made not in files
    }


def _list(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
