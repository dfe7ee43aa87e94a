"""Networks of a run are made as the method's needs say."""

from pathlib import Path

import pytest
import torch

from ash.contract import Needs
from ash.experiment.build import build_networks
from ash.experiment.inputs import RunFiles
from tests.support.world import settings

CPU = torch.device("cpu")


def networks(needs: Needs):
    """Those of an experiment of the miniature, for seed 3; no file is read."""
    return build_networks(settings().experiment("source_only"), needs, 3, RunFiles(prepared=Path("unread.h5")), CPU)


def test_the_initial_network_is_the_segmenter_as_it_began():
    """The same weights in other tensors, frozen; a method that needs none has none, and the same segmenter."""
    made, plain = networks(Needs(initial=True)), networks(Needs())
    assert plain.initial is None
    ours, first = made.segmenter.state_dict(), made.initial.state_dict()
    assert ours.keys() == first.keys()
    for name, value in ours.items():
        assert torch.equal(value, first[name]) and value.data_ptr() != first[name].data_ptr()
        assert torch.equal(value, plain.segmenter.state_dict()[name])
    assert not made.initial.training and not any(p.requires_grad for p in made.initial.parameters())


@pytest.mark.parametrize("kind", ["none", "plain", "affine"])
def test_instance_norm_is_as_the_needs_say(kind):
    """And the frozen copy has it too."""
    made = networks(Needs(initial=True, instance_norm=kind))
    assert made.segmenter.instance_norm == made.initial.instance_norm == kind
    for network in (made.segmenter, made.initial):
        assert isinstance(network.bn1, torch.nn.InstanceNorm2d) == (kind != "none")
