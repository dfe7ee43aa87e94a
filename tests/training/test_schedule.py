"""Learning rates and optimisers."""

import pytest
import torch
from torch import nn

from ash.config import OptimiserSettings
from ash.training.schedule import build_optimiser, factor, set_rate
from tests.support.toy import training

BASE = 2.5e-4


@pytest.mark.parametrize(("step", "rate"), [(0, 0.0), (2500, 1.25e-4), (5000, 2.3872e-4), (50_000, 1.3397e-4)])
def test_the_papers_schedule(step, rate):
    """100 000 iterations, 5 % warm-up, power 0.9, base 2.5e-4: the rates that the released code prints."""
    paper = training(iterations=100_000, warmup=0.05)
    assert BASE * factor(step, paper) == pytest.approx(rate, abs=5e-9)


def test_no_warmup_starts_at_the_base():
    """Without a warm-up the first step has the full rate."""
    assert factor(0, training(warmup=0.0)) == 1.0


class Heads(nn.Module):
    """A body and a head, and a frozen tensor."""

    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Linear(2, 2), nn.Linear(2, 1)
        self.frozen = nn.Parameter(torch.zeros(1), requires_grad=False)

    def backbone_parameters(self):
        """All but the head."""
        return [*self.body.parameters(), self.frozen]

    def head_parameters(self):
        """The head."""
        return self.head.parameters()


def sgd(head: float, backbone: float) -> OptimiserSettings:
    return OptimiserSettings(
        kind="sgd",
        lr=0.1,
        weight_decay=0,
        momentum=0.9,
        beta2=0,
        clip=None,
        head_multiplier=head,
        backbone_multiplier=backbone,
    )


def test_every_trainable_tensor_once():
    """The optimiser holds each trainable tensor once and no frozen one."""
    net = Heads()
    held = [id(p) for g in build_optimiser(net, sgd(10, 1)).param_groups for p in g["params"]]
    assert sorted(held) == sorted(id(p) for p in net.parameters() if p.requires_grad)


def test_multipliers_act_on_their_part():
    """Backbone x3 and heads x10 of the base rate, and both follow the schedule."""
    optimiser = build_optimiser(Heads(), sgd(10, 3))
    assert [g["lr"] for g in optimiser.param_groups] == pytest.approx([0.3, 1.0])
    set_rate(optimiser, 0.5)
    assert [g["lr"] for g in optimiser.param_groups] == pytest.approx([0.15, 0.5])
