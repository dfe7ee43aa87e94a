"""The authors' models beside the paper: differences, the nearest protocol, and what cannot be compared."""

import csv

import numpy as np
import pytest

from ash.config import load
from ash.errors import StoreError
from ash.evaluation.conventions import OURS, PROTOCOLS
from ash.evaluation.scores import scores
from ash.files.atomic import write_json
from ash.labels import CLASSES, SUBSETS
from ash.report.authors_scores import write_authors
from tests.report.conftest import ROOT


def settings(protocol="paper"):
    """The repository's, under that protocol."""
    return load(ROOT / "params.yaml", protocol)


def score(folder, protocol, shares):
    """Scores of one image that give each class that IoU in per cent."""
    hits = np.rint(np.asarray(shares) * 100).astype(int)  # of 10 000 pixels of each class; the others are nobody's
    shares = hits / 10_000
    stated = scores("ash_gta5", 0, protocol, ["a"], [np.diag(hits)])
    stated["images"]["false_negative"] = [(10_000 - hits).tolist()]
    stated["iou"] = dict(zip(CLASSES, shares, strict=True))
    stated["miou"] = {str(n): shares[list(subset)].mean() for n, subset in SUBSETS.items()}
    write_json(folder / f"{protocol}.json", stated)


@pytest.fixture
def scored(tmp_path):
    """IoU of every class that grows from protocol to protocol."""
    for k, name in enumerate(OURS):
        score(tmp_path, name, np.full(len(CLASSES), 30.0 + 5 * k))
    return tmp_path


def rows(folder, source):
    """The CSV by protocol and number of classes."""
    with (folder / f"{source}.csv").open(encoding="utf-8") as file:
        return {(row["protocol"], int(row["classes"])): row for row in csv.DictReader(file)}


def test_every_protocol_stands_beside_the_printed_figure(scored, paper, tmp_path):
    """41.30 and 44.44 of Table 1: printed, measured, the difference; nothing is left out."""
    table = write_authors(settings(), "gta5", paper, scored, tmp_path / "out")
    found = rows(tmp_path / "out", "gta5")
    assert [name for name, _ in found] == list(OURS)
    for k, name in enumerate(OURS):
        row = found[name, 19]
        assert float(row["printed"]) == (41.3 if PROTOCOLS[name].dataset == "cityscapes" else 44.44)
        assert float(row["measured"]) == pytest.approx(30 + 5 * k)
        assert float(row["difference"]) == pytest.approx(float(row["measured"]) - float(row["printed"]), abs=1e-3)
    assert len(table.rows) == len(OURS)
    assert (tmp_path / "out/gta5.md").read_text().startswith("### The authors' model trained on gta5, mIoU in per cent")


def test_a_further_set_of_the_settings_changes_nothing(scored, paper, tmp_path):
    """The authors' models are scored on what the paper prints, though the settings describe BDD100K too."""
    world = settings()
    sets = world.protocol.datasets
    more = world.protocol.model_copy(update={"datasets": {**sets, "bdd100k": sets["cityscapes"]}})
    write_authors(world.model_copy(update={"protocol": more}), "gta5", paper, scored, tmp_path / "out")
    assert [name for name, _ in rows(tmp_path / "out", "gta5")] == list(OURS)


def test_synthia_has_the_means_that_the_paper_prints(scored, paper, tmp_path):
    """38.69 over 16 and 44.90 over 13 classes of Cityscapes, 38.34 over 16 of Mapillary."""
    write_authors(settings(), "synthia", paper, scored, tmp_path)
    printed = {key: float(row["printed"]) for key, row in rows(tmp_path, "synthia").items()}
    assert printed["cityscapes", 16] == 38.69 and printed["cityscapes", 13] == 44.9
    assert {value for (name, _), value in printed.items() if name.startswith("mapillary")} == {38.34}


def test_the_nearest_protocol_is_named(scored, paper, tmp_path):
    """By the mean, and by the classes, which may point elsewhere."""
    printed = np.array(paper["table1"].rows["ash"].per_class["mapillary"])
    score(scored, "mapillary_1536", printed + 1)
    score(scored, "mapillary_native_b", np.full(len(CLASSES), 44.44))
    notes = write_authors(settings(), "gta5", paper, scored, tmp_path).notes
    assert (
        "The printed 44.44 on Mapillary is nearest to what `mapillary_native_b` gives (44.44, which is 0.00 away)."
        in notes
    )
    assert "Class by class the paper is nearest to `mapillary_1536` (1.00 on average)." in notes
    assert not any("say nothing" in note for note in notes)


def test_drawn_targets_say_nothing_about_the_paper(scored, paper, tmp_path):
    """The table of the miniature warns of it."""
    text = write_authors(settings("miniature"), "gta5", paper, scored, tmp_path).notes[-1]
    assert text.startswith("Protocol `miniature` draws cityscapes, mapillary")


def test_missing_scores_are_named(scored, paper, tmp_path):
    """One line: the file, and the step that makes it."""
    (scored / "mapillary_1536_b.json").unlink()
    with pytest.raises(StoreError, match=r"mapillary_1536_b\.json: missing; evaluate"):
        write_authors(settings(), "gta5", paper, scored, tmp_path)


def test_undefined_figures_are_dashes(scored, paper, tmp_path):
    """Labels without any pixel of a class have no mean."""
    empty = scores("ash_gta5", 0, "cityscapes", ["a"], [np.zeros((19, 19), int)])
    write_json(scored / "cityscapes.json", empty)
    table = write_authors(settings(), "gta5", paper, scored, tmp_path)
    assert table.rows[0] == ("cityscapes", "19", "41.30", "-", "-", "-")
