"""Made-up scores of a few experiments, whose mIoU is known by hand, in a repository that holds their methods' code."""

import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from ash.config import Settings, load
from ash.evaluation import scores
from ash.field.worlds import columns
from ash.files.atomic import write_json
from ash.labels import N_CLASSES
from ash.report.runs import Runs
from tests.conftest import ROOT

THIRD = "mapillary"  # stands for the world that is held out


def project(held_out: str | None = None) -> Settings:
    """The settings of the project; with `held_out` they name that set for selection."""
    settings = load(ROOT / "params.yaml")
    protocol = settings.protocol.model_copy(update={"held_out": held_out, "further_targets": ()})
    return settings.model_copy(update={"protocol": protocol})


def miou(right: int) -> float:
    """In per cent, where each class has `right` pixels more on the diagonal than the one that it has everywhere."""
    return 100 * (right + 1) / (right + 1 + 2 * (N_CLASSES - 1))


def score(runs: Runs, experiment: str, seed: int, target: str, right: int) -> None:
    """Write the scores of a run on a target."""
    matrix = np.ones((N_CLASSES, N_CLASSES), np.int64) + np.diag([right] * N_CLASSES)
    write_json(runs.path(experiment, seed, f"{target}.json"), scores.scores(experiment, seed, target, ["a"], [matrix]))


def invent(settings: Settings, runs: Runs, right: Mapping[str, Sequence[int]]) -> None:
    """Write scores on every set, and provenance, of experiments: a number of right pixels for each seed."""
    for experiment, numbers in right.items():
        for seed, number in enumerate(numbers):
            for target in ("source", *columns(settings)):
                score(runs, experiment, seed, target, number)
            stated = settings.experiment(experiment).model_dump(mode="json")
            write_json(runs.path(experiment, seed, "provenance.json"), {"settings": stated})


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """The current folder, with a file for each of two methods in one commit; gives git in it."""

    def git(*words: str) -> None:
        named = ("-c", "user.name=a", "-c", "user.email=a@b")
        subprocess.run(["git", *named, *words], cwd=tmp_path, check=True, capture_output=True)

    for name in ("augmentation", "source_only", "asm"):
        path = tmp_path / f"ash/methods/{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'"""{name}."""\n')
    monkeypatch.chdir(tmp_path)
    git("init", "-q")
    git("add", "-A")
    git("commit", "-qm", "methods")
    return git
