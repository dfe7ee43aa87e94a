"""Checkpoints of other programs are read without running what they contain."""

import os

import pytest
import torch
from safetensors.torch import save_file

from ash.errors import CheckpointError, ConfigError, StoreError
from ash.files.foreign import read_state, strip_prefix


class Trap:
    """Unpickling it would make a folder."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize("wrap", [lambda s: s, lambda s: {"state_dict": s, "epoch": 3}, lambda s: {"model": s}])
def test_state_dict_bare_or_beside_other_things(tmp_path, wrap):
    """Programs save it alone or under a key."""
    torch.save(wrap({"a.b": torch.ones(2)}), tmp_path / "x.pth")
    assert torch.equal(read_state(tmp_path / "x.pth")["a.b"], torch.ones(2))


def test_old_file_format(tmp_path):
    """Files from before PyTorch 1.6 are no zip archives."""
    torch.save({"a": torch.ones(2)}, tmp_path / "x.pth", _use_new_zipfile_serialization=False)
    assert torch.equal(read_state(tmp_path / "x.pth")["a"], torch.ones(2))


def test_safetensors(tmp_path):
    """Read as well."""
    save_file({"a": torch.ones(2)}, tmp_path / "x.safetensors")
    assert read_state(tmp_path / "x.safetensors").keys() == {"a"}


def test_code_in_a_file_is_not_run(tmp_path):
    """A pickle that would act is refused in one line, and does not act."""
    torch.save({"a": Trap(tmp_path / "sprung")}, tmp_path / "x.pth")
    with pytest.raises(CheckpointError, match=r"x.pth: holds more than tensors") as error:
        read_state(tmp_path / "x.pth")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "sprung").exists()


def test_damaged_missing_or_empty(tmp_path):
    """Each is one line with the file's name."""
    torch.save({"a": torch.ones(2000)}, tmp_path / "cut.pth")
    whole = (tmp_path / "cut.pth").read_bytes()
    (tmp_path / "cut.pth").write_bytes(whole[: len(whole) // 2])
    torch.save([1, 2], tmp_path / "list.pth")
    for name, error, text in (
        ("cut.pth", StoreError, "not a readable PyTorch checkpoint"),
        ("none.pth", StoreError, "missing; fetch it"),
        ("list.pth", CheckpointError, "holds no state_dict"),
    ):
        with pytest.raises(error, match=f"{name}: {text}") as raised:
            read_state(tmp_path / name)
        assert "\n" not in str(raised.value)


def test_unknown_network_of_torchvision():
    """Only those that this project uses."""
    with pytest.raises(ConfigError, match="torchvision:alexnet: unknown; known: resnet101, resnet50, resnet18, vgg19"):
        read_state("torchvision:alexnet")


def test_prefix_is_stripped_only_if_all_have_it():
    """Two different leading names are left alone."""
    known = ("conv1",)
    assert strip_prefix({"module.conv1.weight": torch.ones(1)}, known).keys() == {"conv1.weight"}
    assert strip_prefix({"a.x": torch.ones(1), "b.x": torch.ones(1)}, known).keys() == {"a.x", "b.x"}
