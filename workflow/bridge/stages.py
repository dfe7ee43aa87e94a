"""The stages of dvc.yaml and the jobs of the Snakefile: which belong together, whether the two agree, and running a stage.

dvc.yaml is written by hand.  A job belongs to the stage whose `outs` hold its outputs.  What Snakemake compares besides
files that jobs make, reaches DVC as one digest a stage, in a file that the stage `settings` writes.
"""

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ash.errors import ConfigError, StoreError, several
from ash.files.atomic import digest, read_json, write_json
from workflow.bridge.jobs import Job
from workflow.bridge.jobs import plan as planned
from workflow.bridge.records import bundle_of, write_bundles

PIPELINE = "dvc.yaml"
SETTINGS = "results/settings.json"
PLANS = Path(".snakemake/stages.json")  # what each stage runs, so that it need not plan again
FIRST = "settings"  # the stage that writes them


@dataclass(frozen=True)
class Stage:
    """A stage as DVC reads it: its name, such as train@ash, and its paths."""

    name: str
    deps: tuple[str, ...]
    outs: tuple[str, ...]  # its bundle of records left out
    complete: bool  # whether it depends on its digest and lists its bundle

    def holds(self, path: str) -> bool:
        """Whether a path is one of its outputs."""
        return covers(self.outs, path)

    def reads(self, path: str) -> bool:
        """Whether a path is one of its dependencies; a sidecar counts with its HDF5 file."""
        return covers(self.deps, path) or (path.endswith(".json") and covers(self.deps, f"{path[:-5]}.h5"))


Assigned = dict[str, list[Job]]  # stage -> its jobs


def covers(named: Iterable[str], path: str) -> bool:
    """Whether a path is one of those named, or lies below one."""
    return any(path == name or path.startswith(f"{name}/") for name in named)


def read_stages() -> list[Stage]:
    """The stages of dvc.yaml, templates resolved; StoreError if DVC cannot read the file."""
    from workflow.bridge.repository import opened

    with opened() as repo:
        return [_stage(stage) for stage in repo.index.stages if stage.name not in (None, FIRST)]


def _stage(stage: object) -> Stage:
    keys = [key for dep in stage.deps for key in getattr(dep, "params", ()) if dep.def_path == SETTINGS]  # type: ignore[attr-defined]
    outs, bundle = [out.def_path for out in stage.outs], str(bundle_of(stage.name))  # type: ignore[attr-defined]
    return Stage(
        name=stage.name,  # type: ignore[attr-defined]
        deps=tuple(dep.def_path for dep in stage.deps if dep.def_path != SETTINGS),  # type: ignore[attr-defined]
        outs=tuple(path for path in outs if path != bundle),
        complete=keys == [stage.name] and bundle in outs,  # type: ignore[attr-defined]
    )


def assigned(jobs: Iterable[Job], stages: Iterable[Stage]) -> Assigned:
    """The jobs of each stage: those with an output among its own."""
    jobs = list(jobs)
    return {stage.name: [job for job in jobs if any(map(stage.holds, job.outputs))] for stage in stages}


def check(jobs: list[Job], stages: list[Stage]) -> None:
    """ConfigError unless dvc.yaml and the Snakefile agree; it lists where they do not."""
    faults = list(_faults(jobs, stages))
    if faults:
        raise ConfigError(several(f"{PIPELINE}: {len(faults)} fault(s) beside the Snakefile", faults))


def _faults(jobs: list[Job], stages: list[Stage]) -> Iterator[str]:
    for job in jobs:
        for path in job.outputs:
            holders = [stage.name for stage in stages if stage.holds(path)]
            if len(holders) != 1:
                found = " and ".join(holders) or "no stage"
                yield f"{path} (rule {job.rule}) is an output of {found}; let one stage list it or its folder in `outs`"
    for stage in stages:
        mine = assigned(jobs, [stage])[stage.name]
        if not mine:
            yield f"{stage.name}: no rule makes what it lists in `outs`; remove the stage, or correct the paths"
        if not stage.complete:
            yield f"{stage.name}: wanted {stage.name} of {SETTINGS} in `params`, and {bundle_of(stage.name)} in `outs`"
        inputs = {path for job in mine for path in job.inputs if not stage.holds(path)}
        missed = sorted(path for path in inputs if not stage.reads(path))
        if missed:
            more = f" and {len(missed) - 1} more" if len(missed) > 1 else ""
            yield f"{stage.name}: its jobs read {missed[0]}{more}; list the file or its folder in `deps`"


def write_settings(jobs: list[Job], stages: list[Stage]) -> None:
    """Write the digest of what each stage's jobs make and of their settings, commands and code; and what `run` needs."""
    mine = assigned(jobs, stages)
    digests = {name: digest([[*job.outputs, job.settings] for job in some])[:16] for name, some in mine.items()}
    write_json(Path(SETTINGS), digests)
    write_json(PLANS, {stage.name: _plan(stage, mine[stage.name], digests[stage.name]) for stage in stages})


def _plan(stage: Stage, jobs: list[Job], digest_: str) -> dict[str, Any]:
    return {
        "digest": digest_,
        "params": os.environ["ASH_PARAMS"],  # the copy of the settings that this was planned with
        "rules": sorted({job.rule for job in jobs}),
        "targets": [job.outputs[0] for job in jobs],  # one output a job is enough
        "outs": stage.outs,
    }


def run(name: str) -> None:
    """Let Snakemake make what a stage lists, and bundle its records; the command of each stage.

    ConfigError for an unknown stage, StoreError if a job fails.
    """
    plan = _remembered(name)
    if plan is None:
        write_settings(planned(), read_stages())
        plan = _remembered(name)
    if plan is None:
        raise ConfigError(f"{name}: not a stage of {PIPELINE}; `dvc stage list` names them")
    # The settings whose digest DVC records, also where params.yaml was edited since.
    command = [sys.executable, "-m", "snakemake", "--config", f"params={plan['params']}"]
    command += ["--quiet", "host", "rules", "--allowed-rules", *plan["rules"]]
    if subprocess.run([*command, "--", *plan["targets"]], check=False).returncode:  # noqa: S603  arguments are ours
        raise StoreError(f"{name}: a job failed; its log is above")
    make_folders(plan["outs"])
    bundle({name: plan["outs"]})


def _remembered(name: str) -> dict[str, Any] | None:
    """What a stage runs, as planned when its digest was written; None if it was not planned in this folder."""
    try:
        plan, digests = read_json(PLANS)[name], read_json(Path(SETTINGS))
        there = Path(plan["params"]).is_file()
        return plan if there and plan["digest"] == digests[name] else None
    except (StoreError, KeyError, TypeError):  # missing, or of another shape
        return None


def make_folders(outs: Iterable[str]) -> None:
    """Make the folders among those outputs that this protocol leaves empty: DVC wants each output to be there."""
    for path in outs:
        if not Path(path).suffix:
            Path(path).mkdir(parents=True, exist_ok=True)


def bundle(outs: Mapping[str, Iterable[str]]) -> None:
    """Bundle Snakemake's records of all that lies in each stage's outputs, from stage -> outputs."""
    write_bundles({name: {file for path in paths for file in _files(Path(path))} for name, paths in outs.items()})


def _files(path: Path) -> list[str]:
    return [str(file) for file in ([path] if path.is_file() else path.rglob("*")) if file.is_file()]
