"""One step: what it moves, what it tells whoever watches, and that the loop takes no other."""

from contextlib import contextmanager

import pytest
import torch

from ash.contract import Method, Update
from ash.errors import ConfigError, NonFiniteError
from ash.training import schedule
from ash.training.loop import train
from ash.training.step import Stepper, backward, numbers
from tests.support.toy import Game, feed, training


def weights(game: Game) -> list[torch.Tensor]:
    """All weights of both players, in order."""
    return [p.detach().clone() for player in game.players.values() for p in player.parameters()]


def test_the_loop_takes_this_step(tmp_path):
    """Ten steps by hand, with the rates of the schedule, end at the weights of the loop, bit for bit."""
    settings, by_loop, by_hand = training(), Game(), Game()
    train(by_loop, feed(), settings, resume=tmp_path / "resume.pt", digest="")
    stepper = Stepper.from_settings(by_hand, settings, torch.enable_grad)
    for k in range(10):
        for optimiser in stepper.optimisers.values():
            schedule.set_rate(optimiser, schedule.factor(k, settings))
        stepper.step(feed().batch(k), k, k / 10)
    assert all(torch.equal(a, b) for a, b in zip(weights(by_loop), weights(by_hand), strict=True))


@pytest.mark.parametrize("order", ["simultaneous", "sequential"])
def test_watching_changes_nothing_and_sees_every_part(order):
    """The parts come in the order in which they happen; the weights are those of a step that nobody watches."""
    seen, games = [], (Game(), Game())

    @contextmanager
    def watch(part):
        seen.append(part)
        yield

    for game, eyes in zip(games, ({}, {"watch": watch}), strict=True):
        stepper = Stepper.from_settings(game, training(order=order), torch.enable_grad)
        stepper.step(feed().batch(0), 0, 0.0, **eyes)
    assert all(torch.equal(a, b) for a, b in zip(*map(weights, games), strict=True))
    own = ["optimisers"] if order == "sequential" else []
    first, second = ["forward 1", "backward 1: segmenter"], ["forward 2", "backward 2: discriminator"]
    assert seen == [*first, *own, *second, *own, "forward 3", "optimisers"]


def test_clipping_is_for_the_player_that_is_named():
    """With a bound of 1e-9 the discriminator hardly moves, and the segmenter moves as without it."""
    moved = {}
    for clips in ({}, {"discriminator": 1e-9}):
        game = Game()
        before = weights(game)
        optimisers = {name: torch.optim.SGD(player.parameters(), lr=1.0) for name, player in game.players.items()}
        Stepper(game, optimisers, clips).step(feed().batch(0), 0, 0.0)
        steps = [float((a - b).abs().max()) for a, b in zip(before, weights(game), strict=True)]
        moved[bool(clips)] = steps[:-2], steps[-2:]  # the discriminator is one convolution: weight and bias
    assert moved[True][0] == moved[False][0]
    assert max(moved[True][1]) <= 1e-9 < max(moved[False][1])


def test_the_first_step_that_is_not_finite_is_named():
    """Of three steps that are read together: the number of the second, the player and the term."""
    stepper = Stepper.from_settings(Game(poison=1), training(), torch.enable_grad)
    steps = [stepper.step(feed().batch(0), number, 0.0) for number in (7, 8, 9)]
    assert set(numbers(steps[:1])[0]) == set(steps[0].names)
    with pytest.raises(NonFiniteError, match=r"^step 8: segmenter\.segmentation = nan; lower the learning rate"):
        numbers(steps)
    assert numbers([]) == []


class Repeating(Method):
    """One player in three updates, after a pass without gradients."""

    def __init__(self, then_step: bool) -> None:
        self.net, self.then_step = torch.nn.Conv2d(3, 1, 1, bias=False), then_step
        torch.nn.init.constant_(self.net.weight, 0.5)
        self.players = {"net": self.net}
        self.seen = []

    def updates(self, batch, progress):
        """The sum of what the net gives, three times."""
        with torch.no_grad():
            self.net(batch)
        for _ in range(3):
            value = self.net(batch).sum()
            self.seen.append(value.item())
            yield Update("net", {"sum": value}, then_step=self.then_step)


@pytest.mark.parametrize(("then_step", "seen"), [(False, [6.0, 6.0, 6.0]), (True, [6.0, -6.0, -18.0])])
def test_one_autocast_for_a_step_computes_with_the_weights_of_the_moment(then_step, seen):
    """Casts that are kept take no gradient away, and none of a weight outlives the step that moves it."""
    method = Repeating(then_step)
    optimisers = {"net": torch.optim.SGD(method.net.parameters(), 0.25)}
    stepper = Stepper(method, optimisers, autocast=lambda: torch.autocast("cpu", torch.bfloat16))
    stepper.step(torch.ones(1, 3, 2, 2), 0, 0.0)
    assert method.seen == seen
    assert method.net.weight.flatten().tolist() == [0.5 - 0.25 * 4 * 3] * 3


def test_backward_adds_for_the_player_alone():
    """A frozen weight and the other player get no gradient; a leaf that the update names does."""
    game = Game()
    image = feed().batch(0).image.requires_grad_()
    game.players["segmenter"][0].weight.requires_grad_(False)
    logits = game.players["segmenter"](image)
    backward(game, Update("segmenter", {"a": game.players["discriminator"](logits).mean()}, also=(image,)))
    assert game.players["discriminator"].weight.grad is None
    assert game.players["segmenter"][0].weight.grad is None
    assert game.players["segmenter"][3].weight.grad.abs().sum() > 0
    assert image.grad.abs().sum() > 0


def test_a_player_without_an_optimiser_is_named():
    """One line with the players that have one, before anything is built."""
    optimisers = {name: value for name, value in training().optimisers.items() if name != "discriminator"}
    settings = training().model_copy(update={"optimisers": optimisers})
    with pytest.raises(ConfigError, match=r"training\.optimisers: has none for the player discriminator; known: "):
        Stepper.from_settings(Game(), settings, torch.enable_grad)
