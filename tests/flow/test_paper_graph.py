"""The paper's whole graph on sets of a few files: from published archives and weights to all tables and the report."""

import json
import re

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch.nn import functional

from ash import config
from ash.acquire.networks import AUTHORS
from ash.evaluation.conventions import OURS
from ash.files.hdf5 import PREPARED_SCHEMA, open_h5
from ash.machine import precision
from tests.conftest import ash, snakemake
from tests.support.authors import state
from tests.support.paper import SETS, checkpoint, provide, publish, settle_paper, shrink
from tests.support.server import serve

pytestmark = [pytest.mark.graph, pytest.mark.timeout(1800)]
RUN = "results/models/{}/seed0"
CPU = torch.device("cpu")
TARGET = "data/prepared/mapillary_val.h5"


@pytest.fixture(scope="module")
def paper(tmp_path_factory):
    """`snakemake --cores 2` in a folder that holds settings, archives and weights."""
    folder = settle_paper(tmp_path_factory.mktemp("paper"))
    provide(folder)
    shrink(folder)
    publish(folder, "served")
    with serve(folder / "served") as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASH_MIRROR", server.url)
        snakemake(folder)
    return folder


def test_every_table_is_made(paper):
    """Each row of Tables 1-6 is trained and scored on each target of its table; nothing is left to do, nothing missing."""
    settings = config.load(paper / "params.yaml")
    for table in (f"table{k}" for k in range(1, 7)):
        frame = pd.read_csv(paper / f"results/tables/{table}.csv")
        rows = set(zip(frame["experiment"], frame["target"], strict=True))
        assert rows >= {
            (row, target) for row in settings.rows(table) for target in settings.params.tables[table].targets
        }
        assert frame["ours_mean"].between(0, 100).all()
    page = (paper / "results/report.html").read_text()
    assert page.count("data:image/png;base64,") >= 4
    assert "Nothing to be done" in snakemake(paper, "-n")
    assert ash(paper, "check").stderr == ""


def test_training_starts_from_published_weights(paper):
    """BatchNorm's frozen part is still that of the DeepLab init, all else has moved, and there are 19 classes."""
    init = torch.load(paper / "data/weights/DeepLab_resnet_pretrained_init-f81d91e8.pth", weights_only=True)
    for name in ("ash", "synthia_clan"):
        trained = load_file(paper / RUN.format(name) / "model.safetensors")
        assert torch.equal(trained["bn1.weight"], init["Scale.bn1.weight"])
        assert not torch.equal(trained["layer1.0.conv2.weight"], init["Scale.layer1.0.conv2.weight"])
        assert trained["layer5.conv2d_list.0.weight"].shape[0] == 19
        assert "initial" in json.loads((paper / RUN.format(name) / "provenance.json").read_text())


def test_the_log_says_which_features_are_cached(paper):
    """`cache_content: auto`: both rates and the choice, for each source; paintings are cached in any case."""
    for source in ("gta5", "synthia"):
        log = (paper / f"logs/features/{source}.log").read_text()
        assert re.search(
            r"reading [\d.]+ s an image, encoding [\d.]+ s; .*: (cached|encoded in every step)$", log, re.M
        )
    assert "reading" not in (paper / "logs/features/painters.log").read_text()


@torch.no_grad()
def confusion(network, prepared):
    """Rows of truth, columns of predictions, image by image and class by class."""
    counts = np.zeros((19, 19), np.int64)
    with open_h5(prepared, PREPARED_SCHEMA) as file:
        for pixels, label in zip(file["image"], file["label"], strict=True):
            with precision.autocast(precision.resolve("auto", CPU), CPU)():
                logits = network.predict(torch.from_numpy(pixels).permute(2, 0, 1)[None] / 255)
            seen = functional.interpolate(logits, label.shape, mode="bilinear", align_corners=True).argmax(1)[0].numpy()
            for truth in range(19):
                counts[truth] += np.bincount(seen[label == truth], minlength=19)
    return counts


def test_a_published_model_is_scored_and_predicts(paper, tmp_path):
    """A checkpoint of the CLAN family, on the graph's own targets; then on a photo; and back in the authors' format."""
    network, state = checkpoint(tmp_path / "GTA5_100000.pth", "pair", "module.")
    model = str(tmp_path / "clan.safetensors")
    ash(paper, "import-checkpoint", str(tmp_path / "GTA5_100000.pth"), model)
    ash(paper, "evaluate-model", model, "--target", f"mapillary={TARGET}", "--out", str(tmp_path / "scores"))
    scores = json.loads((tmp_path / "scores/mapillary.json").read_text())
    wanted = confusion(network, paper / TARGET)
    assert np.count_nonzero(wanted.sum(0)) > 1
    assert scores["confusion"] == wanted.tolist()
    Image.new("RGB", (60, 40), "grey").save(tmp_path / "photo.png")
    photo, seen = str(tmp_path / "photo.png"), str(tmp_path / "seen.png")
    ash(paper, "predict", photo, "--model", model, "--out", seen)
    with Image.open(seen) as picture:
        assert picture.size == (60, 40)
    ash(paper, "import-checkpoint", "--export", model, str(tmp_path / "back.pth"))
    back = torch.load(tmp_path / "back.pth", weights_only=True)
    assert back.keys() == state.keys() and torch.equal(back["bn1.weight"], network.bn1.weight)


def test_any_image_is_stylised(paper, tmp_path):
    """By the pair that the workflow imported."""
    Image.new("RGB", (60, 40), "grey").save(tmp_path / "photo.png")
    Image.linear_gradient("L").convert("RGB").resize((50, 70)).save(tmp_path / "painting.png")
    out = tmp_path / "stylised.png"
    ash(paper, "stylise", str(tmp_path / "photo.png"), str(tmp_path / "painting.png"), "--out", str(out))
    with Image.open(out) as picture:
        assert picture.size == (60, 40)


def test_named_protocols_score_a_run(paper):
    """Mapillary at its own size, at height 1536, and both mappings, by their rule."""
    names = [name for name in OURS if name.startswith("mapillary")]
    files = [f"results/protocols/ash/seed0/{name}.json" for name in names]
    snakemake(paper, *files)
    assert len(names) == 6
    for file in files:
        assert json.loads((paper / file).read_text())["miou"]["19"] is not None


def test_the_authors_models_are_scored(paper):
    """Once their files are there, one command: imports, scores under each protocol, and the table beside the paper's."""
    (paper / "data/weights").mkdir(exist_ok=True)
    for seed, (name, _) in enumerate(AUTHORS.values()):
        torch.save(state(seed), paper / name)
    snakemake(paper, "results/authors/gta5.md", "results/authors/synthia/cityscapes.json")
    frame = pd.read_csv(paper / "results/authors/gta5.csv")
    assert list(frame["protocol"]) == list(OURS)
    stated = json.loads((paper / "results/authors/gta5/mapillary_1536_b.json").read_text())
    assert stated["protocol"]["labels"] == "mapillary_b"
    measured = frame.set_index("protocol")["measured"]["mapillary_1536_b"]
    assert measured == pytest.approx(100 * stated["miou"]["19"], abs=1e-3)
    assert "Nothing to be done" in snakemake(paper, "-n", "results/authors/gta5.md")


def test_sets_were_recorded(paper):
    """Archives with their digests and counts, for each set."""
    for name in SETS:
        manifest = json.loads((paper / f"data/manifests/{name}.json").read_text())
        assert all(len(archive["sha256"]) == 64 for archive in manifest["archives"].values())
