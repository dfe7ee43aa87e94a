"""Steps from a recording: what is brought up to date before each, and when a recording no longer holds."""

from contextlib import nullcontext

import numpy as np
import pytest
import torch

from ash.contract import Needs
from ash.training import captured
from ash.training.captured import CapturedStepper, Progress, recorded
from ash.training.feed import Feed
from ash.training.step import Stepper, Terms, numbers
from tests.support.toy import Game, feed, training

CPU = torch.device("cpu")
NOTHING = Terms(0, (), torch.empty(0))


def test_progress_is_computed_with_on_the_device_and_decided_on_the_host():
    """`1 - progress` follows each move without being asked again; a decision tells when it would be another."""
    progress = Progress(CPU)
    assert progress.move(0.02)
    left = [1 - progress, progress * 4, 4 * progress]
    assert all(isinstance(value, torch.Tensor) for value in left)
    assert (progress >= 0.05, progress < 0.5) == (False, True)
    assert progress.move(0.04)
    assert not progress.move(0.05)
    assert not progress.move(0.5)
    assert float(1 - progress) == 0.5
    with pytest.raises(TypeError):
        progress + 1  # nothing else is offered, so that no number is baked into a recording


class Recorded(CapturedStepper):
    """Notes when a step would be recorded; its replays compute."""

    def __init__(self, stepper):
        super().__init__(stepper, CPU)
        self.recorded, self.replays = [], 0

    def _record(self):
        self.recorded.append(self.progress.value)
        self.graph, self.terms = self, NOTHING

    def replay(self):
        """What a graph does: the same computation on the contents of the moment."""
        self.replays += 1
        self.terms = self._take(0)


class Preheated(Game):
    """The game, with a term that starts at half of the training."""

    def updates(self, batch, progress):
        """The terms of the game, the first player's doubled from there on."""
        for update in super().updates(batch, progress):
            factor = 2 if progress >= 0.5 else 1
            terms = {name: factor * term for name, term in update.terms.items()}
            yield type(update)(update.player, terms)


def test_recorded_steps_are_those_taken_one_by_one(monkeypatch):
    """Batches, noise and progress are those of each step; at half of the training the step is recorded anew."""
    monkeypatch.setattr(captured, "WARM_UP", 1)
    rows = []
    for kind in (None, Recorded):
        stepper = Stepper.from_settings(Preheated(), training(), torch.enable_grad)
        steps = kind(stepper) if kind else stepper
        rows.append(numbers([steps.step(feed().batch(k), k, k / 10) for k in range(10)]))
    assert steps.recorded == [0.1, 0.6] and steps.replays == 8
    for plain, repeated in zip(*rows, strict=True):
        assert repeated == pytest.approx(plain, rel=1e-6)


@pytest.mark.parametrize("changes", [{"jitter": True}, {"needs": Needs(style_images="source")}])
def test_steps_of_more_than_one_shape_are_taken_one_by_one(changes):
    """A recording would have the sizes of its first batch, so that none is made, whatever the settings ask for."""
    images, gpu = [np.zeros((8, 16, 3), np.uint8)], torch.device("cuda")
    chosen = training(compile="regions")
    stepper = Stepper.from_settings(Game(), chosen, nullcontext)
    several = Feed(images, images, seed=0, batch=1, label_stride=1, device=gpu, **changes)
    assert recorded(stepper, chosen, several) is stepper
    assert recorded(stepper, chosen, feed()) is stepper  # on a CPU


def test_a_recorded_step_has_its_own_number():
    """A message about a replayed step names it, not the one that was recorded."""
    steps = Recorded(Stepper.from_settings(Game(), training(), torch.enable_grad))
    assert [steps.step(feed().batch(k), k, 0.5).step for k in range(6)] == list(range(6))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_graph_repeats_the_step_to_the_bit(monkeypatch):
    """On a GPU: a convolution's weights after ten steps, recorded and not."""
    weights = []
    for warm_up in (3, 100):
        monkeypatch.setattr(captured, "WARM_UP", warm_up)
        game, batches = Game(), feed()
        batches.device = torch.device("cuda")
        for player in game.players.values():
            player.cuda()
        steps = CapturedStepper(Stepper.from_settings(game, training(), torch.enable_grad), batches.device)
        for k in range(10):
            steps.step(batches.batch(k), k, k / 10)
        weights.append(game.players["discriminator"].weight.detach().cpu())
    assert torch.equal(*weights)
