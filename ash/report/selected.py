"""What each rule of selection takes of several trials, side by side (`ash.evaluation.selection`)."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ash.config import SOURCE, Settings
from ash.errors import ConfigError, known
from ash.evaluation.selection import DEFAULT, ORACLE, RULES, Trials, select
from ash.report.means import among
from ash.report.records import read_scores
from ash.report.runs import Runs
from ash.report.table import Table, columns

LABELS = {DEFAULT: f"{DEFAULT} (default)", ORACLE: f"{ORACLE} (looks at the targets)"}


def sets_of(settings: Settings) -> tuple[str, list[str]]:
    """The held-out set and all targets of a protocol, further ones among them; ConfigError if it holds none out."""
    held_out = settings.protocol.held_out
    if held_out is None:
        raise ConfigError(
            f"protocol {settings.params.protocol}: no set is held out for selection; name one under `held_out`"
        )
    return held_out, list(dict.fromkeys((*settings.targets, *settings.protocol.further_targets)))


def of_runs(settings: Settings, runs: Runs, experiments: Sequence[str]) -> dict[str, dict[str, float]]:
    """mIoU of experiments in per cent on every set that a rule reads or the table shows, means over seeds."""
    held_out, targets = sets_of(settings)
    for name in experiments:
        if name not in settings.params.experiments:
            raise ConfigError(f"experiment {name!r} is not in params.yaml; {known(name, settings.params.experiments)}")
    runs.require(experiments, [f"{name}.json" for name in (SOURCE, held_out, *targets)])

    def mean(experiment: str, name: str) -> float:
        return float(np.mean(runs.miou(experiment, name, 19, among(settings, [experiment], name))))

    return {e: {name: mean(e, name) for name in (SOURCE, held_out, *targets)} for e in experiments}


def of_folders(settings: Settings, folders: Mapping[str, Path]) -> dict[str, dict[str, float]]:
    """The same of score files NAME.json in a folder for each trial, one run each, over the classes in the labels."""
    held_out, targets = sets_of(settings)
    found: dict[str, dict[str, float]] = {}
    for trial, folder in folders.items():
        stated = {name: read_scores(folder / f"{name}.json")["miou"]["19"] for name in (SOURCE, held_out, *targets)}
        found[trial] = {name: np.nan if value is None else 100 * value for name, value in stated.items()}
    return found


def selection_table(settings: Settings, trials: Trials) -> Table:
    """A row for each rule: the trial that it takes, and what that scores; mIoU in per cent."""
    held_out, targets = sets_of(settings)
    sets = (SOURCE, held_out, *targets)
    rows = []
    for rule in RULES:
        taken = select(trials, rule, targets, SOURCE, held_out)
        scores = trials[taken]
        mean = np.mean([scores[name] for name in targets])
        rows.append((LABELS.get(rule, rule), taken, *(f"{scores[name]:.1f}" for name in sets), f"{mean:.1f}"))
    note = (
        f"{len(trials)} trials; mIoU in per cent; protocol `{settings.params.protocol}`. source_validation looks at "
        f"`{SOURCE}`, leave_one_domain_out at `{held_out}`, oracle at the mean of the targets: it is a bound, not a rule."
    )
    return Table("Selection", columns(["rule", "trial", *sets, "mean of targets"]), tuple(rows), (note,))
