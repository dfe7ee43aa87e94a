"""Learning rates and optimisers."""

import pytest
import torch
from torch import nn

from ash.config import OptimiserSettings, SegmenterSettings
from ash.segmentation.deeplab import build_segmenter
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


def sgd(head: float, backbone: float, kind: str = "sgd", **changes: object) -> OptimiserSettings:
    return OptimiserSettings(
        kind=kind,
        lr=0.1,
        weight_decay=0,
        momentum=0.9,
        beta2=0,
        clip=None,
        head_multiplier=head,
        backbone_multiplier=backbone,
        **changes,
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


def test_the_releases_list_of_the_papers_network():
    """99 convolutions of blocks three times, four projections four times, the stem once: 314 entries for 104 tensors."""
    net = build_segmenter(SegmenterSettings(kind="resnet101", width=4, blocks=(3, 4, 23, 3), rates=(1, 2)))
    optimiser = build_optimiser(net, sgd(10, 1, listing="release"))
    *backbone, heads = optimiser.param_groups
    assert {group["listed"]: len(group["params"]) for group in backbone} == {1: 1, 3: 99, 4: 4}
    assert {group["lr"] for group in backbone} == {0.1} and heads["lr"] == 1.0
    assert backbone[0]["params"] == [net.conv1.weight]
    held = [id(p) for group in optimiser.param_groups for p in group["params"]]
    assert len(held) == len(set(held)) == len([p for p in net.parameters() if p.requires_grad])


@pytest.mark.parametrize("kind", ["sgd", "adam", "adamw"])
def test_a_listed_tensor_steps_again_with_the_same_gradient(kind):
    """As a plain optimiser that is asked to step so often; tensors that are listed once step once."""
    kept = {}
    for listing in ("release", "once"):
        net = build_segmenter(SegmenterSettings(kind="small", width=4, blocks=(1, 1, 1, 1), rates=(1,)))
        for k, weight in enumerate(net.parameters()):
            torch.nn.init.normal_(weight, generator=torch.Generator().manual_seed(k))
        optimiser = build_optimiser(net, sgd(1, 1, kind, listing=listing).model_copy(update={"weight_decay": 0.1}))
        for _ in range(3):
            for turn in range(1 if listing == "release" else 4):
                for k, (name, weight) in enumerate(net.named_parameters()):
                    times = 1 if name.startswith("layer5") or name.startswith("layer6") else name.count(".")
                    shown = listing == "release" or turn < times
                    weight.grad = weight.detach().new_full(weight.shape, 0.1 * (k % 7 - 3)) if shown else None
                optimiser.step()
        kept[listing] = {name: weight.detach().clone() for name, weight in net.named_parameters()}
    for name, weight in kept["once"].items():
        torch.testing.assert_close(kept["release"][name], weight, msg=name)


def test_a_listed_optimiser_resumes(tmp_path):
    """Its state goes to a file and back, and the next step is the one that would have come."""
    nets = [Heads(), Heads()]
    nets[1].load_state_dict(nets[0].state_dict())
    optimisers = [build_optimiser(net, sgd(10, 1, listing="release")) for net in nets]
    for step in range(3):
        if step == 2:
            nets[1].load_state_dict(nets[0].state_dict())
            torch.save(optimisers[0].state_dict(), tmp_path / "o.pt")
            optimisers[1].load_state_dict(torch.load(tmp_path / "o.pt", weights_only=True))
        for net, optimiser in list(zip(nets, optimisers, strict=True))[: 1 + (step == 2)]:
            for weight in (net.body.weight, net.body.bias, net.head.weight, net.head.bias):
                weight.grad = torch.ones_like(weight)
            optimiser.step()
    assert all(torch.equal(a, b) for a, b in zip(*(net.parameters() for net in nets), strict=True))
