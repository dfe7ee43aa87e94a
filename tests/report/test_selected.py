"""What each rule of selection takes, read from score files, and the command that prints it."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from ash.config import Settings, load
from ash.errors import ConfigError, StoreError
from ash.evaluation.scores import scores
from ash.files.atomic import write_json
from ash.labels import N_CLASSES
from ash.report.runs import Runs
from ash.report.selected import of_folders, of_runs, selection_table
from tests.conftest import ROOT, ash

SETS = ("source", "kitti", "cityscapes", "mapillary", "acdc_fog", "acdc_night", "acdc_rain", "acdc_snow")
SHARES = {"source_only": (0.9, 0.2), "clan": (0.5, 0.8), "ash": (0.6, 0.4)}  # right pixels on the source, and elsewhere


@pytest.fixture(scope="module")
def settings() -> Settings:
    """The project's own."""
    return load(ROOT / "params.yaml", "miniature")


def written(path: Path, experiment: str, seed: int, name: str, share: float) -> None:
    """Scores of one image in which that share of every class is right, and the rest called the next class."""
    matrix = np.zeros((N_CLASSES, N_CLASSES), np.int64)
    for k in range(N_CLASSES):
        matrix[k, k], matrix[k, (k + 1) % N_CLASSES] = round(1000 * share), 1000 - round(1000 * share)
    write_json(path, scores(experiment, seed, name, ["0"], [matrix]))


def invented(root: Path, settings: Settings, seeds: tuple[int, ...] = (0,)) -> Runs:
    """Scores of three experiments where the workflow would put them."""
    runs = Runs(root, seeds, settings.params.more_experiments, settings.further)
    for experiment, (source, elsewhere) in SHARES.items():
        for seed in seeds:
            for name in SETS:
                share = (source if name == "source" else elsewhere) + 0.02 * seed
                written(runs.path(experiment, seed, f"{name}.json"), experiment, seed, name, share)
    return runs


def test_scores_on_further_sets_lie_apart(tmp_path, settings):
    """Below results/more/, also those of experiments of the default target, whose folders DVC tracks."""
    invented(tmp_path, settings)
    assert (tmp_path / "scores/ash/seed0/cityscapes.json").exists()
    assert (tmp_path / "more/scores/ash/seed0/kitti.json").exists()
    assert not (tmp_path / "scores/ash/seed0/kitti.json").exists()


def test_all_four_rules_side_by_side(tmp_path, settings):
    """Each row has the trial that its rule takes and the scores of that trial, means over two seeds."""
    trials = of_runs(settings, invented(tmp_path, settings, (0, 1)), list(SHARES))
    share = 0.41  # of `ash` away from the source: the mean of 0.40 and 0.42 is taken of IoU, not of shares
    iou = np.mean([s / (2 - s) for s in (share - 0.01, share + 0.01)])
    assert np.isclose(trials["ash"]["kitti"], 100 * iou)
    table = selection_table(settings, trials)
    assert [row[:2] for row in table.rows] == [
        ("last (default)", "ash"),
        ("source_validation", "source_only"),
        ("leave_one_domain_out", "clan"),
        ("oracle (looks at the targets)", "clan"),
    ]
    assert [column.header for column in table.columns] == ["rule", "trial", *SETS, "mean of targets"]
    assert table.rows[0][3] == f"{100 * iou:.1f}"


def test_missing_scores_are_named(tmp_path, settings):
    """The file of one set is not there: the line names it."""
    runs = invented(tmp_path, settings)
    runs.path("clan", 0, "acdc_snow.json").unlink()
    with pytest.raises(StoreError, match=r"more/scores/clan/seed0/acdc_snow\.json"):
        of_runs(settings, runs, ["ash", "clan"])
    with pytest.raises(ConfigError, match="experiment 'clam' is not in params.yaml"):
        of_runs(settings, runs, ["clam"])


def test_a_protocol_without_a_held_out_set_is_told(tmp_path, settings):
    """The paper's has none."""
    paper: Mapping[str, object] = {"protocol": settings.protocol.model_copy(update={"held_out": None})}
    with pytest.raises(ConfigError, match="no set is held out for selection; name one under `held_out`"):
        of_folders(settings.model_copy(update=paper), {"x": tmp_path})


def test_the_command_prints_folders_of_scores(tmp_path):
    """Scores of checkpoints in a folder each; the same name twice, and both kinds of trial at once, are one line."""
    for trial, share in (("early", 0.3), ("late", 0.2)):
        for name in SETS:
            written(tmp_path / trial / f"{name}.json", trial, 0, name, share)
    words = [f"{trial}={tmp_path / trial}" for trial in ("early", "late")]
    shown = ash(ROOT, "select", *words).stdout
    rows = [line.split("|") for line in shown.splitlines() if "|" in line]
    assert [row[2].strip() for row in rows[2:]] == ["late", "early", "early", "early"]
    for wrong, told in ((words[:1] * 2, "a trial of that name is there already"), ([words[0], "ash"], "mix badly")):
        result = ash(ROOT, "select", *wrong, check=False)
        assert result.returncode == 2
        assert told in result.stderr
    assert json.loads((tmp_path / "late/kitti.json").read_text())["target"] == "kitti"
