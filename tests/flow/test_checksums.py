"""Snakemake hashes an input once for as long as it stays what it was, and again when it changes."""

import asyncio
import hashlib
import os
from types import SimpleNamespace

import pytest
from snakemake.io import IOFile, _IOFile

from workflow import checksums

LIMIT = 1_000_000


@pytest.fixture
def hashed(monkeypatch):
    """Names of the files whose bytes are read for a checksum."""
    names, plain = [], _IOFile.checksum

    async def noted(file, *arguments):
        names.append(os.path.basename(file))
        return await plain(file, *arguments)

    monkeypatch.setattr(_IOFile, "checksum", noted)
    checksums.remember_checksums()
    checksums.remember_checksums()
    return names


def asked(path, limit=LIMIT):
    """The checksum that a job's input is recorded with."""
    file = IOFile(str(path))
    file.rule = SimpleNamespace(workflow=SimpleNamespace(iocache=SimpleNamespace(active=False)))  # as while jobs run
    return asyncio.run(file.checksum(limit))


def test_an_input_is_hashed_once(tmp_path, hashed):
    """Twice for two contents, of one size and one time of modification even, and never twice for the same."""
    file = tmp_path / "set.h5"
    for content in (b"first", b"other"):
        file.write_bytes(content)
        os.utime(file, ns=(1, 1))
        assert [asked(file) for _ in range(3)] == [f"sha256:{hashlib.sha256(content).hexdigest()}"] * 3
    assert hashed == ["set.h5", "set.h5"]


def test_files_above_the_limit_have_none(tmp_path, hashed):
    """Also when their checksum is known from another limit; a missing file has none either."""
    file = tmp_path / "big.h5"
    file.write_bytes(b"12345")
    assert asked(file) is not None
    assert asked(file, limit=4) is None
    file.unlink()
    assert asked(file) is None
