"""Checkpoints of other programs that are damaged: PyTorch's reader raises what it likes, the user gets one line."""

import io

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ash.errors import AshError
from ash.files.foreign import read_state


def saved(**options) -> bytes:
    """A small checkpoint."""
    file = io.BytesIO()
    torch.save({"a.weight": torch.ones(20), "b": torch.zeros(3)}, file, **options)
    return file.getvalue()


ARCHIVE, LEGACY = saved(), saved(_use_new_zipfile_serialization=False)
many = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def read(path, data: bytes) -> None:
    """Fails unless a file is read, or refused in one line without advice to run it."""
    path.write_bytes(data)
    try:
        read_state(path)
    except AshError as error:
        assert "\n" not in str(error)
        assert "weights_only" not in str(error)


@many
@given(data=st.binary(max_size=300), start=st.sampled_from([b"", b"\x80\x02", b"PK\x03\x04", b"<html>"]))
def test_random_bytes_are_one_line(tmp_path, data, start):
    """Behind the first bytes of a pickle, an archive, a web page, or none."""
    read(tmp_path / "x.pth", start + data)


@many
@given(whole=st.sampled_from([ARCHIVE, LEGACY]), place=st.floats(0, 1), data=st.binary(max_size=20))
def test_truncations_are_one_line(tmp_path, whole, place, data):
    """Of either format, with whatever bytes behind the cut."""
    read(tmp_path / "x.pth", whole[: int(place * len(whole))] + data)


@many
@given(whole=st.sampled_from([ARCHIVE, LEGACY]), place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_is_no_traceback(tmp_path, whole, place, bit):
    """These formats have no checksum that PyTorch compares; a value may change, but nothing escapes."""
    data = bytearray(whole)
    data[int(place * len(data))] ^= 1 << bit
    read(tmp_path / "x.pth", bytes(data))


def test_a_script_archive_is_refused_without_advice(tmp_path):
    """PyTorch says which argument would run it; we do not."""
    torch.jit.script(torch.nn.Linear(2, 2)).save(tmp_path / "x.pth")
    with pytest.raises(AshError) as error:
        read_state(tmp_path / "x.pth")
    assert "weights_only" not in str(error.value)
