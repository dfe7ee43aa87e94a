"""Which classes a mean goes over: of those of a table, the ones that its sources and the target share, by one rule.

The rule is that of `ash.datasets._shared`.  Sets with all 19 classes, as the paper's, lose none by it.  On the target `source`
a row is scored on its own set, so that set alone counts; on any other target the rows stand beside each other, and all their
sources count.
"""

from collections.abc import Iterable
from typing import Any

import pandas as pd

from ash.config import SOURCE, Settings
from ash.datasets import _shared
from ash.labels import CLASSES, SUBSETS
from ash.report.runs import Runs

WITHOUT = "without_"  # begins the name of a column with the mean without classes in doubt


def among(settings: Settings, experiments: Iterable[str], target: str) -> frozenset[int]:
    """The train ids that the sets behind some experiments and a target share."""
    return _shared.shared(_sets(settings, experiments, target))


def left_out(settings: Settings, experiments: Iterable[str], target: str, classes: int) -> str | None:
    """A sentence on the classes of a subset that a mean leaves out by the rule, and those that it keeps; None if all count."""
    sets = _sets(settings, experiments, target)
    kept = _shared.shared(sets)
    if kept >= set(SUBSETS[classes]):
        return None
    names = [CLASSES[k] for k in SUBSETS[classes] if k in kept]
    owners = f"{sets[0]} has" if len(sets) == 1 else f"{' and '.join(sets)} share"
    return f"{target}: the mean is over the {len(names)} classes that {owners} ({', '.join(names)})"


def of_table(settings: Settings, name: str, experiment: str, target: str) -> frozenset[int]:
    """The train ids that a row's mean on a target may go over: the same for all rows of the table, but on their sources."""
    return among(settings, _rows(settings, name, experiment, target), target)


def without_doubt(settings: Settings, name: str, runs: Runs, experiment: str, target: str) -> dict[str, Any]:
    """A row's mean without the classes that are in doubt in one of the sets, by the name of its column; else nothing."""
    rows, classes = _rows(settings, name, experiment, target), settings.params.tables[name].classes
    doubted = _shared.doubtful(_sets(settings, rows, target))
    if not doubted:
        return {}
    values = runs.miou(experiment, target, classes, among(settings, rows, target) - doubted)
    return {WITHOUT + "_".join(CLASSES[k] for k in sorted(doubted)): values.mean()}


def second(frame: pd.DataFrame, target: str) -> list[str]:
    """The columns of a table's figures with means without classes in doubt, of those that a target has any of."""
    there = frame.loc[frame["target"] == target]
    return [column for column in frame if str(column).startswith(WITHOUT) and there[column].notna().any()]


def notes(settings: Settings, name: str) -> list[str]:
    """A note for each target of a table whose mean leaves classes out by the rule."""
    table, rows = settings.params.tables[name], settings.rows(name)
    lines = [left_out(settings, rows, target, table.classes) for target in table.targets if target != SOURCE]
    lines += list(
        dict.fromkeys(left_out(settings, [e], SOURCE, table.classes) for e in rows if SOURCE in table.targets)
    )
    return [f"{line}." for line in lines if line is not None]


def _rows(settings: Settings, name: str, experiment: str, target: str) -> list[str]:
    """The experiments whose sources tell the classes of a mean."""
    return [experiment] if target == SOURCE else settings.rows(name)


def _sets(settings: Settings, experiments: Iterable[str], target: str) -> list[str]:
    """The names of the sets, each once."""
    sources = [settings.params.experiments[name].source for name in experiments]
    return list(dict.fromkeys(sources if target == SOURCE else [*sources, target]))
