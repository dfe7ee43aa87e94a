"""Snakemake's lock goes with the run that held it, and with no other."""

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest

from tests.conftest import ROOT
from workflow import at_work

RUN = """
import subprocess, sys, time
from pathlib import Path
from workflow.at_work import enter
enter()
Path(".snakemake/locks").mkdir(exist_ok=True)
Path(".snakemake/locks/0.output.lock").write_text("results/report.html")
{}
print("up", flush=True)
time.sleep(60)
"""
JOB = "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])"
LOOK = "import json; from workflow.at_work import enter, locked; print(json.dumps([enter(), locked()]))"


@pytest.fixture
def here(tmp_path):
    """A folder in which the runs of a test work; all that they leave running ends with the test."""
    yield tmp_path
    for path in tmp_path.glob("group.*"):
        try:
            os.killpg(int(path.suffix[1:]), signal.SIGKILL)
        except ProcessLookupError:
            continue


def python(folder, script, **more):
    """Start a script in a folder and a process group of its own, on this checkout's code."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | more
    environment.pop(at_work.VARIABLE, None) if at_work.VARIABLE not in more else None
    command = [sys.executable, "-c", script]
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    (folder / f"group.{process.pid}").touch()
    return process


@contextmanager
def run(folder, below=""):
    """A run that holds Snakemake's lock."""
    with python(folder, RUN.format(below)) as process:
        while process.stdout.readline() != "up\n":
            assert process.poll() is None
        try:
            yield process
        finally:
            process.kill()


def look(folder, **more):
    """What the next run is told, and whether the lock is still there."""
    with python(folder, LOOK, **more) as process:
        lines, locked = json.load(process.stdout)
    return lines, locked


def test_the_lock_of_a_killed_run_goes(here):
    """SIGKILL, then another run: no lock, no word, and no file of the dead one; each leaves no file of its own."""
    with run(here) as process:
        process.kill()
    assert look(here) == ([], False)
    assert [path.name for path in (here / at_work.RUNS).iterdir()] == [at_work.GUARD]


def test_the_lock_of_a_live_run_stays(here):
    """Also beside a dead one; the line names the process and what it runs."""
    with run(here) as process:
        process.kill()
    with run(here) as process:
        (line,), locked = look(here)
        assert locked
        assert re.match(rf"process {process.pid} \(.*python.*\) on \S+ is at work in this folder; wait", line)


def test_a_lock_of_nobody_goes(here):
    """As older versions left it: no run is registered, no Snakemake lives here."""
    (here / at_work.LOCKS).mkdir(parents=True)
    (here / at_work.LOCKS / "0.input.lock").write_text("params.yaml")
    assert look(here) == ([], False)


def test_a_job_that_outlives_its_run_keeps_the_lock(here):
    """Only the run is killed: the line names its job; once that has ended, the lock goes."""
    with run(here, JOB) as process:
        process.kill()
        process.wait()
        (line,), locked = look(here)
        assert locked
        job = int(re.match(r"process (\d+) \(.*\) was started by a run that was killed, and is still at work", line)[1])
        os.kill(job, signal.SIGKILL)
        assert look(here) == ([], False)


def test_jobs_of_a_cluster_keep_the_lock(here):
    """Their numbers are in the line, however many cannot be read beside them."""
    with run(here) as process:
        process.kill()
    incomplete = here / at_work.INCOMPLETE
    incomplete.mkdir()
    for name, text in {"a": '{"external_jobid": "4711"}', "b": "{", "c": "[]", "d": '{"external_jobid": null}'}.items():
        (incomplete / name).write_text(text)
    (line,), locked = look(here)
    assert locked
    assert line.startswith("the run that submitted jobs 4711 was killed; once the cluster has ended or cancelled them")


def test_the_run_of_another_machine_keeps_the_lock(here):
    """Whether it lives cannot be told from here; without its file the lock goes."""
    with run(here) as process:
        process.kill()
    file = here / at_work.RUNS / "login.cluster.4711"
    file.write_text("python -m snakemake --cores all\n")
    (line,), locked = look(here)
    assert locked
    assert "process 4711 (python -m snakemake --cores all) on login.cluster holds" in line
    assert f"remove {file}" in line
    file.unlink()
    assert look(here) == ([], False)


def test_a_snakemake_of_another_snakefile_keeps_the_lock(here):
    """It has not registered, but works in this folder."""
    (here / at_work.LOCKS).mkdir(parents=True)
    (here / at_work.LOCKS / "0.input.lock").write_text("params.yaml")
    (here / "snakemake.py").write_text("import time; print('up', flush=True); time.sleep(60)")
    bare = subprocess.Popen([sys.executable, "snakemake.py"], cwd=here, stdout=subprocess.PIPE, text=True)
    with bare:
        bare.stdout.readline()
        (line,), locked = look(here)
        bare.kill()
    assert locked
    assert f"process {bare.pid} " in line


def test_the_hook_of_a_run_says_nothing(here):
    """Its dry run reads the Snakefile too, while the lock is its own run's."""
    with run(here) as process:
        (name,) = (path.name for path in (here / at_work.RUNS).glob(f"*.{process.pid}"))
        assert look(here, **{at_work.VARIABLE: name}) == ([], True)


def test_a_folder_that_cannot_be_written(here):
    """A file in the place of .snakemake: one line, no traceback."""
    (here / ".snakemake").write_text("")
    script = "from workflow.at_work import enter, StoreError\ntry: enter()\nexcept StoreError as error: print(error)"
    with python(here, script) as process:
        assert re.match(r".*\.snakemake.*: cannot be written or locked \(.*\); free space", process.stdout.read())
