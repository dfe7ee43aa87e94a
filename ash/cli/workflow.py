"""Commands about the workflow as a whole: estimate, dvc-settings, dvc-run, dvc-record, dvc-check, same-bytes.

All but the first and the last let Snakemake and DVC share one pipeline.
"""

import importlib
import os
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from ash.cli.app import MEASURE, WORKFLOW, Params, ParamsOption, app
from ash.config import load
from ash.errors import ConfigError, StoreError, several


def _workflow(module: str) -> Any:
    """A module of the checkout's `workflow/`, which is no part of the package; ConfigError where it cannot be used."""
    if not Path("Snakefile").is_file() or not Path("workflow").is_dir():
        raise ConfigError(f"{os.getcwd()}: no Snakefile; run this in a checkout of the project")
    sys.path.insert(0, os.getcwd())
    try:
        return importlib.import_module(f"workflow.{module}")
    except ModuleNotFoundError as cause:
        raise ConfigError(
            f"{cause.name} is not installed; `make check` sets up .venv with all of the workflow"
        ) from cause


@app.command(rich_help_panel=WORKFLOW)
def dvc_settings() -> None:
    """Write the digest of each stage's settings, commands and code for DVC; the first stage of dvc.yaml."""
    stages, jobs = _workflow("bridge.stages"), _workflow("bridge.jobs").plan()
    found = stages.read_stages()
    stages.check(jobs, found)
    _workflow("bridge.commit").tidy(found)
    stages.write_settings(jobs, found)
    _workflow("environment").unchanged(Path("params.yaml"))  # DVC hashes the file when this is over


@app.command(rich_help_panel=WORKFLOW)
def dvc_run(
    stage: Annotated[str, typer.Argument(metavar="STAGE", help="name of a stage of dvc.yaml, e.g. train@ash")],
) -> None:
    """Let Snakemake make what a stage of dvc.yaml lists; the command of every other stage."""
    _workflow("bridge.stages").run(stage)


@app.command(rich_help_panel=WORKFLOW)
def dvc_record() -> None:
    """Record in dvc.lock what Snakemake has built; runs at the end of every `snakemake`."""
    for line in _workflow("bridge.commit").record():
        typer.echo(line)


@app.command(rich_help_panel=WORKFLOW)
def dvc_check(
    pipeline: Annotated[bool, typer.Option("--pipeline", help="only whether dvc.yaml and the Snakefile agree")] = False,
) -> None:
    """Check what Snakemake and DVC share: dvc.yaml, records, recorded files, the remote."""
    health = _workflow("bridge.health")
    typer.echo(health.check_pipeline() if pipeline else health.check_all())


@app.command(rich_help_panel=MEASURE)
def estimate(
    record: Annotated[
        bool, typer.Option("--record", help="write the table of durations anew, from the run that has ended here")
    ] = False,
    params: ParamsOption = Params,
) -> None:
    """Say how long the default target would take now, from a few training steps and a table of durations."""
    durations, jobs, settings = _workflow("durations"), _workflow("bridge.jobs").plan(), load(params)
    cores = os.cpu_count() or 1
    if record:
        durations.record(settings, {job.benchmark: job.outputs for job in jobs if job.benchmark}, cores)
        return
    waiting = [job.benchmark for job in jobs if job.stale and job.benchmark]
    typer.echo(durations.estimate(settings, waiting, min(cores, len(waiting))) if waiting else "nothing to be done")


@app.command(rich_help_panel=MEASURE)
def same_bytes(
    old: Annotated[str, typer.Argument(metavar="OLD", help="git revision")],
    new: Annotated[
        str | None, typer.Argument(metavar="NEW", help="git revision; the working tree unless named")
    ] = None,
    steps: Annotated[int, typer.Option(min=1, help="of every training")] = 20,
) -> None:
    """Train and score every experiment a few steps in two states of the code, and compare all bytes."""
    compare = _workflow("same_bytes").same_bytes
    with tempfile.TemporaryDirectory(prefix="ash-same-bytes-") as scratch:
        faults = compare(old, new, steps, Path(scratch))
    if faults:
        raise StoreError(several(f"{old} and {new or 'the working tree'}: not the same bytes", faults))
