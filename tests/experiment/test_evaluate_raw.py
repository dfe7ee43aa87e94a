"""Trained models under named evaluation protocols."""

import json
import shutil

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from torch.nn import functional

from ash import datasets
from ash.errors import SizeError
from ash.experiment.evaluate_raw import STRIP, read_pair, upsampled_rows
from tests.conftest import ash, settle, snakemake
from tests.support.fakes import fill

RUN = "results/models/ash/seed0"


@pytest.mark.parametrize("size", [(600, 37), (STRIP, 5), (1, 4), (31, 90)])
def test_strips_are_the_whole(size):
    """Upsampled strip by strip, the logits are those of one interpolation, to rounding."""
    logits = torch.randn((1, 19, 13, 17), generator=torch.Generator().manual_seed(0))
    whole = functional.interpolate(logits, size, mode="bilinear", align_corners=True)
    strips = [upsampled_rows(logits, size, top, min(top + 100, size[0])) for top in range(0, size[0], 100)]
    assert torch.allclose(torch.cat(strips, 2), whole, atol=1e-5)


def test_a_label_map_of_another_size_is_not_scored_on(tmp_path):
    """The raw files of a set are held against each other as in preparation: both sizes in one line."""
    root = fill("cityscapes", tmp_path)
    source = datasets.load("cityscapes")
    sample = source.index(root, "val", 0)[0]
    Image.fromarray(np.full((30, 64), 7, np.uint8)).save(sample.label)
    with pytest.raises(SizeError, match="64x30, wanted 64x32 like"):
        read_pair(source, sample)


@pytest.fixture
def copy(built, tmp_path):
    folder = tmp_path / "world"
    shutil.copytree(built, folder)
    return folder


def scored(folder, protocol, *more):
    """The JSON of `ash evaluate-as`."""
    dataset = protocol.split("_")[0]
    arguments = [
        "--model",
        f"{RUN}/model.safetensors",
        "--manifest",
        f"data/manifests/{dataset}.json",
        "--out",
        "x.json",
    ]
    ash(folder, "evaluate-as", protocol, "ash", "--seed", "0", *arguments, *more)
    return json.loads((folder / "x.json").read_text())


@pytest.mark.workflow
def test_cityscapes_equals_the_prepared_way(copy):
    """The same images resized to 1024x512 by `ash prepare` and scored by `ash evaluate` give the same confusion matrix."""
    path = copy / "protocols/tiny.yaml"
    protocol = yaml.safe_load(path.read_text())
    protocol["datasets"]["cityscapes"]["image_size"] = [1024, 512]
    path.write_text(yaml.safe_dump(protocol))
    manifest = "data/manifests/cityscapes.json"
    ash(copy, "prepare", "cityscapes", "val", "--manifest", manifest, "--out", "large.h5")
    files = ("--model", f"{RUN}/model.safetensors", "--out", "again", "--target", "cityscapes=large.h5")
    ash(copy, "evaluate", "ash", "--seed", "0", *files)
    expected = np.array(json.loads((copy / "again/cityscapes.json").read_text())["confusion"])
    ours = scored(copy, "cityscapes")
    assert expected.sum() > 0
    assert np.abs(np.array(ours["confusion"]) - expected).sum() <= 4  # of 8192 pixels: ties that rounding decides
    assert ours["protocol"]["size"] == [1024, 512]
    assert ours["protocol"]["mirrored"] is False


@pytest.mark.workflow
def test_any_model_is_scored_under_a_protocol(copy):
    """`ash evaluate-model --protocol` counts what `ash evaluate-as` counts for the same network, and prints its mean."""
    wanted = scored(copy, "mapillary_native_b")
    named = ("--protocol", "mapillary_native_b=data/manifests/mapillary.json", "--out", "own")
    printed = ash(copy, "evaluate-model", f"{RUN}/model.safetensors", *named).stdout
    ours = json.loads((copy / "own/mapillary_native_b.json").read_text())
    assert (ours["confusion"], ours["protocol"]) == (wanted["confusion"], wanted["protocol"])
    assert printed.splitlines()[-1].startswith("mapillary_native_b: mIoU ")


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ((), "nothing to score on; name a --target, or a --protocol"),
        (("--protocol", "mapillary_native"), "wanted NAME=MANIFEST, e.g. cityscapes=data/manifests/cityscapes.json"),
        (("--protocol", "mapilary_native=m.json"), "'mapilary_native' is not an evaluation protocol"),
        (("--protocol", "cityscapes=none.json"), "none.json: missing"),
    ],
)
def test_what_cannot_be_scored_on_is_one_line(tmp_path, options, line):
    """Nothing, no manifest, an unknown protocol, a manifest that is not there."""
    result = ash(settle(tmp_path), "evaluate-model", "model.safetensors", "--out", "own", *options, check=False)
    assert result.returncode == 2
    assert line in result.stderr and len(result.stderr.splitlines()) == 1


@pytest.mark.workflow
def test_mapillary_is_scored_at_its_own_size(copy):
    """Every labelled pixel of the raw files is counted once, whatever the network saw; mapping B counts others."""
    manifest = json.loads((copy / "data/manifests/mapillary.json").read_text())
    pixels = sum(n for name, n in manifest["splits"]["val"]["pixels"].items() if name != "void")
    assert np.sum(scored(copy, "mapillary_native")["confusion"]) == pixels
    assert scored(copy, "mapillary_native_b")["protocol"]["labels"] == "mapillary_b"


@pytest.mark.workflow
def test_the_rule(copy):
    """`snakemake` makes the scores of one protocol for one run, from what is there."""
    target = "results/protocols/ash/seed0/mapillary_native.json"
    snakemake(copy, target)
    result = json.loads((copy / target).read_text())
    assert (result["experiment"], result["target"]) == ("ash", "mapillary_native")
    assert "Nothing to be done" in snakemake(copy, "-n", target)
