"""Settings that are edited while the workflow runs: every job of the run reads what Snakemake had read at its start."""

import json
import os
import shutil
import subprocess
import sys
import time

import pytest
import yaml

from ash import config
from ash.errors import ConfigError
from tests.conftest import ROOT, settle, snakemake
from workflow import environment

pytestmark = pytest.mark.workflow
PROVENANCE = "results/models/clan/seed0/provenance.json"


def rewrite(path, old, new):
    """Replace a text that must be there."""
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def trained(folder):
    """The settings that the training says it had."""
    return json.loads((folder / PROVENANCE).read_text())["settings"]


def test_an_edit_is_for_the_next_run(tmp_path):
    """Both files are edited while the first jobs draw images: the training has the old values, the next run the new ones."""
    folder, log = settle(tmp_path), tmp_path / "log"
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "-s",
        str(ROOT / "Snakefile"),
        "-d",
        str(folder),
        "--cores",
        "1",
        "--nocolor",
    ]
    with log.open("wb") as out:
        run = subprocess.Popen([*command, PROVENANCE], cwd=folder, stdout=out, stderr=out)
        while "Execute 1 jobs" not in log.read_text() and run.poll() is None:
            time.sleep(0.05)
        rewrite(folder / "params.yaml", "clan, source: gta5,", "clan, source: gta5, epsilon: 0.9,")
        rewrite(folder / "protocols/tiny.yaml", "iterations: 12\n", "iterations: 7\n")
        assert not (folder / PROVENANCE).exists()
        assert run.wait() == 0, log.read_text()
    assert trained(folder)["training"]["iterations"] == 12
    assert trained(folder)["settings"]["epsilon"] == 0.4
    assert "Nothing to be done" not in snakemake(folder, "-n", PROVENANCE)
    snakemake(folder, PROVENANCE)
    assert trained(folder)["training"]["iterations"] == 7
    assert trained(folder)["settings"]["epsilon"] == 0.9
    assert "Nothing to be done" in snakemake(folder, "-n", PROVENANCE)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The tiny settings in the current folder, and no settings of another process."""
    monkeypatch.setenv("ASH_PARAMS", "")
    monkeypatch.chdir(settle(tmp_path))
    return tmp_path


def test_the_copy_says_the_same(here):
    """Equal settings, of which equal ones have one copy; comments are kept."""
    read = environment.read_settings("params.yaml", first=True)
    copy = os.environ["ASH_PARAMS"]
    assert config.load(here / copy) == read
    assert (here / copy).read_text() == (here / "params.yaml").read_text()
    environment.read_settings("params.yaml", first=True)
    assert os.environ["ASH_PARAMS"] == copy


def test_a_process_for_one_job_reads_the_copy(here):
    """As on a node of a cluster, which reads the Snakefile an hour later; the first process of another run reads the file."""
    before = environment.read_settings("params.yaml", first=True)
    rewrite(here / "params.yaml", "seeds: [0]", "seeds: [0, 1]")
    assert environment.read_settings("params.yaml", first=False) == before
    assert environment.read_settings("params.yaml", first=True).params.seeds == (0, 1)


def test_a_copy_that_was_spoilt_is_written_anew(here):
    """Its name is that of its content."""
    read = environment.read_settings("params.yaml", first=True)
    copy = here / os.environ["ASH_PARAMS"]
    copy.write_text("seeds: [")
    assert environment.read_settings("params.yaml", first=True) == read
    assert config.load(copy) == read


def test_an_edit_while_dvc_hashes_is_told(here):
    """`ash dvc-settings` ends in a line, so that DVC records no digest of other settings than the file's."""
    environment.read_settings("params.yaml", first=True)
    environment.unchanged(here / "params.yaml")
    rewrite(here / "protocols/tiny.yaml", "iterations: 12\n", "iterations: 7\n")
    with pytest.raises(ConfigError, match="changed while the command ran; start it again"):
        environment.unchanged(here / "params.yaml")


def test_a_stage_of_dvc_trains_what_its_digest_stands_for(here, monkeypatch):
    """`ash dvc-run` hands Snakemake the copy that the stage `settings` was planned with."""
    from workflow.bridge import stages

    for part in ("Snakefile", "dvc.yaml"):
        shutil.copy(ROOT / part, here)
    environment.read_settings("params.yaml", first=True)
    plan = {"digest": "d", "rules": ["table"], "targets": ["x"], "outs": [], "params": os.environ["ASH_PARAMS"]}
    (here / ".snakemake").mkdir(exist_ok=True)
    (here / "results").mkdir()
    stages.PLANS.write_text(json.dumps({"tables": plan}))
    (here / "results/settings.json").write_text(json.dumps({"tables": "d"}))
    rewrite(here / "params.yaml", "seeds: [0]", "seeds: [0, 1]")
    called = []
    monkeypatch.setattr(stages, "bundle", lambda outs: None)
    monkeypatch.setattr(
        stages.subprocess, "run", lambda command, **_: called.append(command) or subprocess.CompletedProcess(command, 0)
    )
    stages.run("tables")
    (given,) = [word for word in called[0] if word.startswith("params=")]
    assert yaml.safe_load((here / given.removeprefix("params=")).read_text())["seeds"] == [0]
