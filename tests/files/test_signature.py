"""What is told by first bytes, and by nothing else."""

import gzip
import io
import os
import tarfile
import zipfile

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save

from ash.files.signature import (
    CHECKPOINT,
    EMPTY,
    FOLDER,
    PAGE,
    PICKLE,
    POINTER,
    RAR,
    SAFETENSORS,
    ZIP,
    fits,
    kind,
    look,
)


def made(write):
    """The bytes that `write` puts into a file."""
    out = io.BytesIO()
    write(out)
    return out.getvalue()


def tar(out):
    with tarfile.open(fileobj=out, mode="w") as file:
        file.addfile(tarfile.TarInfo("images/1.png"))


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", EMPTY),
        (b"<!DOCTYPE html><title>Sign in</title>", PAGE),
        (b"\xef\xbb\xbf\r\n <HTML lang='en'>", PAGE),
        (b"<!-- saved from --><head><script>x</script>", PAGE),
        ("<html>Anmelden</html>".encode("utf-16"), PAGE),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "an XML document"),
        (b'{"message": "Not Found"}', "JSON text"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", POINTER),
        (b"404: Not Found", "text (begins '404: Not Found')"),
        (bytes(2000), "nothing but zeros"),
        (b"\xf0\xe1\xd2\xc3", r"of an unknown format (begins b'\xf0\xe1\xd2\xc3')"),
        (gzip.compress(b"x", mtime=0), "gzip data"),
        (made(tar), "a tar archive"),
        (made(lambda out: zipfile.ZipFile(out, "w").close()), ZIP),
        (b"Rar!\x1a\x07\x01\x00", RAR),
        (made(lambda out: torch.save({}, out)), ZIP),
        (made(lambda out: torch.save({}, out, _use_new_zipfile_serialization=False)), PICKLE),
        (save({"a": torch.ones(1)}), SAFETENSORS),
    ],
)
def test_kinds(content, found, tmp_path):
    """Each is named as people call it; the same from a file."""
    (tmp_path / "x").write_bytes(content)
    assert kind(content[:1024]) == look(tmp_path / "x") == found


def test_what_is_no_plain_file(tmp_path):
    """A folder, and a pipe, which would be waited for."""
    os.mkfifo(tmp_path / "pipe")
    assert (look(tmp_path), look(tmp_path / "pipe")) == (FOLDER, "no plain file")


def test_what_may_be_a_checkpoint():
    """A zip archive, an old pickle, safetensors; nothing else."""
    assert [fits(found, CHECKPOINT) for found in (ZIP, PICKLE, SAFETENSORS, PAGE, RAR)] == [
        True,
        True,
        True,
        False,
        False,
    ]
    assert fits(ZIP, ZIP) and not fits(PICKLE, ZIP)


@given(st.binary(max_size=600))
def test_any_bytes_have_a_name_in_one_line(content):
    """Never an error, never more than a line."""
    assert kind(content).isprintable()
