"""What a method carries from step to step beside its networks is in the resume file."""

from dataclasses import fields, replace

import pytest
import torch

from ash.training.loop import train
from tests.support.toy import training
from tests.support.world import OneBatch, batch, built

EXPERIMENTS = {
    "mixstyle": {"probability": 1.0},
    "dsu": {"probability": 1.0},
    "isw": {"start": 0.5, "window": 0.4},
    "shade": {"lambda_rc": 1.0, "memory": 5},
    "tldr": {"regularisation": (1.0, 1.0, 1.0, 1.0)},
}
WITHOUT = {"tldr"}  # which has no memory


class Stop(Exception):
    """Raised in the place of a kill."""


class Steps(OneBatch):
    """One image a step, another at each, with noise that is a function of the step."""

    def place(self, content: int):
        """The first or the second image of the batch, in light of its own."""
        given = replace(self.given, generator=torch.Generator().manual_seed(content))
        one = {
            field.name: getattr(given, field.name)[content % 2 :][:1]
            for field in fields(given)
            if isinstance(getattr(given, field.name), torch.Tensor)
        }
        return replace(given, **one | {"image": one["image"] * (0.5 + content / 20)})


def trained(name, path, stop=None, memory=True):
    """All that a training of ten steps ends with; killed after `stop` steps, without an end."""
    method = built(name, **EXPERIMENTS[name])
    if not memory:
        method.memory = {}

    def progress(done, _):
        if done == stop:
            raise Stop

    history = train(
        method, Steps(batch(needs=method.settings.needs)), training(batch=1), resume=path, digest="d", progress=progress
    )
    networks = [*method.players.values(), *method.memory.values()]
    return [history.csv(), *(value for network in networks for value in network.state_dict().values())]


def same(first, second) -> bool:
    """Bit for bit."""
    pairs = zip(first[1:], second[1:], strict=True)
    return first[0] == second[0] and all(torch.equal(one, other) for one, other in pairs)


@pytest.mark.parametrize(("name", "stop"), [*((name, 4) for name in EXPERIMENTS), ("isw", 7)])
def test_a_killed_training_ends_as_it_would_have(tmp_path, name, stop):
    """Weights, memory and history to the bit; and the memory matters, for without it the end is another."""
    whole = trained(name, tmp_path / "whole.pt")
    for memory in (True, False):
        path = tmp_path / f"{memory}.pt"
        with pytest.raises(Stop):
            trained(name, path, stop, memory)
        again = trained(name, path, None, memory)
        if memory:
            assert same(again, whole)
        elif name not in WITHOUT:
            assert again[0] != whole[0]
