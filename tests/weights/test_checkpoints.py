"""Imported checkpoints predict, are scored, go back out, and start trainings."""

import json
from dataclasses import replace

import pytest
import torch
from PIL import Image

from ash import config
from ash.config import SegmenterSettings
from ash.errors import CheckpointError, ConfigError, StoreError
from ash.segmentation.deeplab import build_segmenter
from ash.weights.checkpoints import export_checkpoint, import_checkpoint, load_initial
from ash.weights.model import load_model, save_model
from tests.conftest import ash
from tests.support.whole import files_of, train_here

THIN = SegmenterSettings(kind="resnet101", width=4, blocks=(1, 1, 2, 1), rates=(6, 12, 18, 24))
CPU = torch.device("cpu")


def authors(path, layout="pair", seed=0, prefix="module."):
    """A checkpoint as the authors' program would save it, and the network behind it."""
    torch.manual_seed(seed)
    network = build_segmenter(THIN, layout).eval()
    torch.save({prefix + name: value for name, value in network.state_dict().items()}, path)
    return network


def test_an_imported_model_predicts_as_the_authors_did(tmp_path):
    """The same logits, to the bit, and the same checkpoint when it is exported again."""
    network = authors(tmp_path / "clan.pth")
    import_checkpoint(str(tmp_path / "clan.pth"), tmp_path / "clan.safetensors", backbone=False, branches=None)
    image = torch.rand(1, 3, 48, 64)
    with torch.no_grad():
        assert torch.equal(load_model(tmp_path / "clan.safetensors", CPU).predict(image), network.predict(image))
    export_checkpoint(tmp_path / "clan.safetensors", tmp_path / "back.pth")
    back = torch.load(tmp_path / "back.pth", weights_only=True)
    assert back.keys() == network.state_dict().keys()
    assert all(torch.equal(back[name], value) for name, value in network.state_dict().items())


def test_a_trained_small_model_is_exported_too(tmp_path):
    """Keys of the family, whatever the blocks."""
    small = SegmenterSettings(kind="small", width=8, blocks=(1, 1, 1, 1), rates=(1, 2))
    save_model(tmp_path / "m.safetensors", build_segmenter(small, "attention"), small, "run")
    export_checkpoint(tmp_path / "m.safetensors", tmp_path / "m.pth")
    keys = torch.load(tmp_path / "m.pth", weights_only=True).keys()
    assert {"PAM.query_conv.weight", "PAM.gamma", "layer5.conv2d_list.1.bias"} <= keys


def test_a_backbone_cannot_predict(tmp_path):
    """One line that says what it is for."""
    authors(tmp_path / "x.pth")
    import_checkpoint(str(tmp_path / "x.pth"), tmp_path / "x.safetensors", backbone=True, branches=None)
    with pytest.raises(CheckpointError, match="holds no heads, so it cannot predict"):
        load_model(tmp_path / "x.safetensors", CPU)


def test_initial_weights_leave_heads_random(tmp_path):
    """The backbone is the file's, the heads those of the seed; with heads of the same layout, the file's too."""
    network = authors(tmp_path / "x.pth")
    for backbone in (True, False):
        import_checkpoint(str(tmp_path / "x.pth"), tmp_path / "x.safetensors", backbone=backbone, branches=None)
        torch.manual_seed(9)
        fresh = build_segmenter(THIN)
        before = fresh.layer5.conv2d_list[0].weight.clone()
        load_initial(tmp_path / "x.safetensors", fresh)
        assert torch.equal(fresh.layer3[1].conv2.weight, network.layer3[1].conv2.weight)
        assert torch.equal(fresh.layer5.conv2d_list[0].weight, before) == backbone


def test_initial_weights_of_another_network(tmp_path):
    """All that does not fit, and the file's name."""
    authors(tmp_path / "x.pth")
    import_checkpoint(str(tmp_path / "x.pth"), tmp_path / "x.safetensors", backbone=True, branches=None)
    other = build_segmenter(THIN.model_copy(update={"blocks": (1, 2, 2, 1)}))
    with pytest.raises(CheckpointError, match=r"x\.safetensors: does not fit the segmenter") as error:
        load_initial(tmp_path / "x.safetensors", other)
    assert "layer2.1.conv1.weight: missing" in str(error.value)


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (lambda path: None, "none.pth: missing; fetch it"),
        (lambda path: torch.save({"conv1.weight": torch.zeros(4, 3, 7, 7)}, path), "holds conv1; wanted a ResNet"),
        (lambda path: path.write_bytes(b"<html>not found</html>"), r"none.pth: a web page \(HTML\), wanted"),
    ],
)
def test_faults_are_one_line(tmp_path, make, line):
    """Missing, another network, a web page in the place of a file."""
    make(tmp_path / "none.pth")
    with pytest.raises((StoreError, CheckpointError), match=line) as error:
        import_checkpoint(str(tmp_path / "none.pth"), tmp_path / "out", backbone=False, branches=None)
    assert "\n" not in str(error.value)


def test_wrong_class_count_on_the_command_line(tmp_path):
    """21 classes: exit code 2, one line, nothing written; with --backbone it is taken."""
    network = build_segmenter(THIN, "single")
    state = network.state_dict()
    for k in range(4):
        state[f"layer5.conv2d_list.{k}.weight"] = torch.zeros(21, 128, 3, 3)
        state[f"layer5.conv2d_list.{k}.bias"] = torch.zeros(21)
    torch.save({f"Scale.{name}": value for name, value in state.items()}, tmp_path / "init.pth")
    result = ash(tmp_path, "import-checkpoint", "init.pth", "out.safetensors", check=False)
    assert result.returncode == 2
    assert result.stderr.splitlines() == [
        "ash: init.pth: layer5 has 21 classes, wanted 19; import the backbone alone (--backbone)"
    ]
    assert not (tmp_path / "out.safetensors").exists()
    ash(tmp_path, "import-checkpoint", "init.pth", "out.safetensors", "--backbone")


@pytest.mark.workflow
def test_predict_and_score_an_imported_model(built, tmp_path):
    """`ash predict` and `ash evaluate-model` take it as they take our own."""
    authors(tmp_path / "clan.pth")
    Image.new("RGB", (50, 70), "grey").save(tmp_path / "photo.png")
    ash(tmp_path, "import-checkpoint", "clan.pth", "clan.safetensors")
    ash(tmp_path, "predict", "photo.png", "--model", "clan.safetensors", "--size", "96x64", "--out", "seen.png")
    with Image.open(tmp_path / "seen.png") as picture:
        assert picture.size == (50, 70)
    target = f"cityscapes={built / 'data/prepared/cityscapes_val.h5'}"
    ash(built, "evaluate-model", str(tmp_path / "clan.safetensors"), "--target", target, "--out", str(tmp_path))
    assert json.loads((tmp_path / "cityscapes.json").read_text())["miou"].keys() == {"19", "16", "13"}


@pytest.mark.workflow
def test_training_starts_from_the_named_weights(built, tmp_path):
    """A protocol with `weights` needs the file, starts from it, and records its digest."""
    settings = config.load(built / "params.yaml")
    segmenter = settings.protocol.segmenter.model_copy(update={"weights": "mine.safetensors"})
    named = settings.model_copy(update={"protocol": settings.protocol.model_copy(update={"segmenter": segmenter})})
    files = files_of(built / "data", settings, "source_only")
    with pytest.raises(ConfigError, match="needs --initial"):
        train_here(named, "source_only", files, tmp_path)
    first = built / "results/models/source_only/seed0/model.safetensors"
    weights = train_here(named, "source_only", replace(files, initial=first), tmp_path / "again")
    assert weights != first.read_bytes()
    assert "initial" in json.loads((tmp_path / "again/provenance.json").read_text())


def test_an_export_does_not_replace_its_model(tmp_path):
    """`ash import-checkpoint --export M M`: one line, and the model stays."""
    authors(tmp_path / "a.pth")
    model = tmp_path / "a.safetensors"
    import_checkpoint(str(tmp_path / "a.pth"), model, backbone=False, branches=None)
    before = model.read_bytes()
    with pytest.raises(ConfigError, match="is the checkpoint itself"):
        export_checkpoint(model, model)
    assert model.read_bytes() == before
