"""A built tiny world that several tests share."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

# Nets in tests are tiny: a second thread costs more than it gives, and much more where other jobs want the core.
torch.set_num_threads(1)

ROOT = Path(__file__).resolve().parents[1]
TINY = ROOT / "tests/tiny"
STUDIES = ("rivals", "successor", "regimes")  # groups of tables with claims and a page of their own
CLAIMS = "claims.yaml"  # of the tiny settings, beside them


def ash(folder: Path, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run `ash` in `folder`, one thread."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "ash.cli", *arguments]
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert not check or result.returncode == 0, result.stderr
    return result


def snakemake(folder: Path, *arguments: str, check: bool = True) -> str:
    """Run the workflow in `folder`, by the code that lies there if there is any; gives what it printed."""
    repository = folder if (folder / "Snakefile").exists() else ROOT
    command = [sys.executable, "-m", "snakemake", "-s", str(repository / "Snakefile"), "-d", str(folder)]
    command += ["--profile", str(repository / "profiles/default"), "--cores", "2", "--nocolor", *arguments]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert not check or result.returncode == 0, result.stdout + result.stderr
    return result.stdout + result.stderr


def settle(folder: Path) -> Path:
    """Put the tiny settings into `folder`, with claims."""
    text = (TINY / "params.yaml").read_text()
    assert "\nclaims: null" in text
    (folder / "params.yaml").write_text(text.replace("\nclaims: null", f"\nclaims: {CLAIMS}"))
    shutil.copy(TINY / CLAIMS, folder)
    shutil.copytree(TINY / "protocols", folder / "protocols")
    return folder


WORLDS = ("workflow", "dvc", "graph", "slurm")  # markers of tests that share a built world, or a machine's daemons


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Keep tests of one world in one of two processes that run side by side; those of DVC a file together, for balance."""
    for item in items:
        for name in WORLDS:
            if item.get_closest_marker(name):
                item.add_marker(pytest.mark.xdist_group(item.path.stem if name == "dvc" else name))


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """A copy of the code with the tiny settings, built once from nothing; tests that change either work on a copy."""
    folder = settle(tmp_path_factory.mktemp("built"))
    shutil.copy(ROOT / "Snakefile", folder)
    for part in ("ash", "workflow", "profiles"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    snakemake(folder)
    return folder
