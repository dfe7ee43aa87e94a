"""The networks that a method is built on are those that its needs state."""

import pytest
import torch
from torch import nn

from ash import methods
from ash.errors import ConfigError
from ash.methods._networks import Networks, stated
from ash.segmentation.deeplab import build_segmenter
from tests.support.world import built, settings

EXPERIMENTS = list(settings().params.experiments)


def test_a_network_that_is_not_stated_is_named():
    """The line says which need to state."""
    with pytest.raises(ConfigError, match=r"state `paintings` in Settings.needs"):
        stated(None, "paintings")
    network = nn.Linear(1, 1)
    assert stated(network, "paintings") is network


@pytest.mark.parametrize(
    ("method", "heads", "discriminators"),
    [
        ("source_only", "pair", 0),
        ("augmentation", "pair", 0),
        ("clan", "pair", 1),
        ("ash", "pair", 1),
        ("advent", "auxiliary", 2),
        ("maxsquare", "single", 0),
        ("domain_randomisation", "single", 0),
        ("asm", "attention", 0),
        ("feature_style", "pair", 0),
        ("isw", "pair", 0),
        ("shade", "pair", 0),
        ("tldr", "pair", 0),
    ],
)
def test_heads_and_discriminators_of_each_paper(method, heads, discriminators):
    """The layouts of the papers' networks, for every experiment of a method."""
    found = [settings().experiment(name) for name in EXPERIMENTS]
    needs = [methods.check_experiment(experiment) for experiment in found if experiment.method == method]
    assert needs
    assert {(need.heads, need.discriminators) for need in needs} == {(heads, discriminators)}


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_needs_say_what_is_there(name):
    """Heads, discriminators and channels of the hallucinator are those that the needs state."""
    experiment = settings().experiment(name)
    needs, method = methods.check_experiment(experiment), built(name)
    assert method.segmenter.layout == needs.heads
    if experiment.method != "class_style":  # which has a network of its own in H's place
        assert ("hallucinator" in method.players) == (needs.condition > 0)
    if needs.condition:
        assert (
            method.hallucinator.classes == needs.condition == 19 + (experiment.settings["condition"] == "ground_truth")
        )
    playing = experiment.settings.get("variant") != "minent"  # which takes their map size and trains neither
    assert ("discriminator" in method.players) == (needs.discriminators > 0 and playing)


def test_a_method_whose_needs_forget_the_stylizer_is_told():
    """ASH on networks without a pair: one line, no AttributeError."""
    experiment = settings().experiment("ash")
    with torch.random.fork_rng():
        segmenter = build_segmenter(settings().protocol.segmenter, "pair")
    with pytest.raises(ConfigError, match="`paintings`"):
        methods.build(experiment, Networks(segmenter=segmenter, source="gta5"))
