"""How long a run takes: the table, what is learned from jobs that end, and the lines that a person sees."""

import heapq
import logging
import random
import re
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

from ash.config import load
from ash.errors import ConfigError
from workflow.durations import Durations, Recorded, estimate, key, read, spoken
from workflow.environment import ROOT
from workflow.time_left import TimeLeft


@dataclass(frozen=True)
class Job:
    """As Snakemake has them."""

    benchmark: str


@pytest.mark.parametrize(
    ("benchmark", "job"),
    [
        ("benchmarks/train/ash_seed0.tsv", "train/ash"),
        ("benchmarks/more/train/fda_seed12.tsv", "train/fda"),
        ("benchmarks/cost.tsv", "cost"),
    ],
)
def test_a_job_has_one_name_whatever_its_seed(benchmark, job):
    """Folder, seed and suffix of its benchmark file are left out."""
    assert key(benchmark) == job


def test_an_unknown_job_takes_what_its_rule_takes():
    """(40 + 80) / 2 for a new experiment; a fourth of it at a fourth of the steps, where the settings know it."""
    rows = [Recorded("train/clan", 400, 40.0, 2.0), Recorded("train/ash", 400, 80.0, 2.0)]
    table = Durations(rows, {"mine": 100, "clan": 200})
    assert table.recorded("benchmarks/train/mine_seed0.tsv") == 15.0
    assert table.recorded("benchmarks/train/clan_seed3.tsv") == 20.0
    assert table.recorded("benchmarks/train/other_seed0.tsv") == 60.0


def test_time_left_is_work_shared_but_no_less_than_the_longest_job():
    """60 + 20 s on two slots take 60 s; 30 s of the first have passed, so 30 s."""
    rows = [Recorded("train/long", 1, 60.0, 0.0), Recorded("train/short", 1, 20.0, 0.0)]
    table = Durations(rows, {})
    assert table.left(["train/long", "train/short"], {}, 2) == 60.0
    assert table.left(["train/short"], {"train/long": 30.0}, 2) == 30.0
    assert table.left([], {}, 2) == 0.0


def test_time_left_is_no_less_than_a_chain_of_jobs():
    """60 s on two slots, but the third job of 20 waits for the second and that for the first: 60, of which 15 have passed."""
    table = Durations([Recorded(f"job/{name}", 1, 20.0, 0.0) for name in "abc"], {})
    needs = {"job/c": ["job/b"], "job/b": ["job/a", "job/ended"]}
    assert table.left(["job/a", "job/b", "job/c"], {}, 2) == 30.0
    assert table.left(["job/a", "job/b", "job/c"], {}, 2, needs) == 60.0
    assert table.left(["job/b", "job/c"], {"job/a": 15.0}, 2, needs) == 45.0


def test_outputs_are_recorded_after_the_last_job():
    """160 MB at 80 a second, on a machine three times as slow."""
    table = Durations([Recorded("train/ash", 1, 60.0, 160.0)], {})
    table.start_from(3.0)
    assert table.recording(["benchmarks/train/ash_seed0.tsv"]) == 6.0


@pytest.mark.parametrize(("guess", "speed"), [(1.0, 3.0), (1.0, 0.4), (2.4, 3.0)])
def test_the_time_left_is_right_within_a_quarter_from_the_first_tenth_on(monkeypatch, guess, speed):
    """The reference run's jobs on a machine `speed` times slower, each job 15 % off at random; two at once.

    The last minutes, in which one long job decides, may be a minute wrong.
    """
    table = read(load(ROOT / "params.yaml"))
    table.start_from(guess)
    noise = random.Random(0)
    waiting = [f"benchmarks/{job}.tsv" for job, row in table.rows.items() if row.seconds]
    waiting.sort(key=lambda job: ("train" in job, "evaluate" in job))
    truth = {job: speed * table.recorded(job) * noise.uniform(0.85, 1.15) for job in waiting}
    jobs = [Job(job) for job in waiting]
    done, clock, running, told = set(), 0.0, [], []
    dag = SimpleNamespace(needrun_jobs=lambda: (job for job in jobs if job.benchmark not in done), dependencies={})
    watch = TimeLeft(SimpleNamespace(dag=dag), table, 2, [])
    monkeypatch.setattr("workflow.time_left.time.monotonic", lambda: clock)
    while waiting or running:
        while waiting and len(running) < 2:
            job = waiting.pop(0)
            watch.emit(_event(LogEvent.JOB_INFO, jobid=job, benchmark=job))
            heapq.heappush(running, (clock + truth[job], job))
        clock, job = heapq.heappop(running)
        done.add(job)
        watch.emit(_event(LogEvent.JOB_FINISHED, job_id=job))
        told.append((clock, watch.left(clock)))
    late = [(now, left) for now, left in told if now > clock / 10]
    assert len(late) > 40
    for now, left in late:
        assert abs(left - (clock - now)) < max(0.25 * (clock - now), 60 * speed)


def _event(event, **fields):
    record = logging.LogRecord("snakemake", logging.INFO, "", 0, None, (), None)
    record.__dict__.update(fields, event=event)
    return record


def test_a_machine_that_gets_busy_is_believed():
    """Ten jobs at the recorded speed, then five at a third of it: the factor is nearer to 3 than to 1."""
    table = Durations([Recorded("train/ash", 1, 100.0, 0.0)], {})
    for seconds in [100.0] * 10 + [300.0] * 5:
        table.learn("benchmarks/train/ash_seed0.tsv", seconds)
    assert 2.0 < table.factor < 3.0


def test_what_is_said_after_each_job(capsys):
    """A line after each job but the last."""
    table = Durations([Recorded("train/ash", 1, 600.0, 0.0)], {})
    job = Job("benchmarks/train/ash_seed1.tsv")
    dag = SimpleNamespace(needrun_jobs=lambda: [job], dependencies={})
    watch = TimeLeft(SimpleNamespace(dag=dag), table, 1, [])
    watch.emit(_event(LogEvent.PROGRESS, done=1, total=2))
    assert capsys.readouterr().err == "about 10 min left\n"
    watch.emit(_event(LogEvent.PROGRESS, done=2, total=2))
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("seconds", "words"), [(3, "10 s"), (50, "50 s"), (400, "7 min"), (3600, "1 h 00 min"), (4700, "1 h 18 min")]
)
def test_times_as_people_say_them(seconds, words):
    """Seconds up to a minute and a half, then minutes, then hours."""
    assert spoken(seconds) == words


def test_the_estimate_measures_steps_here():
    """The factor is this machine's step over the reference's, so the line names a time; MB are the reference's."""
    settings = load(ROOT / "params.yaml")
    line = estimate(settings, ["benchmarks/train/ash_seed0.tsv", "benchmarks/train/clan_seed0.tsv"], 1)
    assert re.fullmatch(r"2 jobs: about [\d hmins]+ on this machine, \d MB of disk", line)


def test_a_protocol_that_was_never_timed_is_told_so():
    """The table says nothing of 100,000 steps at 1280x720."""
    settings = load(ROOT / "params.yaml", "paper")
    with pytest.raises(ConfigError, match="protocol paper: never timed as a whole"):
        estimate(settings, [], 1)
