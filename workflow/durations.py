"""How long a run of the workflow takes: before it starts, from a short measurement; while it runs, from what has ended.

`workflow/resources/durations.csv` holds what each job of the reference run took on its machine (`ash estimate --record`).
Another machine is taken to be slower or faster by one factor in all jobs.  Before the run, that factor is the time of a few
training steps here over their time there; each job that ends then corrects it.
"""

import csv
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from ash.config import Settings
from ash.errors import ConfigError, StoreError
from ash.files.atomic import atomic
from workflow.environment import ROOT

RECORDED = ROOT / "workflow/resources/durations.csv"
PACED = ("source_only", "ash")  # the cheapest step and a common one
PACE_STEPS = 4
UNKNOWN = 5.0  # seconds of a job of a rule that the table does not have: a start of Python and torch
TRUST = 30.0  # seconds of ended jobs that weigh as much as the measurement before the run
RECORDED_A_SECOND = 80.0  # megabytes of outputs that DVC takes into its cache once the last job has ended
HALF_LIFE = 300.0  # seconds of ended jobs after which those before weigh half: what else a machine does changes


Needs = Mapping[str, Sequence[str]]  # the jobs that a job waits for
NOTHING: Needs = MappingProxyType({})


@dataclass(frozen=True)
class Recorded:
    """A job of the reference run, or a step of an experiment there."""

    job: str  # rule and subject, as in benchmarks/: train/ash
    steps: int  # of the training; 0 for other jobs
    seconds: float
    megabytes: float  # of its outputs


def key(benchmark: str) -> str:
    """A job's name in the table, from the file that its rule names as `benchmark`: without folder, seed and suffix."""
    return re.sub(r"^benchmarks/(more/)?|_seed\d+|\.tsv$", "", benchmark)


class Durations:
    """The table, and how many times longer jobs take here.  A job is named by the file of its rule's `benchmark`."""

    def __init__(self, rows: Iterable[Recorded], iterations: Mapping[str, int]) -> None:
        """`iterations` holds the steps of each experiment by today's settings."""
        self.rows = {row.job: row for row in rows}
        self.iterations = iterations
        self.factor = 1.0
        self._expected, self._taken = TRUST, TRUST

    def recorded(self, benchmark: str) -> float:
        """Seconds that a job took in the reference run; of one that is not in the table, the mean of its rule's."""
        job = key(benchmark)
        row, (rule, _, name) = self.rows.get(job), job.partition("/")
        alike = [row] if row else [other for other in self.rows.values() if other.job.partition("/")[0] == rule]
        if not alike:
            return UNKNOWN
        scale = self.iterations[name] / alike[0].steps if alike[0].steps and name in self.iterations else 1.0
        return scale * sum(other.seconds for other in alike) / len(alike)

    def expected(self, benchmark: str) -> float:
        """Seconds that it takes here."""
        return self.factor * self.recorded(benchmark)

    def megabytes(self, benchmarks: Iterable[str]) -> float:
        """What these jobs' outputs took on disk in the reference run; 0 for those that are not in the table."""
        return sum(self.rows[job].megabytes for job in map(key, benchmarks) if job in self.rows)

    def start_from(self, factor: float) -> None:
        """Take the measurement before the run for what it is worth."""
        self.factor, self._taken = factor, TRUST * factor

    def learn(self, benchmark: str, seconds: float) -> None:
        """Correct the factor by a job that has ended."""
        recorded = self.recorded(benchmark)
        rest = 0.5 ** (recorded / HALF_LIFE)
        self._expected = rest * self._expected + recorded
        self._taken = rest * self._taken + seconds
        self.factor = self._taken / self._expected

    def left(self, waiting: Iterable[str], running: Mapping[str, float], slots: int, needs: Needs = NOTHING) -> float:
        """Seconds until all have ended; `running` maps those that have begun to the seconds that they have been at it.

        The work is shared by all slots, but no job ends before its own time, nor before that of those that it `needs`.
        """
        rest = {job: max(self.expected(job) - seconds, 0.0) for job, seconds in running.items()}
        work = {job: self.expected(job) for job in waiting} | rest
        ends: dict[str, float] = {}

        def end(job: str) -> float:
            if job not in ends:
                ends[job] = work[job] + max((end(other) for other in needs.get(job, ()) if other in work), default=0.0)
            return ends[job]

        return max([sum(work.values()) / slots, *map(end, work)], default=0.0)

    def recording(self, benchmarks: Iterable[str]) -> float:
        """Seconds until DVC has taken these jobs' outputs in, after the last of them."""
        return self.factor * self.megabytes(benchmarks) / RECORDED_A_SECOND


def read(settings: Settings) -> Durations | None:
    """The table at today's settings; None where it was recorded with another protocol, of which it says nothing."""
    with RECORDED.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if not any(row["job"] == f"protocol/{settings.params.protocol}" for row in rows):
        return None
    iterations = {name: settings.experiment(name).training.iterations for name in settings.params.experiments}
    recorded = (Recorded(r["job"], int(r["steps"]), float(r["seconds"]), float(r["megabytes"])) for r in rows)
    return Durations(recorded, iterations)


def pace(settings: Settings, processes: int) -> dict[str, float]:
    """Seconds of a training step of each experiment in PACED, in as many processes at once as trainings will run.

    StoreError with what it printed if one fails.
    """
    width, height = settings.protocol.datasets[settings.params.experiments[PACED[0]].source].image_size
    command = [sys.executable, "-m", "ash.cli", "bench", "cost", "--synthetic", f"{width}x{height}"]
    command += [
        "--rounds",
        "1",
        "--steps",
        str(PACE_STEPS),
        *(word for name in PACED for word in ("--experiment", name)),
        "--out",
    ]
    used = settings.protocol.resources.get("train")
    environment = os.environ | {"OMP_NUM_THREADS": str(used.threads if used else 1)}
    with tempfile.TemporaryDirectory() as folder:
        started = [
            subprocess.Popen(  # noqa: S603  our own command
                [*command, f"{folder}/{k}.json"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
            )
            for k in range(processes)
        ]
        said = [process.communicate()[0].decode(errors="replace") for process in started]
        for process, text in zip(started, said, strict=True):
            if process.returncode:
                raise StoreError(f"a step of training could not be timed: {text.strip().rpartition(os.linesep)[2]}")
        found = [json.loads(Path(folder, f"{k}.json").read_text()) for k in range(processes)]
    return {name: sum(rows[k]["ms"] for rows in found) / processes / 1e3 for k, name in enumerate(PACED)}


def measure(durations: Durations, settings: Settings, processes: int) -> None:
    """Set the factor from training steps timed now."""
    here = pace(settings, processes)
    durations.start_from(sum(here.values()) / sum(durations.rows[f"step/{name}"].seconds for name in PACED))


def estimate(settings: Settings, benchmarks: Sequence[str], slots: int) -> str:
    """The line that is told of jobs not yet begun, after a measurement of some seconds.

    ConfigError if the protocol was never timed.
    """
    durations = read(settings)
    if durations is None:
        raise ConfigError(
            f"protocol {settings.params.protocol}: never timed as a whole; `ash bench plan` computes what it takes from steps"
        )
    measure(durations, settings, slots)
    return told(durations, benchmarks, slots)


def told(durations: Durations, benchmarks: Sequence[str], slots: int) -> str:
    """Number of jobs, time, disk."""
    time_left = spoken(durations.left(benchmarks, {}, slots) + durations.recording(benchmarks))
    return (
        f"{len(benchmarks)} jobs: about {time_left} on this machine, {durations.megabytes(benchmarks):.0f} MB of disk"
    )


def record(settings: Settings, outputs: Mapping[str, Sequence[str]], processes: int) -> None:
    """Write the table from the run that has ended here; `outputs` maps the benchmark of each job to its outputs."""
    rows = [(f"protocol/{settings.params.protocol}", 0, 0.0, 0.0)]
    rows += [(f"step/{name}", 0, round(seconds, 4), 0.0) for name, seconds in pace(settings, processes).items()]
    for benchmark, made in sorted(outputs.items()):
        with open(benchmark, encoding="utf-8") as file:
            seconds = float(next(csv.DictReader(file, delimiter="\t"))["s"])
        size = sum(path.stat().st_size for path in map(Path, made) if path.is_file()) / 1e6
        job = key(benchmark)
        rule, _, name = job.partition("/")
        steps = settings.experiment(name).training.iterations if rule == "train" else 0
        rows.append((job, steps, round(seconds, 1), round(size, 2)))
    with atomic(RECORDED) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([("job", "steps", "seconds", "megabytes"), *rows])


def spoken(seconds: float) -> str:
    """A time as people say it: 50 s, 4 min, 1 h 20 min."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{max(round(seconds, -1), 10):.0f} s"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
