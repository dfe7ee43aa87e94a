"""torchvision beside a CPU-only torch, and its ImageNet weights."""

import pickle
import re
import subprocess
import sys

import pytest
import torch

from ash.errors import StoreError
from ash.files import torchvision
from ash.files.foreign import misfits
from ash.segmentation.deeplab import build_segmenter
from ash.weights.family import to_ours


def test_it_imports_beside_any_torch():
    """In a fresh process, whether or not its compiled operators can be loaded; a second time too."""
    script = (
        "from ash.files.torchvision import torchvision; v = torchvision(); torchvision();"
        "print(v.models.resnet18(num_classes=2).fc)"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert "Linear(in_features=512, out_features=2" in result.stdout, result.stderr


def test_its_resnet101_is_a_backbone():
    """Names and shapes of the package's own network become ours, whole: what is left over is its classifier."""
    theirs = torchvision.torchvision().models.resnet101(weights=None).state_dict()
    tensors, settings, _ = to_ours(theirs, backbone=True, branches=None)
    assert (settings.kind, settings.width, settings.blocks) == ("resnet101", 64, (3, 4, 23, 3))
    ours = build_segmenter(settings, "single").state_dict()
    assert misfits(tensors, {name: value for name, value in ours.items() if not name.startswith("layer5")}) == []
    assert torch.equal(tensors["layer3.22.conv2.weight"], theirs["layer3.22.conv2.weight"])


def test_only_one_module_imports_it():
    """Elsewhere the import would fail beside a CPU-only torch."""
    from tests.conftest import ROOT

    importers = [
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "ash").rglob("*.py")
        if re.search(r"""^\s*(import|from) torchvision\b|import_module\(["']torchvision""", path.read_text(), re.M)
    ]
    assert importers == ["ash/files/torchvision.py"]


@pytest.mark.parametrize("module", ["ash.experiment.train", "ash.experiment.evaluate", "ash.methods"])
def test_training_and_scoring_do_not_import_it(module):
    """Neither the modules that a job of the workflow starts with, nor the methods."""
    script = f"import sys, {module}; print(*(name for name in sys.modules if name.startswith('torchvision')))"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == ""


class Weights:
    """Stands for torchvision.models' enumeration of a network's weights."""

    url = "somewhere/resnet101-63fe2227.pth"

    def __init__(self, answer):
        self.answer = answer

    def get_state_dict(self, progress, check_hash, weights_only):
        assert check_hash and weights_only
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def stand_in(monkeypatch, answer):
    """A torchvision that knows one network and has `answer` for its weights."""
    models = type("models", (), {"get_model_weights": staticmethod(lambda name: {"IMAGENET1K_V1": Weights(answer)})})
    monkeypatch.setattr(torchvision, "torchvision", lambda: type("torchvision", (), {"models": models}))


def test_imagenet_weights_are_held_against_their_hash(monkeypatch):
    """The state dict as it is."""
    state = {"fc.bias": torch.zeros(3)}
    stand_in(monkeypatch, state)
    assert torchvision.imagenet("resnet101") is state


@pytest.mark.parametrize(
    "cause", [OSError("no route to host"), RuntimeError('invalid hash value (expected "63fe2227")')]
)
def test_weights_that_cannot_be_fetched(monkeypatch, cause):
    """No network, or a wrong file: one line that says where to put it."""
    stand_in(monkeypatch, cause)
    with pytest.raises(
        StoreError, match=r"torchvision:resnet101: cannot be fetched .*; put resnet101-63fe2227.pth into"
    ):
        torchvision.imagenet("resnet101")


def test_a_file_in_the_cache_is_held_against_its_name(monkeypatch, tmp_path):
    """torch.hub takes what lies there: a page, or a file cut short, is named and is not read."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    stand_in(monkeypatch, {"fc.bias": torch.zeros(3)})
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints/resnet101-63fe2227.pth").write_bytes(b"<html>busy</html>")
    with pytest.raises(StoreError, match=r"resnet101-63fe2227\.pth: a web page \(HTML\) with another SHA-256"):
        torchvision.imagenet("resnet101")


def test_a_cached_pickle_is_not_run(monkeypatch):
    """It is asked for as weights only; what torch.load says then is one line."""
    stand_in(monkeypatch, pickle.UnpicklingError("Weights only load failed"))
    with pytest.raises(StoreError, match=r"torchvision:resnet101: cannot be fetched"):
        torchvision.imagenet("resnet101")
