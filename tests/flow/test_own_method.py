"""A newcomer's method: written by a command, tried beside others through the workflow, and entered in the leaderboard."""

import json
import shutil
import subprocess
import sys

import pytest

from ash.files.atomic import file_digest
from tests.conftest import ROOT, ash

pytestmark = pytest.mark.workflow
NAME, BESIDE = "tinted_glass", "source_only"


@pytest.fixture(scope="module")
def checkout(built, tmp_path_factory):
    """A built checkout in a repository of its own, with the newcomer's method as the command writes it, committed."""
    folder = tmp_path_factory.mktemp("own") / "world"
    shutil.copytree(built, folder)
    before = (folder / "params.yaml").read_text()
    ash(folder, "new-method", NAME)
    assert set(before.splitlines()) <= set((folder / "params.yaml").read_text().splitlines())
    for words in (
        ["init", "-q"],
        ["add", "ash"],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "new"],
    ):
        subprocess.run(["git", *words], cwd=folder, check=True)
    return folder


def test_it_is_sound_at_once(checkout):
    """`ash check` takes it as it was written, and its own tests pass in a checkout."""
    assert "5 experiments" in ash(checkout, "check").stdout
    folder = checkout.parent / "project"
    for name in ("ash", "protocols", "tests/support", "workflow"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("params.yaml", "tests/__init__.py"):
        shutil.copy(ROOT / name, folder / name)
    ash(folder, "new-method", NAME, "--experiment", "tinted")
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"tests/methods/test_{NAME}.py"]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "4 passed" in done.stdout


def test_it_is_tried_beside_another(checkout):
    """It alone is trained, for the other is built; the table says by how much it is better, and the recorded runs stay."""
    before = {path: file_digest(path) for path in checkout.glob("results/*/*/*/*") if path.is_file()}
    told = ash(checkout, "try", NAME, "--beside", BESIDE, "--seeds", "0").stdout
    assert "2 of 2 steps (100%) done" in told
    assert "| source_only |" in told or "| source only |" in told
    assert "one seed says nothing about others" in told
    assert {path: file_digest(path) for path in before} == before
    assert (checkout / f"results/more/scores/{NAME}/seed0/cityscapes.json").is_file()
    again = ash(checkout, "try", NAME, "--beside", BESIDE, "--seeds", "0").stdout
    assert "steps (" not in again


def test_it_is_in_the_leaderboard(checkout):
    """With five seeds of both; with fewer a line says what is lacking.  What is there is not run again, and a step is timed."""
    few = ash(checkout, "leaderboard", NAME, "--reference", BESIDE, check=False)
    assert few.returncode == 2
    assert f"{NAME}: n = 1, wanted 5 or more" in few.stderr
    for folder in (f"results/more/{{}}/{NAME}", f"results/{{}}/{BESIDE}"):
        for kind in ("models", "scores"):
            first = checkout / folder.format(kind) / "seed0"
            for seed in range(1, 5):
                shutil.copytree(first, first.with_name(f"seed{seed}"))
                for path in first.with_name(f"seed{seed}").glob("*.json") if kind == "scores" else ():
                    path.write_text(json.dumps({**json.loads(path.read_text()), "seed": seed}))
    told = ash(checkout, "leaderboard", NAME, "--reference", BESIDE, "--seeds", "0").stdout
    assert "docs/leaderboard.md: 2 of 2 experiment(s) entered" in told
    page = (checkout / "docs/leaderboard.md").read_text().splitlines()
    (row,) = [line.split(" | ") for line in page if line.startswith("| Tinted glass | ")]
    head = subprocess.run(
        ["git", "log", "-1", "--format=%h"], cwd=checkout, capture_output=True, text=True, check=True
    ).stdout.strip()
    assert row[2] == "5"
    assert row[-1] == f"`{head}` |"
    assert float(row[-2]) > 0
