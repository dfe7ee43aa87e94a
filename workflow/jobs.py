"""The jobs of the workflow as Snakemake itself plans them; none is run.

This dry run happens in the process, so it also tells what the printed one does not: the settings and the command that
Snakemake compares, where it keeps its records, and which jobs it would run now.
"""

import hashlib
import logging
import os
from dataclasses import dataclass
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
UNITS = ("experiment", "dataset")  # wildcards by which jobs of a rule are told apart; seeds, splits and tables are not


@dataclass(frozen=True)
class Job:
    """One job: its rule, what it belongs to, its files, and what Snakemake thinks of them."""

    rule: str
    unit: str  # the experiment or data set, or ""
    inputs: tuple[str, ...]
    outputs: dict[str, str]  # output -> Snakemake's record of it
    settings: str  # digest of the params and of the command
    stale: bool  # whether Snakemake would run it now

    @property
    def stage(self) -> str:
        """The stage of dvc.yaml that it belongs to."""
        return f"{self.rule}-{self.unit}" if self.unit else self.rule


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
    return [_job(job, workflow.dag, workflow.persistence) for job in found]


def _job(job: Any, dag: Any, records: Any) -> Job:
    compared = repr((records._params(job), records._code(job.rule)))
    wildcards = job.wildcards_dict
    return Job(
        rule=job.rule.name,
        unit=next((wildcards[name] for name in UNITS if name in wildcards), ""),
        inputs=tuple(sorted(str(path) for path in job.input)),
        outputs={str(path): _record(records, path) for path in job.output},
        settings=hashlib.sha256(compared.encode()).hexdigest(),
        stale=bool(dag.needrun(job)),
    )


def _record(records: Any, path: Any) -> str:
    """Where Snakemake keeps its record of an output, relative to the current folder."""
    return os.path.relpath(records._record_path(records._metadata_path, records._get_key(path)))
