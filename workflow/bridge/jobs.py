"""The jobs of the workflow as Snakemake itself plans them; none is run.

This dry run happens in the process, so it also tells what the printed one does not: the settings and the command that
Snakemake compares, and which jobs it would run now.
"""

import hashlib
import logging
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import humanfriendly
import yaml
from snakemake.api import SnakemakeApi
from snakemake.exceptions import WorkflowError
from snakemake.logging import logger
from snakemake.settings.types import DAGSettings, ExecutionSettings, OutputSettings, Quietness, ResourceSettings

from ash.errors import ConfigError

PROFILE = Path("profiles/default/config.yaml")


@dataclass(frozen=True)
class Job:
    """One job: its rule, its files, and what Snakemake thinks of them."""

    rule: str
    inputs: tuple[str, ...]  # those that other jobs make
    outputs: tuple[str, ...]
    settings: (
        str  # digest of the settings, the command, and the content of all inputs that no job makes: code above all
    )
    benchmark: str  # where Snakemake writes what the job took; empty if its rule has none
    stale: bool  # whether Snakemake would run it now


def plan() -> list[Job]:
    """All jobs of the default target, rule by rule as the Snakefile lists them, in the current folder.

    ConfigError if the settings are wrong or Snakemake cannot plan.
    """
    limit = humanfriendly.parse_size(str(yaml.safe_load(PROFILE.read_text())["max-checksum-file-size"]))
    try:
        with SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
            logger.setLevel(logging.ERROR)  # `quiet` leaves a few lines
            workflow = api.workflow(resource_settings=ResourceSettings(cores=1), snakefile=Path("Snakefile"))
            dag = workflow.dag(DAGSettings(max_checksum_file_size=limit, force_incomplete=True))
            dag.execute_workflow(executor="dryrun", execution_settings=ExecutionSettings(lock=False))
            return _jobs(workflow._workflow)
    except SystemExit as cause:  # the Snakefile's own checks end so
        raise ConfigError(str(cause).removeprefix("ash: ")) from cause
    except (WorkflowError, SyntaxError) as cause:
        raise ConfigError(f"Snakefile: Snakemake cannot plan the workflow ({cause}); see `snakemake -n`") from cause


def _jobs(workflow: Any) -> list[Job]:
    order = {rule.name: k for k, rule in enumerate(workflow.rules)}
    found = [job for job in workflow.dag.jobs if job.output]
    found.sort(key=lambda job: (order[job.rule.name], [str(path) for path in job.output]))
    made = {str(path) for job in found for path in job.output}
    return [_job(job, workflow.dag, workflow.persistence, made) for job in found]


def _job(job: Any, dag: Any, records: Any, made: set[str]) -> Job:
    inputs = sorted({str(path) for path in job.input})
    compared = (
        records._params(job),
        records._code(job.rule),
        [(path, _content(path)) for path in inputs if path not in made],
    )
    return Job(
        rule=job.rule.name,
        inputs=tuple(path for path in inputs if path in made),
        outputs=tuple(str(path) for path in job.output),
        settings=hashlib.sha256(repr(compared).encode()).hexdigest(),
        benchmark=str(job.benchmark or ""),
        stale=bool(dag.needrun(job)),
    )


@cache
def _content(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
