"""The training loop.  It knows no method: a recipe yields updates, the loop does all the rest.

For each step: read the batch, set the learning rates, accumulate the gradient of every update for its player alone,
check that all terms are finite, step every optimiser, log.  Players step after the last update of a batch, or each after
its own if the settings or an update say so.
"""

import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from ash.config import TrainingSettings
from ash.contract import Batch, Method
from ash.errors import NonFiniteError
from ash.progress import Progress, quiet
from ash.training import schedule
from ash.training.feed import Batches
from ash.training.history import History, Row
from ash.training.resume import restore, save

log = logging.getLogger(__name__)


def train(
    recipe: Method,
    feed: Batches,
    training: TrainingSettings,
    *,
    resume: Path,
    digest: str,
    autocast: Callable[[], AbstractContextManager[object]] = nullcontext,
    progress: Progress = quiet,
) -> History:
    """Train `recipe` to the end, from `resume` if that file exists, and give the history.

    The resume file is left in place: whoever saves the results removes it afterwards, so that a kill between the two
    loses nothing.
    """
    optimisers = {n: schedule.build_optimiser(p, training.optimisers[n]) for n, p in recipe.players.items()}
    start, history = 0, History()
    if resume.exists():
        start, state = restore(resume, digest, recipe.players, optimisers)
        history = History(state)
        log.info("resumed after step %d from %s", start, resume)
    for player in recipe.players.values():
        player.train()
    for step in range(start, training.iterations):
        batch = feed.batch(step)
        share = schedule.factor(step, training)
        for optimiser in optimisers.values():
            schedule.set_rate(optimiser, share)
        history.add(_step(recipe, batch, step, training, optimisers, autocast))
        done = step + 1
        if done % training.log_every == 0 or done == training.iterations:
            history.close_row(done, {"rate": share, **recipe.diagnostics(batch)})
        if done % training.checkpoint_every == 0 or done == training.iterations:
            save(resume, digest, done, recipe.players, optimisers, history.state())
        progress(done, training.iterations)
    return history


def _step(
    recipe: Method,
    batch: Batch,
    step: int,
    training: TrainingSettings,
    optimisers: Mapping[str, Optimizer],
    autocast: Callable[[], AbstractContextManager[object]],
) -> Row:
    """One step: gradients of every update, and every player's optimiser; gives each term's value."""
    terms: dict[str, Tensor] = {}
    waiting: set[str] = set()
    updates = recipe.updates(batch, step / training.iterations)
    while True:
        with autocast():
            update = next(updates, None)
        if update is None:
            break
        total = torch.stack([term.float() for term in update.terms.values()]).sum()
        weights = [p for p in recipe.players[update.player].parameters() if p.requires_grad]
        torch.autograd.backward(total, inputs=[*weights, *update.also], retain_graph=update.keep_graph)
        named = {f"{update.player}.{name}": term.detach() for name, term in update.terms.items()}
        terms |= named
        waiting.add(update.player)
        if update.then_step or training.order == "sequential":
            _finite(named, step)
            _move(recipe, update.player, training, optimisers)
            waiting.remove(update.player)
    values = _finite(terms, step)
    for name in sorted(waiting):
        _move(recipe, name, training, optimisers)
    return values


def _move(recipe: Method, player: str, training: TrainingSettings, optimisers: Mapping[str, Optimizer]) -> None:
    """Let one player take its step."""
    clip = training.optimisers[player].clip
    if clip is not None:
        nn.utils.clip_grad_norm_(recipe.players[player].parameters(), clip)
    optimisers[player].step()
    optimisers[player].zero_grad(set_to_none=True)


def _finite(terms: Mapping[str, Tensor], step: int) -> Row:
    """The terms as numbers, fetched from the device at once; NonFiniteError names those that are not finite."""
    numbers = torch.stack([term.float() for term in terms.values()])
    values = dict(zip(terms, numbers.tolist(), strict=True))
    bad = [f"{name} = {value}" for name, value in values.items() if not torch.isfinite(torch.tensor(value))]
    if bad:
        raise NonFiniteError(f"step {step}: {', '.join(bad)}; lower the learning rate or that term's weight")
    return values
