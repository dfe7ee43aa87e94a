"""Made-up runs of every experiment of params.yaml: what training and scores leave behind, without either."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ash.config import Settings, load
from ash.evaluation import scores
from ash.files.atomic import write_json
from ash.labels import CLASSES, N_CLASSES, VOID
from ash.report.paper import PaperTable, load_paper
from ash.report.runs import Runs

ROOT = Path(__file__).parents[2]
IMAGES, SIZE = 4, (12, 20)
ABSENT = CLASSES.index("train")  # from every truth, so that undefined figures go through everything


def settings_for(seeds: tuple[int, ...]) -> Settings:
    """The repository's settings with other seeds and a short bootstrap."""
    settings = load(ROOT / "params.yaml")
    evaluation_settings = settings.protocol.evaluation.model_copy(update={"resamples": 100})
    return settings.model_copy(
        update={
            "params": settings.params.model_copy(update={"seeds": seeds}),
            "protocol": settings.protocol.model_copy(update={"evaluation": evaluation_settings}),
        }
    )


def invent(settings: Settings, root: Path) -> Runs:
    """Write scores, samples, history and provenance of every experiment, seed and target.

    Each experiment is right for a share of pixels of its own; all of them see the same truth, as in earnest.
    """
    runs = Runs(root, settings.params.seeds, settings.params.more_experiments)
    shares = np.random.default_rng(1).uniform(0.3, 0.8, len(settings.params.experiments))
    for share, experiment in zip(shares, settings.params.experiments, strict=True):
        for seed in settings.params.seeds:
            rng = np.random.default_rng([seed, int(1e6 * share)])
            for target in ("source", *settings.targets):
                _scores(runs.path(experiment, seed, "cityscapes.json").parent, experiment, seed, target, share, rng)
            folder = runs.path(experiment, seed, "history.csv").parent
            _history(folder, rng)
            write_json(
                folder / "provenance.json",
                {
                    "version": "0.1.0",
                    "torch": "2.13.0",
                    "python": "3.11.2",
                    "precision": "fp32",
                    "machine": {"cpu": "Z80"},
                },
            )
    return runs


def _scores(folder: Path, experiment: str, seed: int, target: str, share: float, rng: np.random.Generator) -> None:
    truth = np.random.default_rng(len(target)).choice(
        [*(k for k in range(N_CLASSES) if k != ABSENT), VOID], (IMAGES, *SIZE)
    )
    wrong = rng.integers(0, N_CLASSES, truth.shape)
    guess = np.where((rng.random(truth.shape) < share) & (truth != VOID), truth, wrong)
    ids = [f"{target}_{k}" for k in range(IMAGES)]
    matrices = [scores.confusion(t, g) for t, g in zip(truth, guess, strict=True)]
    write_json(folder / f"{target}.json", scores.scores(experiment, seed, target, ids, matrices))
    np.savez(
        folder / f"{target}.npz",
        image=np.random.default_rng(len(target)).integers(0, 256, (IMAGES, *SIZE, 3), np.uint8),
        label=truth.astype(np.uint8),
        prediction=guess.astype(np.uint8),
        id=np.array(ids),
    )


def _history(folder: Path, rng: np.random.Generator) -> None:
    terms = ["segmenter.segmentation", "discriminator.real"]
    norms = [f"{kind}{suffix}.{c}" for kind in ("gamma", "beta") for suffix in ("", "_per_pixel") for c in CLASSES]
    lines = [",".join(["step", *terms, *norms])]
    lines += [
        ",".join([str(step), *(f"{v:.3f}" for v in rng.random(len(terms) + len(norms)))]) for step in (10, 20, 30)
    ]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "history.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture(scope="session")
def paper() -> dict[str, PaperTable]:
    """The paper's numbers, as shipped."""
    return load_paper()


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], tuple[Settings, Runs]]:
    """Settings and made-up runs of so many seeds, each made once."""
    made: dict[int, tuple[Settings, Runs]] = {}

    def give(seeds: int) -> tuple[Settings, Runs]:
        if seeds not in made:
            settings = settings_for(tuple(range(seeds)))
            made[seeds] = settings, invent(settings, tmp_path_factory.mktemp("runs"))
        return made[seeds]

    return give
