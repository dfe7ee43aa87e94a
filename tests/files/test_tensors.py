"""The project's own weights: a checksum over tensors and notes."""

import json

import pytest
import safetensors.torch
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ash.errors import AshError, StoreError
from ash.files.foreign import read_state
from ash.files.tensors import pack, unpack

NOTES = {"run": "abc", "list": [1, 2]}
TENSORS = {"a.weight": torch.arange(40.0).reshape(5, 8), "a.count": torch.tensor(3), "b": torch.ones(7).half()}
DATA = pack(TENSORS, NOTES)

many = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def read(path):
    """Notes and tensors of a file; a foreign reader must agree."""
    notes, tensors = unpack(path, "a model", "make it again")
    assert read_state(path).keys() == tensors.keys()
    return notes, tensors


def damage(folder, data: bytes) -> None:
    """Fails unless a damaged file gives the same, or one line."""
    path = folder / "x.safetensors"
    path.write_bytes(data)
    try:
        notes, tensors = read(path)
    except AshError as error:
        assert "\n" not in str(error)
        return
    assert {name: notes[name] for name in NOTES} == NOTES
    assert all(torch.equal(tensors[name], value) for name, value in TENSORS.items())


@many
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_is_never_another_result(tmp_path, place, bit):
    """In the header or in a tensor."""
    data = bytearray(DATA)
    data[int(place * len(data))] ^= 1 << bit
    damage(tmp_path, bytes(data))


@many
@given(data=st.binary(max_size=200), place=st.floats(0, 1))
def test_random_bytes_and_truncations_are_one_line(tmp_path, data, place):
    """Cut anywhere, with whatever bytes behind the cut."""
    damage(tmp_path, DATA[: int(place * len(DATA))] + data)


def test_notes_and_tensors_come_back(tmp_path):
    """The checksum is not among the notes that a reader gets."""
    (tmp_path / "x.safetensors").write_bytes(DATA)
    notes, tensors = read(tmp_path / "x.safetensors")
    assert notes == NOTES
    assert all(torch.equal(tensors[name], value) for name, value in TENSORS.items())


@pytest.mark.parametrize("text", ["[1, 2]", "null", "3", '"text"', "{", "[" * 5000])
def test_notes_of_another_shape_are_one_line(tmp_path, text):
    """A list, null, a number, half an object, brackets without end."""
    safetensors.torch.save_file(TENSORS, tmp_path / "x.safetensors", {"ash": text})
    with pytest.raises(StoreError, match=r"x\.safetensors: its notes are") as error:
        unpack(tmp_path / "x.safetensors", "a model", "make it again")
    assert "\n" not in str(error.value)


def test_a_file_of_somebody_else_has_no_notes(tmp_path):
    """It is not ours, but its weights can be read where those of others are."""
    safetensors.torch.save_file(TENSORS, tmp_path / "x.safetensors")
    with pytest.raises(StoreError, match="holds no notes of ash"):
        unpack(tmp_path / "x.safetensors", "a model", "make it again")
    assert torch.equal(read_state(tmp_path / "x.safetensors")["b"], TENSORS["b"])


def test_a_file_older_than_the_checksum_is_read(tmp_path):
    """It has notes, and nothing to be compared with."""
    safetensors.torch.save_file(TENSORS, tmp_path / "x.safetensors", {"ash": json.dumps(NOTES)})
    assert read(tmp_path / "x.safetensors")[0] == NOTES


def test_tensors_exchanged_behind_the_notes_are_refused(tmp_path):
    """Another program wrote other weights under our notes; where they are not finite, the line names the tensor."""
    (tmp_path / "x.safetensors").write_bytes(DATA)
    with safetensors.safe_open(tmp_path / "x.safetensors", "pt") as file:
        notes = file.metadata()
    for value, told in (
        (2.0, "fail their checksum; make"),
        (float("inf"), "a.weight holds values that are not finite"),
    ):
        changed = TENSORS | {"a.weight": torch.full((5, 8), value)}
        safetensors.torch.save_file(changed, tmp_path / "x.safetensors", notes)
        with pytest.raises(StoreError, match=told):
            unpack(tmp_path / "x.safetensors", "a model", "make it again")
