"""Says before a long run how long it will take, and while it runs how much is left, below Snakemake's own progress."""

import logging
import sys
import time
from collections.abc import Sequence
from typing import Any

from snakemake.logging import logger
from snakemake_interface_logger_plugins.common import LogEvent

from ash.config import Settings
from ash.errors import StoreError
from workflow.durations import Durations, measure, read, spoken, told

LONG = 180.0  # seconds from which a run is worth a measurement of some seconds before it


def announce(workflow: Any, settings: Settings) -> None:
    """Estimate the run that starts now, print it, and print the time left whenever a job has ended.

    Nothing is said of a protocol that was never timed, of a run of moments, or where another machine does the work.
    """
    durations = read(settings)
    if durations is None or not workflow.local_exec:
        return
    waiting = list(_needs(workflow))
    slots = min(workflow.cores, len(waiting) or 1)
    if durations.left(waiting, {}, slots) < LONG:
        return
    try:
        measure(durations, settings, slots)
    except StoreError as error:  # an estimate is no reason not to run
        print(f"ash: warning: {error}; the time left is told from the first jobs on", file=sys.stderr)
    else:
        print(told(durations, waiting, slots), file=sys.stderr, flush=True)
    logger.addHandler(TimeLeft(workflow, durations, slots, waiting))


def _needs(workflow: Any) -> dict[str, list[str]]:
    """The benchmark files of the jobs that have not ended, and for each of them those of the jobs that it waits for."""
    dag = workflow.dag
    return {
        str(job.benchmark): [str(other.benchmark) for other in dag.dependencies.get(job, ()) if other.benchmark]
        for job in dag.needrun_jobs()
        if job.benchmark
    }


class TimeLeft(logging.Handler):
    """Follows the events of Snakemake's logger; `jobs` are the benchmark files of all jobs of the run."""

    def __init__(self, workflow: Any, durations: Durations, slots: int, jobs: Sequence[str]) -> None:
        super().__init__()
        self.workflow, self.durations, self.slots, self.jobs = workflow, durations, slots, jobs
        self.running: dict[int, tuple[str, float]] = {}  # number of a job: its benchmark file, its start

    def emit(self, record: logging.LogRecord) -> None:
        """See logging.Handler."""
        event, now = getattr(record, "event", None), time.monotonic()
        if event is LogEvent.JOB_INFO and record.benchmark:  # type: ignore[attr-defined]
            self.running[record.jobid] = (str(record.benchmark), now)  # type: ignore[attr-defined]
        elif event is LogEvent.JOB_FINISHED and record.job_id in self.running:  # type: ignore[attr-defined]
            benchmark, start = self.running.pop(record.job_id)  # type: ignore[attr-defined]
            self.durations.learn(benchmark, now - start)
        elif event is LogEvent.PROGRESS and record.done < record.total:  # type: ignore[attr-defined]
            print(f"about {spoken(self.left(now))} left", file=sys.stderr, flush=True)

    def left(self, now: float) -> float:
        """Seconds until all jobs have ended and are recorded."""
        running = {benchmark: now - start for benchmark, start in self.running.values()}
        needs = _needs(self.workflow)
        return self.durations.left(needs, running, self.slots, needs) + self.durations.recording(self.jobs)
