"""One model under every protocol that the data at hand allows."""

import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from ash import config, datasets
from ash.errors import DataError
from ash.evaluation import families
from ash.evaluation.scores import confusion
from ash.experiment.evaluate import predictor
from ash.experiment.evaluate_all import at_hand, score_matrix
from ash.weights.model import load_model
from tests.conftest import ash, settle, snakemake
from tests.support.fakes import fill
from tests.support.networks import seeing

CPU = torch.device("cpu")


@pytest.fixture
def model(tmp_path):
    """A small segmenter of fixed random weights that sees several classes, as a file."""
    return seeing(tmp_path / "model.safetensors", 4, (1,))


def test_every_cell_is_the_score_of_its_protocol(tmp_path, model, monkeypatch):
    """CLAN's and the native one against the plain predictor, on images that it sees at 1024x512 and at their own 64x32."""
    monkeypatch.chdir(tmp_path)
    root, settings = fill("cityscapes", tmp_path / "set", 2), config.load(settle(tmp_path) / "params.yaml")
    chosen = families.load(["clan", "robustnet", "native"])
    sets, missing = at_hand(settings, chosen, {"cityscapes": root}, {})
    assert list(sets) == ["cityscapes"] and len(missing) == len(families.SETS) - 1
    steps = []
    result = score_matrix(model, chosen, sets, lambda done, total: steps.append((done, total)))
    assert steps == [(1, 2), (2, 2)]
    assert result["families"]["robustnet"] == result["families"]["native"] == {"cityscapes": "cityscapes_own"}
    assert result["cells"].keys() == {"cityscapes", "cityscapes_own"}
    predict, source = predictor(load_model(model, CPU), CPU, "fp32"), datasets.load("cityscapes")
    for name, size in (("cityscapes", (1024, 512)), ("cityscapes_own", (64, 32))):
        wanted = np.zeros((19, 19), np.int64)
        for sample in sets["cityscapes"]:
            seen = Image.fromarray(source.read_image(sample)).resize(size, Image.Resampling.BICUBIC)
            truth = source.read_label(sample)
            wanted += confusion(truth, predict(np.array(seen)[None], truth.shape)[0])
        cell = result["cells"][name]
        assert np.abs(np.array(cell["confusion"]) - wanted).sum() <= 8  # of 4096 pixels: ties that rounding decides
        assert cell["images"] == 2 and np.count_nonzero(wanted.sum(0)) > 1


def test_excluded_images_and_sets_that_are_not_there(tmp_path, monkeypatch):
    """What a manifest excludes is left out; of the protocol's sets those with a folder are taken."""
    monkeypatch.chdir(tmp_path)
    settings, chosen = config.load(settle(tmp_path) / "params.yaml"), families.load(["native"])
    root = fill("mapillary", tmp_path / "set", 3)
    first = sorted(path.stem for path in (root / "validation/images").iterdir())[0]
    manifest = {"splits": {"val": {"excluded": {first: "for a reason"}}}}
    sets, missing = at_hand(settings, chosen, {"mapillary": root}, {"mapillary": manifest})
    assert len(sets["mapillary"]) == 2 and first not in [sample.id for sample in sets["mapillary"]]
    assert "cityscapes: data/miniature/cityscapes is not there" in missing
    assert "bdd100k: the protocol does not describe it, and --data names no folder" in missing
    with pytest.raises(
        DataError, match=r"no set to score on \(cityscapes: .*; acquire one, or name its folder"
    ) as told:
        at_hand(settings, chosen, {}, {})
    assert "\n" not in str(told.value)
    with pytest.raises(DataError, match=r"nowhere: no image of mapillary"):
        at_hand(settings, chosen, {"mapillary": tmp_path / "nowhere"}, {})


def test_the_command_prints_and_writes_the_matrix(tmp_path, model):
    """A row for each family, a column for each set and C/B/M; three files; slips of the options are one line."""
    root = fill("cityscapes", settle(tmp_path) / "set", 1)
    common = ("matrix", str(model), "--data", f"cityscapes={root}", "--family", "clan", "--family", "native")
    printed = ash(tmp_path, *common, "--out", "m").stdout
    assert "C/B/M" in printed and "cityscapes: 1 images, " in printed
    assert "not scored: bdd100k: the protocol does not describe it" in printed
    text = (tmp_path / "m/matrix.md").read_text()
    assert "| protocols | cityscapes | C/B/M |" in text and "| native | " in text
    header, *rows = (tmp_path / "m/matrix.csv").read_text().splitlines()
    assert header == "family,set,protocol,stated,images,classes,miou" and len(rows) == 4
    assert json.loads((tmp_path / "m/matrix.json").read_text())["cells"].keys() == {"cityscapes", "cityscapes_own"}
    for options, line in (
        (("--data", "kitti=x"), "--data kitti=x: 'kitti' is a set of no protocol; known: cityscapes"),
        (("--data", "cityscapes"), "--data cityscapes: wanted SET=PATH"),
        (("--classes", "12"), "--classes 12: wanted one of 19, 16, 13"),
        (("--family", "rain"), "'rain' is unknown; known: clan, robustnet, rein, tqdm, native; did you mean 'rein'?"),
    ):
        result = ash(tmp_path, "matrix", str(model), *options, check=False)
        assert result.returncode == 2 and line in result.stderr


@pytest.mark.workflow
def test_the_rule(built, tmp_path):
    """`snakemake` makes the matrix of one run from what is there, and does so once."""
    folder = tmp_path / "world"
    shutil.copytree(built, folder)
    target = "results/matrix/ash/seed0/matrix.json"
    snakemake(folder, target)
    result = json.loads((folder / target).read_text())
    assert result["families"]["robustnet"] == {"cityscapes": "cityscapes_own", "mapillary": "mapillary_1536"}
    assert "Nothing to be done" in snakemake(folder, "-n", target)
