"""A decoder of one's own: it learns, it resumes, it leaves the encoder as published."""

import json

import numpy as np
import pytest
import torch

from ash import config
from ash.config import DecoderSettings
from ash.errors import ConfigError, DataError, StoreError
from ash.files.hdf5 import PREPARED_SCHEMA, open_h5
from ash.fitting.decoder import CropFeed, DecoderFit, fit_decoder, starting_pair
from ash.progress import quiet
from ash.style.stylizer import NetworkSettings, Stylizer, load_stylizer
from ash.style.vgg import mirror

CPU = torch.device("cpu")
FIT = {
    "contents": ["gta5"], "seed": 0, "iterations": 60, "batch": 2, "crop": 16, "rate": 3.0e-3, "decay": 0.0,
    "content_weight": 1.0, "style_weight": 10.0, "precision": "fp32", "log_every": 20, "checkpoint_every": 10,
}  # fmt: skip


@pytest.fixture
def settings(built, tmp_path):
    """The tiny protocol with a section decoder, and a thin encoder in the published layout."""
    torch.manual_seed(0)
    pair = Stylizer(NetworkSettings(width=8, depth="relu4_1", decoder=mirror(8, "relu4_1")))
    torch.save(pair.encoder.state_dict(), tmp_path / "vgg.pth")
    loaded = config.load(built / "params.yaml")
    section = DecoderSettings(encoder=str(tmp_path / "vgg.pth"), **FIT)
    return loaded.model_copy(update={"protocol": loaded.protocol.model_copy(update={"decoder": section})})


def fit(settings, built, tmp_path, name, show=quiet):
    """Fit into `name`; the mode of the framework is left as it was."""
    before = torch.are_deterministic_algorithms_enabled()
    prepared, out = built / "data/prepared", tmp_path / f"{name}.safetensors"
    try:
        contents, paintings = [prepared / "gta5_train.h5"], prepared / "painters_train.h5"
        fit_decoder(settings, contents, paintings, out, tmp_path / f"{name}.json", show)
    finally:
        torch.use_deterministic_algorithms(before)
    return out


@torch.no_grad()
def loss(settings, built, pair):
    """The decoder's loss on a batch that no fit has seen."""
    chosen, paths = (
        settings.protocol.decoder,
        [built / f"data/prepared/{name}_train.h5" for name in ("gta5", "painters")],
    )
    with open_h5(paths[0], PREPARED_SCHEMA) as contents, open_h5(paths[1], PREPARED_SCHEMA) as paintings:
        batch = CropFeed([contents["image"]], paintings["image"], chosen, CPU).batch(1000)
    return sum(float(term) for term in next(DecoderFit(chosen, pair).updates(batch, 0)).terms.values())


@pytest.mark.workflow
def test_fit_learns_and_keeps_the_encoder(settings, built, tmp_path):
    """Losses fall; the encoder's weights are the published ones, rounded to half floats as the file keeps them."""
    pair = load_stylizer(fit(settings, built, tmp_path, "pair"))
    before = starting_pair(settings.protocol.decoder)
    assert loss(settings, built, pair) < loss(settings, built, before)
    assert len(json.loads((tmp_path / "pair.json").read_text())["losses"]) == 3
    published = torch.load(tmp_path / "vgg.pth", weights_only=True)
    assert all(torch.equal(value, published[name].half().float()) for name, value in pair.encoder.state_dict().items())


@pytest.mark.workflow
def test_a_killed_fit_goes_on_bit_for_bit(settings, built, tmp_path):
    """Stopped after 25 of 60 iterations and started again, it ends with the same bytes."""

    class Killed(Exception):
        pass

    def stop(done, total):
        if done == 25:
            raise Killed

    whole = fit(settings, built, tmp_path, "whole").read_bytes()
    with pytest.raises(Killed):
        fit(settings, built, tmp_path, "cut", stop)
    assert (tmp_path / "cut.resume.pt").exists()
    assert fit(settings, built, tmp_path, "cut").read_bytes() == whole
    assert not (tmp_path / "cut.resume.pt").exists()


def test_crops_are_a_function_of_the_step():
    """The same step gives the same crops, another step others; all are inside the image."""
    images = np.random.default_rng(0).integers(0, 256, (3, 40, 50, 3), np.uint8)
    feed = CropFeed([images], images, DecoderSettings(encoder="x", **FIT), CPU)
    one, again, other = feed.batch(4), feed.batch(4), feed.batch(5)
    assert one.image.shape == one.target.shape == (2, 3, 16, 16)
    assert torch.equal(one.image, again.image) and torch.equal(one.target, again.target)
    assert not torch.equal(one.image, other.image)


def test_faults_are_one_line(settings, built, tmp_path):
    """Images smaller than a crop, no section, no encoder."""
    images = np.zeros((1, 8, 50, 3), np.uint8)
    with pytest.raises(DataError, match="images of 50x8, wanted 16 a side; lower crop"):
        CropFeed([images], images, DecoderSettings(encoder="x", **FIT), CPU)
    without = settings.model_copy(update={"protocol": settings.protocol.model_copy(update={"decoder": None})})
    with pytest.raises(ConfigError, match="has no section decoder"):
        fit(without, built, tmp_path, "pair")
    with pytest.raises(StoreError, match=r"none\.pth: missing; fetch it"):
        starting_pair(DecoderSettings(encoder="none.pth", **FIT))
