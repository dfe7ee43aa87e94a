"""The trained models of ASH's authors: what their program saved is imported, and whatever else lies there is named."""

import shutil

import pytest
import torch
from safetensors.torch import load_file

from ash import config
from ash.acquire.authors_files import import_authors
from ash.acquire.networks import AUTHORS
from ash.config import SegmenterSettings
from ash.errors import AshError, CheckpointError, ConfigError, StoreError
from ash.segmentation.deeplab import build_segmenter
from tests.conftest import ROOT, ash
from tests.support.authors import layout, state
from tests.support.paper import settle_paper, shrink

PAPER = SegmenterSettings(kind="resnet101", width=64, blocks=(3, 4, 23, 3), rates=(6, 12, 18, 24))
PARAMETERS = 45_301_976  # of the network of the released code, counted there


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A user's folder with the paper's protocol on a thin network."""
    settle_paper(tmp_path)
    shrink(tmp_path)
    (tmp_path / "data/weights").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def bring(folder, source="gta5"):
    """Import what lies under the name of a source's model; gives its tensors."""
    import_authors(config.load(folder / "params.yaml"), source, folder / "model.safetensors")
    return load_file(folder / "model.safetensors")


def test_the_written_out_layout_is_the_network_of_the_paper():
    """At full width it has the names and shapes of the segmenter of protocols/paper.yaml, and the released code's count."""
    with torch.device("meta"):
        network = build_segmenter(PAPER, "pair")
    assert {name: tuple(value.shape) for name, value in network.state_dict().items()} == layout(64, PAPER.blocks)
    assert sum(value.numel() for value in network.parameters()) == PARAMETERS
    segmenter = config.load(ROOT / "params.yaml", "paper").protocol.segmenter
    assert segmenter.model_copy(update={"weights": None}) == PAPER


@pytest.mark.parametrize("source", AUTHORS)
@pytest.mark.parametrize("old", [False, True], ids=["zip", "before PyTorch 1.6"])
def test_what_the_authors_saved_is_imported(folder, source, old):
    """Every tensor arrives, in both of PyTorch's formats."""
    theirs = state()
    torch.save(theirs, folder / AUTHORS[source][0], _use_new_zipfile_serialization=not old)
    ours = bring(folder, source)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], value) for name, value in theirs.items())


def single():
    """A network of one head, as MaxSquare has it."""
    return {name: value for name, value in state().items() if not name.startswith("layer6")}


def discriminator():
    """What CLAN's training saves beside its network, as GTA5_100000_D.pth."""
    return {f"conv{k}.weight": torch.rand(4, 4, 4, 4) for k in range(1, 5)} | {
        "classifier.weight": torch.rand(1, 4, 4, 4)
    }


def other_net():
    """All tensors are there and one is of another shape."""
    return state() | {"layer5.conv2d_list.3.bias": torch.rand(18)}


@pytest.mark.parametrize(
    ("write", "kind", "line"),
    [
        (lambda path: None, StoreError, r"data/weights/ash_gta5\.pth: missing; open https://drive.* in a browser"),
        (
            lambda path: path.write_text("<!DOCTYPE html><title>Google Drive - Virus scan warning"),
            StoreError,
            "a web page",
        ),
        (lambda path: path.write_text("<html>Quota exceeded"), StoreError, "a web page"),
        (lambda path: path.write_bytes(b""), StoreError, "empty"),
        (
            lambda path: torch.save(single(), path),
            CheckpointError,
            "another network .*heads single.* wanted .*heads pair",
        ),
        (lambda path: torch.save(discriminator(), path), CheckpointError, "holds classifier, conv1.* wanted a ResNet"),
        (lambda path: torch.save(state(classes=21), path), CheckpointError, "layer5 has 21 classes, wanted 19"),
        (
            lambda path: torch.save(state(width=8), path),
            CheckpointError,
            "another network .*width 8.* wanted .*width 4",
        ),
        (lambda path: torch.save(other_net(), path), CheckpointError, r"layer5\.conv2d_list\.3\.bias: shape \(18,\)"),
    ],
    ids=["missing", "drive's question", "quota", "empty", "one head", "discriminator", "init", "width", "shape"],
)
def test_what_is_no_model_of_the_authors_is_one_line(folder, write, kind, line):
    """Which file, what it is, what was wanted, and where the right one is; nothing is written."""
    write(folder / "data/weights/ash_gta5.pth")
    with pytest.raises(kind, match=line) as error:
        bring(folder)
    assert "\n" not in str(error.value)
    assert AUTHORS["gta5"][1] in str(error.value)
    assert not (folder / "model.safetensors").exists()


def test_a_transfer_that_stopped_is_noticed(folder):
    """The first half of a checkpoint."""
    path = folder / "data/weights/ash_gta5.pth"
    torch.save(state(), path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(AshError, match=r"ash_gta5\.pth: .*drive\.google\.com"):
        bring(folder)


def test_one_file_under_both_names(folder):
    """Two models are wanted, so the same bytes are one too few; two files pass."""
    torch.save(state(), folder / "data/weights/ash_gta5.pth")
    shutil.copy(folder / "data/weights/ash_gta5.pth", folder / "data/weights/ash_synthia.pth")
    with pytest.raises(CheckpointError, match=r"ash_synthia\.pth: the same file as data/weights/ash_gta5\.pth"):
        bring(folder, "synthia")
    torch.save(state(seed=1), folder / "data/weights/ash_synthia.pth")
    bring(folder, "synthia")


def test_another_source_and_another_protocol(folder):
    """A name that the authors have no model of; and settings whose network is not theirs, on the command line."""
    with pytest.raises(ConfigError, match="'cityscapes' is no model of the authors.*gta5, synthia"):
        bring(folder, "cityscapes")
    torch.save(state(), folder / "data/weights/ash_gta5.pth")
    params = ("--params", str(ROOT / "params.yaml"))
    result = ash(folder, "import-authors", "gta5", "model.safetensors", *params, check=False)
    assert result.returncode == 2
    assert "wanted small of width" in result.stderr and "name the protocol of that network" in result.stderr
