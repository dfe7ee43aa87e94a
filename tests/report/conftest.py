"""Made-up runs of every experiment of params.yaml: what training and scores leave behind, without either."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ash.config import Settings, load
from ash.evaluation import scores
from ash.files.atomic import write_json
from ash.labels import CLASSES, N_CLASSES, VOID
from ash.report.answers import write_claims
from ash.report.claims import load_claims
from ash.report.cost import write_cost
from ash.report.page import CAPTIONS, build_report
from ash.report.paper import PaperTable, load_paper
from ash.report.runs import Runs
from ash.report.tables import write_tables
from ash.report.verdicts import World

ROOT = Path(__file__).parents[2]
IMAGES, SIZE = 4, (12, 20)
PICTURE = (1800, 60)  # pixels of the report's figures: wider than any page
GROUPS = ("paper", "controls")
COST = [
    {"experiment": "clan", "recipe": "clan", "forward": 2.0, "backward": 2.0,
     "least_ms": 80.0, "clock": "wall", "precision": "fp32"},
    {"experiment": "ash", "recipe": "ash", "forward": 2.0, "backward": 3.0,
     "least_ms": 150.0, "clock": "wall", "precision": "fp32"},
    {"experiment": "domain_randomisation", "recipe": "domain_randomisation", "forward": 3.0, "backward": 3.0,
     "least_ms": 120.0, "clock": "wall", "precision": "fp32"},
]  # fmt: skip
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
    """Write scores, samples, history and provenance of every experiment, seed and target, further ones where a table asks.

    Each experiment is right for a share of pixels of its own; all of them see the same truth, as in earnest.
    """
    runs = Runs(root, settings.params.seeds, settings.params.more_experiments, settings.further)
    asking = {name for name, table in settings.params.tables.items() if {*table.targets} & {*settings.further}}
    shares = np.random.default_rng(1).uniform(0.3, 0.8, len(settings.params.experiments))
    for share, experiment in zip(shares, settings.params.experiments, strict=True):
        for seed in settings.params.seeds:
            rng = np.random.default_rng([seed, int(1e6 * share)])
            for target in ("source", *settings.targets):
                _scores(runs.path(experiment, seed, "cityscapes.json").parent, experiment, seed, target, share, rng)
            if asking & {*settings.params.experiments[experiment].tables}:
                apart = np.random.default_rng([seed, int(1e6 * share), 1])
                for target in settings.further:
                    folder = runs.path(experiment, seed, f"{target}.json").parent
                    _scores(folder, experiment, seed, target, share, apart)
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
    _stylisation(runs.stylisation, np.random.default_rng(9))
    return runs


def _stylisation(path: Path, rng: np.random.Generator) -> None:
    """Two images and three paintings."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pictures = {name: rng.integers(0, 256, (2, *SIZE, 3), np.uint8) for name in ("image", "target", "adain", "noise")}
    np.savez(
        path,
        painting=rng.integers(0, 256, (3, 30, 20, 3), np.uint8),
        label=rng.integers(0, N_CLASSES, (2, 6, 10), np.uint8),
        prediction=rng.integers(0, N_CLASSES, (2, *SIZE), np.uint8),
        gamma=rng.random((2, 3, 5)).astype(np.float32),
        beta=rng.random((2, 3, 5)).astype(np.float32),
        ash=rng.integers(0, 256, (2, 3, *SIZE, 3), np.uint8),
        **pictures,
    )


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
    norms = [f"{kind}.{c}" for kind in ("gamma", "beta", "pixels") for c in CLASSES]
    lines = [",".join(["step", *terms, *norms])]
    for step in (10, 20, 30):
        values = [f"{v:.3f}" for v in rng.random(len(terms) + 2 * N_CLASSES)]
        counts = rng.integers(1, 99, N_CLASSES) * (np.arange(N_CLASSES) % 4 != step // 10)  # some are never predicted
        lines.append(",".join([str(step), *values, *map(str, counts)]))
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


@pytest.fixture(scope="session")
def report_page(
    world: Callable[[int], tuple[Settings, Runs]],
    paper: dict[str, PaperTable],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """The report's page, from every table and blank figures."""
    settings, runs = world(1)
    folder = tmp_path_factory.mktemp("page")
    for name in settings.params.tables:
        write_tables(settings, name, runs, paper, folder)
    write_json(folder / "cost.json", COST)
    write_cost(settings, folder / "cost.json", folder)
    claims = load_claims(ROOT / "workflow/resources/claims.yaml", settings)
    write_claims(claims, World(settings, runs, settings.params.experiments, folder / "cost.json"), folder)
    for name in (*CAPTIONS, "forest"):
        Image.new("RGB", PICTURE).save(folder / f"{name}.png")
    given = (folder, folder, folder / "claims.table.json", folder / "forest.png")
    build_report(settings, GROUPS, runs, *given, folder / "report.html")
    return folder / "report.html"


@pytest.fixture(scope="session")
def page(report_page: Path) -> str:
    """That page as text."""
    return report_page.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def streets(tmp_path_factory):
    """Two experiments that learn from CARLA, one from CamVid itself, scored on CamVid: settings and made-up runs."""
    settings = settings_for((0, 1))
    params, protocol = settings.params, settings.protocol
    sets = dict.fromkeys(("carla", "camvid"), protocol.datasets["gta5"])
    sources = {"source_only": "carla", "clan": "carla", "oracle": "camvid"}
    experiments = {
        name: params.experiments[name].model_copy(update={"source": source, "tables": {"controls": None}})
        for name, source in sources.items()
    }
    table = params.tables["controls"].model_copy(update={"targets": ("source", "camvid")})
    tables = {"controls": table, "alone": table.model_copy(update={"targets": ("camvid",), "reference": "oracle"})}
    experiments["oracle"].tables["alone"] = None
    settings = settings.model_copy(
        update={
            "params": params.model_copy(update={"experiments": experiments, "tables": tables, "targets": ("camvid",)}),
            "protocol": protocol.model_copy(update={"datasets": {**protocol.datasets, **sets}}),
        }
    )
    return settings, invent(settings, tmp_path_factory.mktemp("runs"))
