"""`cache_content: auto`: the quicker source of features is chosen, said, and gives the same numbers."""

import logging
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from ash import config
from ash.features import cache
from ash.features.cache import make_cache, measure
from ash.features.encoded import Encoded
from ash.features.file import FeatureFile, holds_features
from ash.files.hdf5 import PREPARED_SCHEMA, open_h5
from ash.style.stylizer import load_stylizer
from tests.support.whole import files_of, train_here
from tests.support.world import WEIGHTS


def decided(built, tmp_path, monkeypatch, reading, encoding, size=1e3, storage="uint8_lz4"):
    """The feature file made where one way takes `reading` and the other `encoding` seconds."""
    monkeypatch.setattr(cache, "measure", lambda *_: (reading, encoding, size))
    out = tmp_path / "gta5.h5"
    make_cache(built / "data/prepared/gta5_train.h5", load_stylizer(WEIGHTS), out, storage, auto=True)
    return out


@pytest.mark.workflow
def test_reading_wins(built, tmp_path, monkeypatch, caplog):
    """Features are kept, exactly, whatever the paintings' storage; the log gives both rates."""
    caplog.set_level(logging.INFO)
    out = decided(built, tmp_path, monkeypatch, 0.001, 0.5)
    assert holds_features(out)
    with FeatureFile(out, load_stylizer(WEIGHTS).digest) as file:
        assert len(file) == 6
    assert "reading 0.0010 s an image, encoding 0.5000 s" in caplog.text and caplog.text.strip().endswith("cached")


@pytest.mark.workflow
@pytest.mark.parametrize(("reading", "encoding", "size"), [(0.5, 0.001, 1e3), (0.001, 0.5, 1e18)])
def test_encoding_wins_or_the_disk_is_small(built, tmp_path, monkeypatch, caplog, reading, encoding, size):
    """The file holds the decision alone."""
    caplog.set_level(logging.INFO)
    out = decided(built, tmp_path, monkeypatch, reading, encoding, size)
    assert not holds_features(out)
    assert out.stat().st_size < 10_000
    assert "encoded in every step" in caplog.text


@pytest.mark.workflow
def test_both_ways_give_the_same_features(built, tmp_path, monkeypatch):
    """Up to one step of a half float: the encoder's sums depend on how many images it gets at once."""
    pair, prepared = load_stylizer(WEIGHTS), built / "data/prepared/gta5_train.h5"
    cached = decided(built, tmp_path, monkeypatch, 0.001, 0.1)
    with FeatureFile(cached, pair.digest) as file, open_h5(prepared, PREPARED_SCHEMA) as source:
        read, encoded = file.read([4, 1]), Encoded(source["image"], pair, "rgb").read([4, 1])
    torch.testing.assert_close(read, encoded, rtol=2**-10, atol=1e-4)


@pytest.mark.workflow
def test_a_training_obeys_the_decision(built, tmp_path, monkeypatch):
    """With a cache and without it ends with nearly the same weights."""
    settings, trained = config.load(built / "params.yaml"), []
    for reading in (0.001, 1.0):
        out = decided(built, tmp_path, monkeypatch, reading, 0.1)
        files = replace(files_of(built / "data", settings, "clan"), content=out)
        train_here(settings, "clan", files, tmp_path / str(reading))
        trained.append(load_file(tmp_path / str(reading) / "model.safetensors")["layer5.conv2d_list.0.weight"])
    assert torch.nn.functional.cosine_similarity(*(weight.flatten() for weight in trained), dim=0) > 0.99


@pytest.mark.workflow
def test_measured_rates_are_those_of_this_machine(built, tmp_path):
    """Positive times, the bytes of an image, and nothing left behind."""
    reading, encoding, size = measure(built / "data/prepared/gta5_train.h5", load_stylizer(WEIGHTS), tmp_path, "fp16")
    assert reading > 0 and encoding > 0
    assert size >= 128 * 8 * 16 * 2  # features of 64x32, two bytes a number
    assert list(tmp_path.iterdir()) == []


def test_auto_is_a_setting():
    """True, false or auto."""
    from ash.config import StylizerSettings

    assert StylizerSettings(weights="w", storage="fp16", cache_content="auto").cache_content == "auto"
    with pytest.raises(ValueError):
        StylizerSettings(weights="w", storage="fp16", cache_content="sometimes")
