"""One experiment beside others, seed by seed: means, and the paired difference with its interval (Student's t)."""

from collections.abc import Sequence

import numpy as np

from ash.config import Settings
from ash.errors import ConfigError, known
from ash.evaluation.intervals import Interval, over_seeds
from ash.report.means import among
from ash.report.runs import Runs
from ash.report.table import Table, columns
from ash.report.tables import label_of

BESIDE = ("source_only", "colour_jitter", "stylised_segmentation_loss", "asm")  # what a method is tried beside
MEAN = "mean"  # of all targets, as a column


def beside(settings: Settings, name: str, others: Sequence[str]) -> list[str]:
    """The experiments that one is tried beside; ConfigError for those that there are not, or that learn from another set."""
    entries = settings.params.experiments
    for one in (name, *others):
        if one not in entries:
            raise ConfigError(f"experiment {one!r} is not in params.yaml; {known(one, entries)}")
        if entries[one].source != entries[name].source:
            raise ConfigError(
                f"experiment {one!r}: learns from {entries[one].source}, and {name} from {entries[name].source}; name others "
                "with --beside"
            )
    return [one for one in dict.fromkeys(others) if one != name]


def figures(settings: Settings, experiment: str, runs: Runs) -> dict[str, np.ndarray]:
    """mIoU of each seed in per cent, (S,), on each target, and their mean over the targets."""
    found = {
        target: runs.miou(experiment, target, 19, among(settings, [experiment], target)) for target in settings.targets
    }
    return {**found, MEAN: np.mean(list(found.values()), 0)}


def table(settings: Settings, name: str, others: Sequence[str], runs: Runs) -> Table:
    """A row for the experiment and for each of the others, whose differences are: the experiment minus the row's."""
    runs.require((name, *others), [f"{target}.json" for target in settings.targets])
    own = figures(settings, name, runs)
    shown = [*settings.params.targets, MEAN]
    head = ["method", *(word for target in shown for word in (target, f"{label_of(name)} is better by"))]
    rows = [(_label(settings, name), *(cell for target in shown for cell in (spread(own[target]), "-")))]
    for other in others:
        theirs = figures(settings, other, runs)
        cells = [(spread(theirs[target]), _signed(own[target] - theirs[target])) for target in shown]
        rows.append((_label(settings, other), *(cell for pair in cells for cell in pair)))
    return Table(f"{_label(settings, name)} beside others", columns(head), tuple(rows), (_note(settings),))


def reading(settings: Settings, name: str, others: Sequence[str], runs: Runs) -> list[str]:
    """A sentence on each of the others, about the mean over all targets."""
    own = figures(settings, name, runs)[MEAN]
    return [
        _sentence(_label(settings, name), _label(settings, o), own - figures(settings, o, runs)[MEAN]) for o in others
    ]


def _sentence(name: str, other: str, differences: np.ndarray) -> str:
    """What the seeds tell."""
    if len(differences) < 2:
        return f"{name} and {other} cannot be told apart: one seed says nothing about others."
    found = over_seeds(differences)
    if found.low <= 0 <= found.high:
        return f"{name} and {other} cannot be told apart: {told(found)} points, and 0 lies within."
    return f"{name} is {'better' if found.low > 0 else 'worse'} than {other}: {told(found)} points."


def _note(settings: Settings) -> str:
    return (
        f"mIoU in per cent, protocol `{settings.params.protocol}`, n = {len(settings.params.seeds)} seed(s); brackets: 95 % "
        f"interval of the paired differences of seeds (Student's t); {MEAN}: over {', '.join(settings.targets)}."
    )


def _label(settings: Settings, name: str) -> str:
    return settings.params.experiments[name].label or label_of(name)


def spread(values: np.ndarray) -> str:
    """Mean of the seeds, and their deviation where there are several."""
    return f"{values.mean():.1f}" + (f" ± {values.std(ddof=1):.1f}" if len(values) > 1 else "")


def _signed(differences: np.ndarray) -> str:
    return f"{differences.mean():+.1f}" if len(differences) < 2 else told(over_seeds(differences))


def told(found: Interval) -> str:
    """A paired difference and its interval."""
    return f"{found.difference:+.1f} [{found.low:+.1f}, {found.high:+.1f}]"
