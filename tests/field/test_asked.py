"""The workflow as a process of its own: a script stands for Snakemake."""

import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from ash.errors import ConfigError, StoreError
from ash.field.asked import ask, scores
from ash.report.runs import Runs
from tests.field.conftest import project

LOG = Path("logs/try.log")


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """Gives a function that makes a script the interpreter, and so Snakemake; the current folder has a Snakefile."""
    monkeypatch.chdir(tmp_path)
    Path("Snakefile").touch()

    def put(script: str) -> None:
        path = tmp_path / "python"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(path))

    return put


def test_progress_is_told_and_all_is_kept(stand_in):
    """Steps and the time left are said, once each in a row; the log has every line, and the command its words."""
    stand_in('echo "$@"; echo Building; for k in 1 1; do echo "1 of 3 steps (33%) done"; done; echo "about 2 min left"')
    said = []
    ask(Path("params.try.yaml"), ["a.json", "b.json"], "1", LOG, said.append)
    assert said == ["1 of 3 steps (33%) done", "about 2 min left"]
    first, *others = LOG.read_text().splitlines()
    assert first.endswith("snakemake --cores 1 --nocolor --config params=params.try.yaml -- a.json b.json")
    assert "Building" in others


def test_the_cause_of_a_failure_is_told(stand_in):
    """The last of a job's own lines, or Snakemake's exit code; and the log's name."""
    stand_in('echo "ash: warning: mind"; echo "    ash: data/x.h5: missing; make it"; exit 1')
    with pytest.raises(StoreError, match=r"^data/x\.h5: missing; make it \(logs/try\.log has all"):
        ask(Path("p.yaml"), ["a"], "1", LOG, print)
    stand_in("exit 3")
    with pytest.raises(StoreError, match="Snakemake ended with 3"):
        ask(Path("p.yaml"), ["a"], "1", LOG, print)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_ends_its_snakemake(stand_in, monkeypatch, number):
    """Snakemake gets its signal, the command waits for it, and one line says how to go on."""
    monkeypatch.setattr("ash.field.asked.PATIENCE", 0.1)
    stand_in("trap 'echo ended > ended; exit 1' INT; echo 1 of 2 steps; while true; do sleep 0.05; done")
    seen = threading.Event()

    def interrupt():
        seen.wait(30)
        time.sleep(0.1)
        os.kill(os.getpid(), number)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(StoreError, match="the same command goes on where this one was cut"):
        ask(Path("p.yaml"), ["a"], "1", LOG, lambda _: seen.set())
    thread.join()
    assert Path("ended").read_text() == "ended\n"
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_no_snakefile(tmp_path, monkeypatch):
    """Nothing is started in another folder than a checkout."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="no Snakefile; run this in a checkout"):
        ask(Path("p.yaml"), ["a"], "1", LOG, print)


def test_one_file_of_each_evaluation():
    """Of every seed; those of `more_experiments` lie apart, as the workflow puts them."""
    settings = project()
    runs = Runs(Path("results"), (0, 4), settings.params.more_experiments)
    assert scores(settings, runs, ["asm", "ash_local"]) == [
        "results/scores/asm/seed0/source.json",
        "results/scores/asm/seed4/source.json",
        "results/more/scores/ash_local/seed0/source.json",
        "results/more/scores/ash_local/seed4/source.json",
    ]
