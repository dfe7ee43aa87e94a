"""The paper's protocol at tiny size: the same rules, on sets of a few files in their published archives."""

import json

import pytest

from ash.acquire.networks import AUTHORS
from ash.files.hdf5 import PREPARED_SCHEMA, open_h5
from tests.conftest import ash, snakemake
from tests.support import fakes
from tests.support.paper import COUNT, SETS, provide, publish, settle_paper, shrink
from tests.support.server import serve


@pytest.fixture
def folder(tmp_path):
    """The paper's settings on smaller and fewer images; data/raw is empty."""
    return settle_paper(tmp_path)


@pytest.mark.workflow
@pytest.mark.timeout(1200)  # sixteen jobs: a minute alone, many where others want the cores
def test_acquire_manifest_prepare(folder, monkeypatch):
    """From archives to prepared files by the workflow's own rules; afterwards nothing is left to do or missing."""
    provide(folder)
    splits = {
        "gta5": ("train", "val"),
        "synthia": ("train",),
        "cityscapes": ("val",),
        "mapillary": ("val",),
        "painters": ("train",),
    }
    targets = {f"data/prepared/{name}_{split}.h5": name for name in SETS for split in splits[name]}
    with serve(folder / "served") as server:
        monkeypatch.setenv("ASH_MIRROR", server.url)
        snakemake(folder, *targets)
    for path, name in targets.items():
        held_out = 2 if name in ("gta5", "synthia") else 0
        count = held_out if name == "gta5" and path.endswith("_val.h5") else COUNT - held_out
        with open_h5(folder / path, PREPARED_SCHEMA) as file:
            assert file["image"].shape == (count, 16, 32, 3)
            assert ("label" in file) == (name != "painters")
        manifest = json.loads((folder / f"data/manifests/{name}.json").read_text())
        assert sum(split["count"] for split in manifest["splits"].values()) >= COUNT
        assert (
            len(manifest["archives"])
            == {"gta5": 20, "synthia": 0, "cityscapes": 2, "mapillary": 1, "painters": 2}[name]
        )
    assert "Nothing to be done" in snakemake(folder, "-n", *targets)
    publish(folder)
    shrink(folder)  # as the networks behind those weights are
    assert ash(folder, "check").stderr == ""


@pytest.mark.workflow
def test_a_missing_set_stops_its_own_rule(folder):
    """`snakemake acquire_synthia` ends with exit code 2 of `ash`, and its log says what to fetch and where to put it."""
    output = snakemake(folder, "acquire_synthia", check=False)
    assert "Error in rule acquire_synthia" in output
    log = (folder / "logs/acquire/synthia.log").read_text()
    assert "fetch SYNTHIA_RAND_CITYSCAPES.rar from https://synthia-dataset.net" in log
    assert "Traceback" not in log


def test_check_of_nothing_says_what_to_do(folder):
    """Exit code 2, and for each set its folder, what is missing, and the next step."""
    result = ash(folder, "check", check=False)
    assert result.returncode == 2
    lines = result.stderr.splitlines()
    assert lines[0] == "ash: 5 set(s), 3 file(s) of weights missing or wrong"
    for name, line in zip(SETS, lines[1:6], strict=True):
        assert f"data/raw/{name}: {name} is missing (no such folder); " in line
        assert f"run `ash acquire {name}`" in line
    assert all(": missing; run `ash acquire weights`, which fetches it from http" in line for line in lines[6:])


def test_check_of_a_half_unpacked_set(folder):
    """How many of how many, and which ids."""
    root = fakes.fill("synthia", folder / "data/raw/synthia", COUNT)
    (root / "GT/LABELS/0000003.png").unlink()
    (root / "RGB/0000003.png").unlink()
    line = ash(folder, "check", check=False).stderr.splitlines()[2]
    assert f"train: {COUNT - 1} of {COUNT} images, {COUNT - 1} labels; missing 0000003" in line


@pytest.mark.workflow
def test_weights_that_cannot_be_fetched_stop_their_own_rule(folder, monkeypatch):
    """The graph is built without them; the log names each file, the answer of its server, and what to do."""
    (folder / "served").mkdir()
    with serve(folder / "served") as server:
        monkeypatch.setenv("ASH_MIRROR", server.url)
        output = snakemake(
            folder, "data/networks/segmenter.safetensors", "data/networks/adain.safetensors", check=False
        )
    assert "Error in rule acquire_weights" in output
    log = (folder / "logs/acquire/weights.log").read_text()
    assert "ash: weights: 3 file(s) missing or wrong" in log
    for name in ("DeepLab_resnet_pretrained_init-f81d91e8.pth", "vgg_normalised.pth", "decoder.pth"):
        assert f"{server.url}/{name}: the server answers 404" in log
    assert "Traceback" not in log


@pytest.mark.workflow
def test_a_missing_model_of_the_authors_stops_its_own_rule(folder):
    """The graph is built without it; the log has one line with the file's name and its address."""
    snakemake(folder, "data/networks/ash_synthia.safetensors", check=False)
    lines = (folder / "logs/authors/synthia.log").read_text().splitlines()
    name, address = AUTHORS["synthia"]
    assert lines == [f"ash: {name}: missing; open {address} in a browser, and put what it sends there under this name"]


@pytest.mark.workflow
def test_weights_of_ones_own_stop_their_own_rule(folder):
    """A file that no one publishes is not fetched; the step says that it is missing."""
    path = folder / "protocols/paper.yaml"
    text = path.read_text()
    assert "DeepLab_resnet_pretrained_init-f81d91e8.pth" in text
    path.write_text(text.replace("DeepLab_resnet_pretrained_init-f81d91e8.pth", "mine.pth"))
    snakemake(folder, "data/networks/segmenter.safetensors", check=False)
    log = (folder / "logs/initial_weights.log").read_text()
    assert "ash: data/weights/mine.pth: missing; fetch it and put it there" in log
