"""The training loop.  It knows no method: a method yields updates, the loop does all the rest.

For each step: take the next batch, set the learning rates, take the step (`ash.training.step`), log, now and then save.
"""

import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import MappingProxyType

from ash.config import TrainingSettings
from ash.contract import Method
from ash.progress import Progress, quiet
from ash.training import schedule
from ash.training.batches import Batches, batches
from ash.training.captured import recorded
from ash.training.history import History
from ash.training.resume import restore, save
from ash.training.step import Stepper

log = logging.getLogger(__name__)
NOTHING: Mapping[str, str] = MappingProxyType({})


def train(
    method: Method,
    feed: Batches,
    training: TrainingSettings,
    *,
    resume: Path,
    digest: str,
    inputs: Mapping[str, str] = NOTHING,
    autocast: Callable[[], AbstractContextManager[object]] = nullcontext,
    progress: Progress = quiet,
) -> History:
    """Train `method` to the end, from `resume` if that file exists, and give the history.

    `digest` is that of the settings, `inputs` holds those of all that the training reads, by name: a
    resume file of others is refused.  The file is left in place: whoever saves the results removes it
    afterwards, so that a kill between the two loses nothing.
    """
    stepper = Stepper.from_settings(method, training, autocast)
    kept = {**method.players, **method.memory}
    start, history = 0, History()
    if resume.exists():
        start, state = restore(resume, digest, kept, stepper.optimisers, inputs)
        history = History(state)
        log.info("resumed after step %d from %s", start, resume)
    for player in method.players.values():
        player.train()
    on_gpu, steps = feed.device.type == "cuda", recorded(stepper, training, feed)
    shown = feed.shown()
    for step, batch in enumerate(batches(feed, start, training.iterations, ahead=on_gpu), start):
        share = schedule.factor(step, training)
        for optimiser in stepper.optimisers.values():
            schedule.set_rate(optimiser, share)
        history.add(steps.step(batch, step, step / training.iterations))
        done = step + 1
        if done % training.log_every == 0 or done == training.iterations:
            history.close_row(done, {"rate": share, **method.diagnostics(shown)})
        if done % training.checkpoint_every == 0 or done == training.iterations:
            save(resume, digest, done, kept, stepper.optimisers, history.state(), inputs)
        progress(done, training.iterations)
    return history
