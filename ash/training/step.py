"""One step of training: what the loop repeats, the benchmark times, and every fit here learns by.

For every update that a method yields, the gradient of its sum is accumulated for its player alone.  Players step after the
last update of a batch, or each after its own if the settings or the update say so.  Nothing in a step waits for a GPU: what
the terms came to stays there until somebody reads it (`numbers`).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from ash.config import TrainingSettings
from ash.contract import Method, Update
from ash.errors import ConfigError, NonFiniteError, known
from ash.training import schedule

Row = dict[str, float]
Watch = Callable[[str], AbstractContextManager[object]]  # opened around each part of a step, with the part's name


@dataclass(frozen=True)
class Terms:
    """What the terms of one step came to, on the device that computed them: `player.term` for each of `values`, (n,)."""

    step: int
    names: tuple[str, ...]
    values: Tensor


def numbers(steps: Sequence[Terms]) -> list[Row]:
    """The terms of steps as numbers, fetched at once; waits for the last of them.

    NonFiniteError names the first step that has terms which are not finite, and these.
    """
    if not steps:
        return []
    fetched = iter(torch.cat([terms.values for terms in steps]).tolist())
    rows = [{name: next(fetched) for name in terms.names} for terms in steps]
    for terms, row in zip(steps, rows, strict=True):
        bad = [f"{name} = {value}" for name, value in row.items() if not math.isfinite(value)]
        if bad:
            raise NonFiniteError(f"step {terms.step}: {', '.join(bad)}; lower the learning rate or that term's weight")
    return rows


@dataclass(frozen=True)
class Stepper:
    """Takes the steps of a method.

    optimisers   one for each player
    clips        largest norm of a player's gradient; a player that is not named is not clipped
    sequential   whether every player steps right after its own update
    autocast     makes the context in which the method computes its terms: one for a whole step, in which a weight that
                 several updates use is cast once
    """

    method: Method
    optimisers: Mapping[str, Optimizer]
    clips: Mapping[str, float] = field(default_factory=dict)
    sequential: bool = False
    autocast: Callable[[], AbstractContextManager[object]] = nullcontext

    @classmethod
    def from_settings(
        cls, method: Method, training: TrainingSettings, autocast: Callable[[], AbstractContextManager[object]]
    ) -> Self:
        """With the optimisers that the settings state for the method's players; ConfigError if a player has none."""
        for name in method.players:
            if name not in training.optimisers:
                there = known(name, training.optimisers)
                raise ConfigError(f"training.optimisers: has none for the player {name}; {there}; state one")
        chosen = {name: training.optimisers[name] for name in method.players}
        optimisers = {name: schedule.build_optimiser(method.players[name], s) for name, s in chosen.items()}
        clips = {name: s.clip for name, s in chosen.items() if s.clip is not None}
        return cls(method, optimisers, clips, training.order == "sequential", autocast)

    def step(self, batch: Any, number: int, progress: float, watch: Watch = nullcontext) -> Terms:
        """Learn from one batch; gives what each term came to, as `player.term`.

        `number` names the step in messages, `progress` is i/N.  `watch` sees the parts "forward K" and "backward K: PLAYER"
        of the K-th update, and "optimisers".
        """
        terms: dict[str, Tensor] = {}
        waiting: set[str] = set()
        updates, k = self.method.updates(batch, progress), 0
        with self.autocast():
            while True:
                k += 1
                with watch(f"forward {k}"):
                    update = next(updates, None)
                if update is None:
                    break
                with watch(f"backward {k}: {update.player}"):
                    backward(self.method, update)
                terms |= {f"{update.player}.{name}": term.detach() for name, term in update.terms.items()}
                waiting.add(update.player)
                if update.then_step or self.sequential:
                    with watch("optimisers"):
                        self._move(update.player)
                    torch.clear_autocast_cache()  # which holds the weights before their step
                    waiting.remove(update.player)
        with watch("optimisers"):
            for name in sorted(waiting):
                self._move(name)
        return Terms(number, tuple(terms), torch.stack([term.float() for term in terms.values()]))

    def _move(self, player: str) -> None:
        """Let one player take its step."""
        if player in self.clips:
            nn.utils.clip_grad_norm_(self.method.players[player].parameters(), self.clips[player])
        self.optimisers[player].step()
        self.optimisers[player].zero_grad(set_to_none=True)


def backward(method: Method, update: Update) -> None:
    """Add the gradient of an update's sum to `.grad` of the trainable weights of its player, and of `update.also`."""
    weights = [p for p in method.players[update.player].parameters() if p.requires_grad]
    inputs = [*weights, *update.also]
    with torch.autocast(inputs[0].device.type, enabled=False):  # each operator goes back in what it came forward in
        total = torch.stack([term.float() for term in update.terms.values()]).sum()
        torch.autograd.backward(total, inputs=inputs, retain_graph=update.keep_graph)
