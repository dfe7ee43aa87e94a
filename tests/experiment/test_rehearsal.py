"""`ash check` takes the first step of every experiment without numbers, and refuses what that step would refuse."""

import copy

import pytest
import torch
import yaml

from ash import config, methods
from ash.experiment.rehearsal import Rehearsal
from ash.segmentation.discriminator import build_discriminator
from ash.style.stylizer import load_stylizer
from tests.conftest import ROOT, TINY, ash, settle

PAIR = ROOT / "ash/style/weights/miniature.safetensors"
PROTOCOL = yaml.safe_load((TINY / "protocols/tiny.yaml").read_text())


def rehearse(folder, protocol, params=None):
    """The faults of the tiny experiments under a protocol."""
    settle(folder)
    (folder / "protocols/tiny.yaml").write_text(yaml.safe_dump(protocol))
    if params is not None:
        (folder / "params.yaml").write_text(yaml.safe_dump(params))
    settings = config.load(folder / "params.yaml")
    return settings, Rehearsal(settings, load_stylizer(PAIR).settings).faults()


def test_sound_experiments_have_no_fault():
    """All experiments of the project, of every method, under the miniature's protocol."""
    settings = config.load(ROOT / "params.yaml", "miniature")
    assert {entry.method for entry in settings.params.experiments.values()} == set(methods.names())
    assert Rehearsal(settings, load_stylizer(PAIR).settings).faults() == []


def test_maps_too_small_for_the_discriminator(tmp_path):
    """A share of a map may be too small where the map is not; D itself says so too, and methods without shares are sound."""
    protocol, params = copy.deepcopy(PROTOCOL), yaml.safe_load((TINY / "params.yaml").read_text())
    protocol["discriminator"] |= {"strides": [2, 2, 2, 2], "map_size": [24, 16]}
    params["methods"]["ash"]["stylised_map"] = [1.0, 0.4]
    settings, faults = rehearse(tmp_path, protocol, params)
    assert [line.partition(":")[0] for line in faults] == ["experiments.ash", "experiments.synthia_ash"]
    assert "method ash cannot take a step at 64x32" in faults[0]
    assert all(len(line.splitlines()) == 1 for line in faults)
    with pytest.raises(RuntimeError):
        build_discriminator(settings.experiment("clan").discriminator)(torch.zeros(1, 19, 6, 24))


def test_a_condition_of_less_than_two_cells(tmp_path):
    """H's first convolution would take all of the 8x4 logits at once."""
    protocol = copy.deepcopy(PROTOCOL)
    protocol["hallucinator"]["stride"] = 8
    _, faults = rehearse(tmp_path, protocol)
    assert [line.partition(":")[0] for line in faults] == ["experiments.ash", "experiments.synthia_ash"]
    assert "hallucinator: condition" in faults[0]


def test_one_value_a_channel(tmp_path):
    """BatchNorm needs more than one: a batch of one image of 8x8 pixels ends in a single cell."""
    protocol = copy.deepcopy(PROTOCOL)
    protocol["training"]["batch"] = 1
    for name in ("gta5", "synthia"):
        protocol["datasets"][name] |= {"image_size": [8, 8]}
    _, faults = rehearse(tmp_path, protocol)
    assert "experiments.source_only: method source_only cannot take a step at 8x8 (BatchNorm: one value" in faults[0]


def test_a_player_without_an_optimiser(tmp_path):
    """Named with the players that have one."""
    protocol = copy.deepcopy(PROTOCOL)
    protocol["training"]["optimisers"]["discriminater"] = protocol["training"]["optimisers"].pop("discriminator")
    _, faults = rehearse(tmp_path, protocol)
    assert len(faults) == 3
    assert "experiments.clan: its player discriminator has no optimiser under training.optimisers; known: " in faults[0]
    assert faults[0].endswith("did you mean 'discriminater'?")


def test_check_refuses_what_the_first_step_would(tmp_path):
    """Exit code 2, a line for each experiment, and no word of sound settings."""
    folder = settle(tmp_path)
    protocol = copy.deepcopy(PROTOCOL)
    protocol["hallucinator"]["stride"] = 8
    (folder / "protocols/tiny.yaml").write_text(yaml.safe_dump(protocol))
    result = ash(folder, "check", check=False)
    assert result.returncode == 2
    assert "sound" not in result.stdout
    assert result.stderr.count("cannot take a step at 64x32") == 2
    assert "Traceback" not in result.stderr


def test_check_names_files_of_weights_that_are_missing(tmp_path):
    """Of the pair and of the segmenter; a published file says what fetches it, one of the user's own where it is named."""
    folder = settle(tmp_path)
    protocol = copy.deepcopy(PROTOCOL)
    protocol["stylizer"]["weights"] = "my pair.safetensors"
    protocol["segmenter"]["weights"] = "mine.pth"
    (folder / "protocols/tiny.yaml").write_text(yaml.safe_dump(protocol))
    result = ash(folder, "check", check=False)
    assert result.returncode == 2
    assert "my pair.safetensors: missing; put the file there, or correct stylizer.weights" in result.stderr
    assert "mine.pth: missing; put the file there, or correct segmenter.weights" in result.stderr
