"""Which of several trials is taken, by the names of DomainBed (Gulrajani & Lopez-Paz, ICLR 2021).

    last                  the last in their order: the end of a training, as every table here reports it; nothing is chosen
    source_validation     best on held-out images of the source ("training-domain validation")
    leave_one_domain_out  best on a labelled domain that is neither source nor target
    oracle                best mean over the targets themselves: what no rule can know, shown as a bound and never entered

Trials are checkpoints of a training or draws of a sweep.  A sweep's order means nothing, so there `last` is one at random.  Of
trials that score the same the first is taken.
"""

import math
from collections.abc import Callable, Collection, Mapping, Sequence

from ash.errors import ConfigError, known

Trials = Mapping[str, Mapping[str, float]]
"""mIoU by trial and set, trials in their order."""
SOURCE = "source"  # the name of held-out images of a trial's own source
HELD_OUT = "kitti"  # the miniature's third world; each protocol names its own under `held_out`


def best(trials: Trials, sets: Sequence[str]) -> str:
    """The first trial with the highest mean over those sets; ConfigError if one has no score there."""
    for trial, scores in trials.items():
        for name in sets:
            if math.isnan(scores.get(name, math.nan)):
                raise ConfigError(
                    f"trial {trial!r}: has no score on {name}, by which it is to be chosen; score it there"
                )
    return max(trials, key=lambda trial: math.fsum(trials[trial][name] for name in sets))


Rule = Callable[[Trials, Sequence[str], str, str], str]
"""From trials, targets, the source's and the held-out set's names to a trial."""
RULES: dict[str, Rule] = {
    "last": lambda trials, targets, source, held_out: list(trials)[-1],
    "source_validation": lambda trials, targets, source, held_out: best(trials, [source]),
    "leave_one_domain_out": lambda trials, targets, source, held_out: best(trials, [held_out]),
    "oracle": lambda trials, targets, source, held_out: best(trials, targets),
}
DEFAULT, ORACLE = "last", "oracle"


def select(trials: Trials, rule: str, targets: Collection[str], source: str = SOURCE, held_out: str = HELD_OUT) -> str:
    """The trial that a rule of `RULES` takes.

    ConfigError for an unknown rule, without trials or targets, where a trial has no score that the rule reads, and where the
    held-out set is a target or the source.
    """
    if rule not in RULES:
        raise ConfigError(f"rule of selection {rule!r} is unknown; {known(rule, RULES)}")
    if not trials or not targets:
        raise ConfigError(
            f"rule of selection {rule}: {len(trials)} trials and {len(targets)} targets; name one of each at least"
        )
    if held_out in (*targets, source):
        raise ConfigError(
            f"held_out: {held_out!r} is the source or a target, and selection must not see those; name another set"
        )
    return RULES[rule](trials, list(targets), source, held_out)
