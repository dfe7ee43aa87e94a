"""The paper's tables with ours beside them.

Ours is the mean over seeds with its sample deviation and n; `vs reference` is the paired difference to the table's
reference experiment with a 95 % interval over seeds, or over images alone where there is one seed; rows that the paper prints
and we have not run keep their place, empty.  All figures in per cent.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ash.config import SOURCE, Settings
from ash.evaluation.intervals import combined
from ash.evaluation.scores import shared as of_pair
from ash.files.atomic import write_text
from ash.labels import ABSENT_FROM_SYNTHIA, CLASSES, SUBSETS
from ash.report import means, sampling
from ash.report.markdown import markdown
from ash.report.paper import PaperRow, PaperTable
from ash.report.runs import Runs
from ash.report.table import Table, columns, write

Paper = Mapping[str, PaperTable]
NOT_IN_PAPER = PaperTable(rows={})


def write_tables(settings: Settings, name: str, runs: Runs, paper: Paper, out: Path) -> None:
    """Write a table and its class-wise form: out/<name>.{csv,md,table.json} and out/<name>_classes.{csv,md,table.json}.

    StoreError names runs that are missing.
    """
    figures, classes = miou_frame(settings, name, runs, paper), class_frame(settings, name, runs, paper)
    write_forms(figures, miou_table(settings, name, figures, paper, runs), out / name)
    write_forms(classes, class_table(settings, name, classes, paper), out / f"{name}_classes")


def write_forms(frame: pd.DataFrame, table: Table, stem: Path) -> None:
    """Write <stem>.csv for machines, <stem>.md for people, and <stem>.table.json for the report page."""
    write_text(stem.with_name(f"{stem.name}.csv"), frame.to_csv(index=False, float_format="%.4f", lineterminator="\n"))
    write_text(stem.with_name(f"{stem.name}.md"), markdown(table))
    write(table, stem.with_name(f"{stem.name}.table.json"))


def miou_frame(settings: Settings, name: str, runs: Runs, paper: Paper) -> pd.DataFrame:
    """One row for each (method, target): columns method, target, ours_mean, ours_sd, n, paper, difference, ...

    For 16 classes also `ours13` and `paper13`.  StoreError names runs that are missing.
    """
    table = settings.params.tables[name]
    runs.require(settings.rows(name), [f"{target}.json" for target in table.targets])
    rows = []
    for experiment, row, label in _methods(settings, name, paper):
        for target in table.targets:
            cells: dict[str, Any] = {"method": label, "experiment": experiment, "target": target}
            cells |= _ours(settings, name, runs, experiment, target)
            printed = row.miou.get(target) if row else None
            cells |= {"paper": printed, "difference": _minus(cells.get("ours_mean"), printed)}
            if table.classes == 16 and target == table.targets[0]:
                ours13 = runs.miou(experiment, target, 13).mean() if experiment else None
                cells |= {"ours13": ours13, "paper13": row.miou13 if row else None}
            rows.append(cells)
    return pd.DataFrame(rows)


def label_of(experiment: str) -> str:
    """What a row is called if neither the paper nor params.yaml has a label for it."""
    return experiment.replace("_", " ")


def _methods(settings: Settings, name: str, paper: Paper) -> list[tuple[str | None, PaperRow | None, str]]:
    """(our experiment, the paper's row, label), in the paper's order, then ours that it does not have."""
    entries, printed = settings.params.experiments, paper.get(name, NOT_IN_PAPER).rows
    ours = {entries[e].tables[name]: e for e in settings.rows(name) if entries[e].tables[name] in printed}
    methods: list[tuple[str | None, PaperRow | None, str]] = [
        (ours.get(i), row, row.label) for i, row in printed.items()
    ]
    extra = [e for e in settings.rows(name) if e not in ours.values()]
    return methods + [(e, None, entries[e].label or label_of(e)) for e in extra]


def _ours(settings: Settings, name: str, runs: Runs, experiment: str | None, target: str) -> dict[str, Any]:
    """Our figures of a row; none if it is not run."""
    if experiment is None:
        return {}
    table = settings.params.tables[name]
    shared = means.of_table(settings, name, experiment, target)
    values = runs.miou(experiment, target, table.classes, shared)
    cells = {"ours_mean": values.mean(), "ours_sd": values.std(ddof=1) if len(values) > 1 else None, "n": len(values)}
    cells |= means.without_doubt(settings, name, runs, experiment, target)
    if experiment == table.reference or target == SOURCE:
        return cells  # sources may differ between rows, so their images do not pair
    counts = runs.pairing((table.reference, experiment), target)
    drawn = sampling.blocks(runs, experiment, target)
    interval = combined((-1, 1), counts, of_pair(table.classes, shared), settings.protocol.evaluation.resamples, drawn)
    return cells | {
        "vs_reference": interval.difference,
        "low": interval.low,
        "high": interval.high,
        "interval": interval.over,
    }


def heading(settings: Settings, name: str) -> str:
    """A table's title, after the paper's number if it is one of the paper's."""
    title, number = settings.params.tables[name].title, name.removeprefix("table")
    return f"Table {number}. {title}" if number.isdigit() else title


def miou_table(settings: Settings, name: str, frame: pd.DataFrame, paper: Paper, runs: Runs) -> Table:
    """The table that people read, of the figures that `miou_frame` gives."""
    targets = settings.params.tables[name].targets
    thirteen = {"ours13": "mIoU13, ours", "paper13": "paper"} if "ours13" in frame else {}
    if thirteen and frame["paper13"].isna().all():  # the paper prints them in Table 2 only
        del thirteen["paper13"]
    printed = set(frame.loc[frame["paper"].notna(), "target"])  # targets of which the paper has a figure
    head = ["method"]
    for target in targets:
        head.append(f"{target}, ours")
        head += ["paper", "difference"] if target in printed else []
        head += ["vs reference"] if target != SOURCE else []
        head += [column.replace("_", " ") for column in means.second(frame, target)]
    head += thirteen.values()
    lines = []
    for first in range(0, len(frame), len(targets)):
        group = frame.iloc[first : first + len(targets)]
        line = [str(group["method"].iloc[0])]
        for _, row in group.iterrows():
            line.append(_mean(row))
            line += [_number(row["paper"]), _signed(row["difference"])] if row["target"] in printed else []
            line += [_interval(row)] if row["target"] != SOURCE else []
            line += [_number(row[column]) for column in means.second(frame, row["target"])]
        line += [_number(group[column].iloc[0]) for column in thirteen]
        lines.append(tuple(line))
    rows = paper.get(name, NOT_IN_PAPER).rows.values()
    notes = [
        _what_is_shown(settings, name, runs),
        *means.notes(settings, name),
        *sampling.notes(runs, settings.rows(name)[0], targets),
        *(f"{row.label}: {row.note}{_elsewhere(row, targets)}." for row in rows if row.note),
    ]
    return Table(heading(settings, name), columns(head), tuple(lines), tuple(notes))


def _elsewhere(row: PaperRow, targets: Sequence[str]) -> str:
    """Printed figures of a row on sets that the table does not show, to be put behind its note."""
    found = [f"{value:.1f} on {target}" for target, value in row.miou.items() if target not in targets]
    return f"; printed besides: {', '.join(found)}" if found else ""


def _what_is_shown(settings: Settings, name: str, runs: Runs) -> str:
    """The first note of a table: classes, protocol, seeds, reference row and brackets."""
    table, seeds = settings.params.tables[name], len(settings.params.seeds)
    brackets = (
        f"brackets: 95 % interval of the paired differences of {seeds} seeds (Student's t)"
        if seeds > 1
        else "brackets: 95 % over images only, one seed, so they say nothing about the spread between seeds"
    )
    return (
        f"mIoU over {table.classes} classes in per cent{_fewer_classes(settings, name, runs)}; "
        f"protocol `{settings.params.protocol}`; n = {seeds} seed(s). Reference row: `{table.reference}`; {brackets}."
    )


def _fewer_classes(settings: Settings, name: str, runs: Runs) -> str:
    """How many of the table's classes the labels of a target have, if those of any target lack some; else empty."""
    table = settings.params.tables[name]

    def subset(experiment: str, target: str) -> list[int]:
        shared = means.of_table(settings, name, experiment, target)
        return [k for k in SUBSETS[table.classes] if k in shared]

    counts = {
        target: sorted(
            {int((~np.isnan(runs.class_iou(e, target)[subset(e, target)])).sum()) for e in settings.rows(name)}
        )
        for target in table.targets  # the held-out images of two sources may differ
    }
    fewer = [
        f"{' or '.join(map(str, count))} on {target}" for target, count in counts.items() if count != [table.classes]
    ]
    return f", over those that a target has: {', '.join(fewer)}" if fewer else ""


def class_frame(settings: Settings, name: str, runs: Runs, paper: Paper) -> pd.DataFrame:
    """IoU of each class, ours and the paper's where it prints them: a row for each (method, target, who)."""
    table, printed = settings.params.tables[name], paper.get(name, NOT_IN_PAPER)
    shown = printed.classes or [c for k, c in enumerate(CLASSES) if k in SUBSETS[table.classes]]
    rows = []
    for experiment, row, label in _methods(settings, name, paper):
        for target in table.targets:
            if experiment:
                values = dict(zip(CLASSES, runs.class_iou(experiment, target), strict=True))
                rows.append({"method": label, "target": target, "who": "ours"} | {c: values[c] for c in shown})
            if row and target in row.per_class:
                cells = dict(zip(printed.classes, row.per_class[target], strict=True))
                rows.append({"method": label, "target": target, "who": "paper"} | cells)
    return pd.DataFrame(rows)


def class_table(settings: Settings, name: str, frame: pd.DataFrame, paper: Paper) -> Table:
    """The class-wise table that people read; misprints that were corrected are named below it."""
    rows = tuple(
        tuple(_number(value) if isinstance(value, float) else str(value) for value in row)
        for row in frame.itertuples(index=False)
    )
    notes = [
        f"{row.label}: corrected {', '.join(f'{key} {value:.2f}' for key, value in row.corrected.items())} ({row.note})."
        for row in paper.get(name, NOT_IN_PAPER).rows.values()
        if row.corrected
    ]
    if settings.params.tables[name].classes < len(CLASSES):
        absent = ", ".join(ABSENT_FROM_SYNTHIA)
        notes.append(f"SYNTHIA lacks {absent}; the confusion matrix is 19-way all the same.")
    return Table(f"{heading(settings, name)}: IoU of each class, per cent", columns(frame), rows, tuple(notes))


def _missing(value: Any) -> bool:
    return value is None or bool(np.isnan(value))


def _minus(ours: float | None, paper: float | None) -> float | None:
    return None if ours is None or paper is None else ours - paper


def _mean(row: pd.Series) -> str:
    if _missing(row.get("ours_mean")):
        return "-"
    if _missing(row["ours_sd"]):
        return f"{row['ours_mean']:.1f} (n=1)"
    return f"{row['ours_mean']:.1f} ± {row['ours_sd']:.1f} ({row['n']:.0f})"


def _number(value: float | None) -> str:
    return "-" if _missing(value) else f"{value:.1f}"


def _signed(value: float | None) -> str:
    return "-" if _missing(value) else f"{value:+.1f}"


def _interval(row: pd.Series) -> str:
    if _missing(row.get("vs_reference")):
        return "-"
    return f"{row['vs_reference']:+.1f} [{row['low']:+.1f}, {row['high']:+.1f}]"
