"""Checkpoints as trainers and strangers leave them: weights are found or keys named, damage is one line, no code runs."""

import argparse
import io
import json
import os
import pathlib
import random
import re
import struct
import zipfile

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save

from ash.errors import AshError, CheckpointError, StoreError
from ash.files.foreign import misfits, read_state

STATE = {"conv1.weight": torch.arange(6.0), "conv1.bias": torch.ones(3)}
OPTIMISER = {"state": {0: {"exp_avg": torch.ones(6)}}, "param_groups": [{"lr": 0.1}]}
UNWISE = re.compile("weights_only|weights only|add_safe_globals|trust|arbitrary", re.IGNORECASE)
FUZZ = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def refused(path):
    """The one line with which a file is refused, which never says to read it without caution."""
    with pytest.raises(AshError) as error:
        read_state(path)
    line = str(error.value)
    assert "\n" not in line and line.startswith(str(path)) and not UNWISE.search(line)
    return line


@pytest.mark.parametrize(
    "content",
    [
        {"model_state_dict": STATE, "optimizer_state_dict": OPTIMISER, "epoch": 3},
        {"net": STATE, "acc": np.float32(71.5), "best": np.int64(4)},
        {"state_dict_ema": STATE, "args": argparse.Namespace(lr=0.1, out=pathlib.Path("x"))},
        {"state_dict": STATE, "state_dict_ema": {"conv1.weight": torch.zeros(6)}},
        {"model": {"state_dict": STATE, "name": "resnet"}, "optimizer": OPTIMISER},
        {"segmenter": STATE, "optim": OPTIMISER, "curve": np.arange(5)},
        {**STATE, "epoch": 3, "loss": 0.1},
        {name: torch.nn.Parameter(value) for name, value in STATE.items()},
    ],
)
def test_weights_are_found(content, tmp_path):
    """Under whichever key, beside numbers, options and optimisers."""
    torch.save(content, tmp_path / "x.pth")
    state = read_state(tmp_path / "x.pth")
    assert state.keys() == STATE.keys()
    assert all(torch.equal(state[name], value) for name, value in STATE.items())


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ({"G": STATE, "D": STATE}, "keys 'G', 'D'"),
        ({"epoch": 3, "lr": 0.1}, "keys 'epoch', 'lr'"),
        ({}, "keys none"),
        (3.5, "a float"),
        ({str(k): k for k in range(10)}, "keys '0', '1', '2', '3', '4', '5', '6', '7' and 2 more"),
        ({"state_dict": {name: value.numpy() for name, value in STATE.items()}}, "keys 'state_dict'"),
    ],
)
def test_keys_are_named_where_weights_are_not_found(content, found, tmp_path):
    """None, or two sets of them of which either may be meant."""
    torch.save(content, tmp_path / "x.pth")
    assert f"holds no state_dict, found {found}" in refused(tmp_path / "x.pth").replace('"', "'")


class Trap:
    """Unpickling it would make a folder."""

    def __init__(self, function, folder):
        self.function, self.folder = function, folder

    def __reduce__(self):
        return self.function, (str(self.folder),)


@pytest.mark.parametrize("function", [os.mkdir, os.system, eval, pathlib.Path.mkdir])
@pytest.mark.parametrize("zipped", [True, False])
def test_code_beside_sound_weights_is_refused(tmp_path, function, zipped):
    """It is not run, and the line does not repeat PyTorch's advice to run it."""
    content = {"state_dict": STATE, "extra": Trap(function, tmp_path / "sprung")}
    torch.save(content, tmp_path / "x.pth", _use_new_zipfile_serialization=zipped)
    assert "holds more than tensors (it needs" in refused(tmp_path / "x.pth")
    assert not (tmp_path / "sprung").exists()


def test_programs_and_whole_modules(tmp_path):
    """A pickled module and a zip of something else: what they are, what to save."""
    torch.save(torch.nn.Linear(2, 2), tmp_path / "module.pth")
    with zipfile.ZipFile(tmp_path / "script.pt", "w") as file:
        file.writestr("net/constants.pkl", b"x")
    with zipfile.ZipFile(tmp_path / "other.pth", "w") as file:
        file.writestr("a.txt", b"x")
    assert "needs torch.nn.modules.linear.Linear); save its state_dict" in refused(tmp_path / "module.pth")
    assert "a TorchScript program; save its state_dict" in refused(tmp_path / "script.pt")
    assert "not a readable PyTorch checkpoint" in refused(tmp_path / "other.pth")


def test_a_flipped_bit_is_found(tmp_path):
    """PyTorch would load it; the archive's checksum tells."""
    torch.save({"a": torch.full((1000,), 7.0)}, tmp_path / "x.pth")
    content = bytearray((tmp_path / "x.pth").read_bytes())
    content[content.index(struct.pack("<4f", 7, 7, 7, 7)) + 100] ^= 4
    (tmp_path / "x.pth").write_bytes(content)
    assert torch.load(tmp_path / "x.pth", weights_only=True)["a"].unique().numel() == 2
    assert "not a readable PyTorch checkpoint (" in refused(tmp_path / "x.pth")


def test_the_bytes_decide_and_not_the_name(tmp_path):
    """safetensors called .pth, and a checkpoint called .safetensors, are read."""
    (tmp_path / "x.pth").write_bytes(save(STATE))
    torch.save(STATE, tmp_path / "x.safetensors")
    assert read_state(tmp_path / "x.pth").keys() == read_state(tmp_path / "x.safetensors").keys() == STATE.keys()


@pytest.mark.parametrize("metadata", [[1], None, {"a": 1}, {"a": None}, "text", 3])
def test_safetensors_with_metadata_of_another_shape(tmp_path, metadata):
    """Read, or one line."""
    whole = save({"a": torch.ones(2)})
    size = int.from_bytes(whole[:8], "little")
    header = json.dumps({**json.loads(whole[8 : 8 + size]), "__metadata__": metadata}).encode()
    (tmp_path / "x.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + whole[8 + size :])
    try:
        assert torch.equal(read_state(tmp_path / "x.safetensors")["a"], torch.ones(2))
    except StoreError:
        refused(tmp_path / "x.safetensors")


@pytest.mark.parametrize("length", [0, 1, 7, 1 << 31, 1 << 39, (1 << 63) - 1, (1 << 64) - 1])
def test_safetensors_with_an_absurd_header(tmp_path, length):
    """One line, and no such memory is asked for."""
    (tmp_path / "x.safetensors").write_bytes(length.to_bytes(8, "little") + save({"a": torch.ones(2)})[8:])
    refused(tmp_path / "x.safetensors")


def test_tensors_larger_than_their_file(tmp_path):
    """A view of one number as a thousand million of them is not made real."""
    torch.save({"a": torch.ones(1).expand(1 << 40)}, tmp_path / "x.pth")
    assert "its tensors claim 4398046511104 bytes of a file of" in refused(tmp_path / "x.pth")


def test_tensors_that_are_no_plain_numbers(tmp_path):
    """Sparse and complex ones are named."""
    for value in (torch.eye(3).to_sparse(), torch.ones(2, dtype=torch.complex64)):
        torch.save({"a.b": value}, tmp_path / "x.pth")
        assert "a.b is no plain tensor of real numbers" in refused(tmp_path / "x.pth")


def test_what_does_not_fit_is_said_of_values_too():
    """NaN, inf, whole numbers where fractions belong, variances below zero."""
    wanted = {name: torch.ones(2) for name in ("a", "b", "c", "bn.running_var")}
    found = {
        "a": torch.tensor([1, torch.nan]),
        "b": torch.tensor([torch.inf, 1]),
        "c": torch.ones(2, dtype=torch.int64),
    }
    assert misfits({**found, "bn.running_var": torch.tensor([1.0, -1])}, wanted) == [
        "a: holds values that are not finite",
        "b: holds values that are not finite",
        "c: type torch.int64, wanted torch.float32",
        "bn.running_var: holds variances below zero",
    ]


def written(how):
    """A sound file of one kind."""
    out = io.BytesIO()
    if how == "safetensors":
        return save(STATE)
    torch.save({"state_dict": STATE, "epoch": np.int64(3)}, out, _use_new_zipfile_serialization=how == "zip")
    return out.getvalue()


@pytest.mark.parametrize("how", ["zip", "old", "safetensors"])
@FUZZ
@given(seed=st.integers(0, 10**9), flips=st.integers(1, 3), cut=st.booleans())
def test_flipped_and_cut_checkpoints(tmp_path, how, seed, flips, cut):
    """The weights, or one line; an old pickle and safetensors have no checksum of values, only a zip archive never lies."""
    draw, content = random.Random(seed), bytearray(written(how))
    for _ in range(flips):
        content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    (tmp_path / "x.pth").write_bytes(content[: draw.randrange(len(content))] if cut else content)
    try:
        state = read_state(tmp_path / "x.pth")
    except (StoreError, CheckpointError):
        refused(tmp_path / "x.pth")
    else:
        if how == "zip":
            assert all(torch.equal(state[name], value) for name, value in STATE.items())


@FUZZ
@given(
    content=st.binary(max_size=300), sign=st.sampled_from([b"", b"\x80\x02", b"PK\x03\x04", b"\x40" + bytes(7) + b"{"])
)
def test_random_bytes_are_no_checkpoint(tmp_path, content, sign):
    """One line, whatever they begin with."""
    (tmp_path / "x.pth").write_bytes(sign + content)
    refused(tmp_path / "x.pth")


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.bfloat16, torch.float16, torch.float64])
def test_weights_of_another_precision_are_weights(tmp_path, dtype):
    """Read, and held to be finite as the network will hold them."""
    torch.save({"a": torch.ones(3).to(dtype)}, tmp_path / "x.pth")
    assert misfits(read_state(tmp_path / "x.pth"), {"a": torch.ones(3)}) == []
    assert misfits({"a": torch.full((3,), 1e300, dtype=torch.float64)}, {"a": torch.ones(3)}) == [
        "a: holds values that are not finite"
    ]
