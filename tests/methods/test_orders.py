"""Real methods in the real loop: who has moved when the next update is made."""

import pytest
import torch

from ash.config import OptimiserSettings
from ash.training.loop import train
from tests.support.toy import training
from tests.support.world import OneBatch, batch, built, settings

SGD = OptimiserSettings(
    kind="sgd",
    lr=0.05,
    weight_decay=0.0,
    momentum=0.9,
    beta2=0.0,
    clip=1.0,
    head_multiplier=1.0,
    backbone_multiplier=1.0,
)
PLAYERS = ("segmenter", "hallucinator", "discriminator")


def train_one_step(method, tmp_path, order: str):
    """One step of the loop at the full rate; its history."""
    chosen = training(iterations=1, warmup=0.0, order=order, optimisers=dict.fromkeys(PLAYERS, SGD))
    given = batch(needs=method.settings.needs)
    return train(method, OneBatch(given), chosen, resume=tmp_path / f"{order}.pt", digest="d")


def h_at_each_look(tmp_path, order: str) -> list[torch.Tensor]:
    """A weight of H whenever G looks at an image in one step of ASH, and at the end."""
    method, seen = built("ash", g_image="own", noise="none"), []
    weight = method.hallucinator.beta[-1].bias
    method.segmenter.register_forward_pre_hook(lambda _, __: seen.append(weight.detach().clone()))
    method.diagnostics = lambda batch: {}
    train_one_step(method, tmp_path, order)
    return [*seen, weight.detach().clone()]


def test_in_sequence_g_meets_a_hallucinator_that_has_moved(tmp_path):
    """G's own image is made by the H of after H's step; H's image and its look at the source came before it."""
    source, for_h, again, for_g, end = h_at_each_look(tmp_path, "sequential")
    assert torch.equal(source, for_h)
    assert not torch.equal(for_h, again)
    assert torch.equal(again, for_g) and torch.equal(for_g, end)


def test_at_once_g_meets_the_hallucinator_of_before(tmp_path):
    """As in the release, all steps come after all backward passes."""
    *looks, end = h_at_each_look(tmp_path, "simultaneous")
    assert len(looks) == 4
    assert all(torch.equal(look, looks[0]) for look in looks)
    assert not torch.equal(looks[0], end)


@pytest.mark.parametrize("order", ["simultaneous", "sequential"])
@pytest.mark.parametrize(
    "name",
    [
        "ash",
        "ash_release",
        "ash_local",
        "clan",
        "advent",
        "asm",
        "domain_randomisation",
        "advstyle",
        "style_adversarial_class",
    ],
)
def test_every_method_trains_in_either_order(tmp_path, name, order):
    """A step in the loop moves every player; no graph that a later update needs is broken by a step before it."""
    method = built(name)
    before = {n: [p.detach().clone() for p in player.parameters()] for n, player in method.players.items()}
    history = train_one_step(method, tmp_path, order)
    assert len(history.rows) == 1
    for n, player in method.players.items():
        assert any(not torch.equal(a, b) for a, b in zip(before[n], player.parameters(), strict=True)), n


def test_the_orders_agree_on_the_first_update(tmp_path):
    """H's terms are made before anyone moves; D's, made last, see a G that has moved in one order alone."""
    rows = {}
    for order in ("simultaneous", "sequential"):
        method = built("ash", g_image="own", lambda_c=100.0)  # so that H moves far enough to be seen in six digits
        method.diagnostics = lambda batch: {}
        rows[order] = train_one_step(method, tmp_path, order).rows[0]
    for name, value in rows["simultaneous"].items():
        assert (rows["sequential"][name] == value) == (not name.startswith(("segmenter.adv", "discriminator.sty"))), (
            name
        )


@pytest.mark.parametrize("protocol_order", ["simultaneous", "sequential"])
def test_an_experiment_may_have_an_order_of_its_own(protocol_order):
    """`training: {order: ...}` of an experiment is the loop's order for it alone."""
    own = settings().model_copy(deep=True)
    entry = own.params.experiments["ash"].model_copy(update={"training": {"order": protocol_order}})
    own.params.experiments["ash"] = entry
    assert own.experiment("ash").training.order == protocol_order
    assert own.experiment("clan").training.order == "simultaneous"
