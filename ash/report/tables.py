"""The paper's tables with ours beside them.

Ours is the mean over seeds with its sample deviation and n; `vs reference` is the paired difference to the table's
reference experiment with a 95 % bootstrap interval over seeds and images; rows that the paper prints and we have not run
keep their place, empty.  All figures in per cent.
"""

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ash.config import Settings
from ash.evaluation.scores import paired_bootstrap
from ash.files.atomic import write_json, write_text
from ash.labels import ABSENT_FROM_SYNTHIA, CLASSES, SUBSETS
from ash.report.published import Row, Table
from ash.report.runs import Runs

BOOTSTRAP_SEED = 0
NO_TABLE = Table(rows={})


def build_table(settings: Settings, name: str, runs: Runs, published: dict[str, Table]) -> pd.DataFrame:
    """One row for each (method, target): columns method, target, ours_mean, ours_sd, n, paper, difference, ...

    For 16 classes also `ours13` and `paper13`.  StoreError names runs that are missing.
    """
    table = settings.params.tables[name]
    runs.require(settings.rows(name), [f"{target}.json" for target in table.targets])
    printed = published.get(name, NO_TABLE)
    rows = []
    for experiment, row, label in _methods(settings, name, printed):
        for target in table.targets:
            cells: dict[str, Any] = {"method": label, "experiment": experiment, "target": target}
            cells |= _ours(settings, name, runs, experiment, target)
            paper = row.miou.get(target) if row else None
            cells |= {"paper": paper, "difference": _minus(cells.get("ours_mean"), paper)}
            if table.classes == 16 and target == table.targets[0]:
                ours13 = runs.miou(experiment, target, 13).mean() if experiment else None
                cells |= {"ours13": ours13, "paper13": row.miou13 if row else None}
            rows.append(cells)
    return pd.DataFrame(rows)


def _methods(settings: Settings, name: str, printed: Table) -> list[tuple[str | None, Row | None, str]]:
    """(our experiment, the paper's row, label), in the paper's order, then ours that it does not have."""
    entries = settings.params.experiments
    ours = {entries[e].tables[name]: e for e in settings.rows(name) if entries[e].tables[name] in printed.rows}
    methods: list[tuple[str | None, Row | None, str]] = [
        (ours.get(i), row, row.label) for i, row in printed.rows.items()
    ]
    extra = [e for e in settings.rows(name) if e not in ours.values()]
    return methods + [(e, None, entries[e].label or _default_label(published_name=e)) for e in extra]


def _default_label(published_name: str) -> str:
    return published_name.replace("_", " ")


def _ours(settings: Settings, name: str, runs: Runs, experiment: str | None, target: str) -> dict[str, Any]:
    """Our figures of a row; none if it is not run."""
    if experiment is None:
        return {}
    table = settings.params.tables[name]
    values = runs.miou(experiment, target, table.classes)
    cells = {"ours_mean": values.mean(), "ours_sd": values.std(ddof=1) if len(values) > 1 else None, "n": len(values)}
    if experiment == table.reference or target == "source":
        return cells  # sources may differ between rows, so their images do not pair
    interval = paired_bootstrap(
        *runs.pair(table.reference, experiment, target),
        table.classes,
        settings.protocol.evaluation.resamples,
        BOOTSTRAP_SEED,
    )
    return cells | {
        "vs_reference": 100 * interval.difference,
        "low": 100 * interval.low,
        "high": 100 * interval.high,
    }


def heading(settings: Settings, name: str) -> str:
    """A table's title, after the paper's number if it is one of the paper's."""
    title, number = settings.params.tables[name].title, name.removeprefix("table")
    return f"Table {number}. {title}" if number.isdigit() else title


def markdown(settings: Settings, name: str, frame: pd.DataFrame, published: dict[str, Table]) -> str:
    """A table for people, with its notes."""
    table = settings.params.tables[name]
    thirteen = {"ours13": "mIoU13, ours", "paper13": "paper"} if "ours13" in frame else {}
    if thirteen and frame["paper13"].isna().all():  # the paper prints them in Table 2 only
        del thirteen["paper13"]
    printed = set(frame.loc[frame["paper"].notna(), "target"])  # targets of which the paper has a figure
    head = ["method"]
    for target in table.targets:
        head.append(f"{target}, ours")
        head += ["paper", "difference"] if target in printed else []
        head += ["vs reference"] if target != "source" else []
    head += thirteen.values()
    lines = [head]
    for method, group in frame.groupby("method", sort=False):
        line = [str(method)]
        for _, row in group.iterrows():
            line.append(_mean(row))
            line += [_number(row["paper"]), _signed(row["difference"])] if row["target"] in printed else []
            line += [_interval(row)] if row["target"] != "source" else []
        line += [_number(group[column].iloc[0]) for column in thirteen]
        lines.append(line)
    seeds = len(settings.params.seeds)
    notes = [
        f"mIoU over {table.classes} classes in per cent; protocol `{settings.params.protocol}`; n = {seeds} seed(s)"
        + ("" if seeds > 1 else ", so differences between rows say nothing about the spread between seeds")
        + f". Reference row: `{table.reference}`; brackets: 95 % paired bootstrap over "
        + ("seeds and images." if seeds > 1 else "images."),
        *(f"{row.label}: {row.note}." for row in published.get(name, NO_TABLE).rows.values() if row.note),
    ]
    return f"### {heading(settings, name)}\n\n{grid(lines)}\n" + "".join(f"\n* {note}" for note in notes) + "\n"


def class_table(settings: Settings, name: str, runs: Runs, published: dict[str, Table]) -> pd.DataFrame:
    """IoU of each class, ours and the paper's where it prints them: a row for each (method, target, who)."""
    table, printed = settings.params.tables[name], published.get(name, NO_TABLE)
    shown = printed.classes or [c for k, c in enumerate(CLASSES) if k in SUBSETS[table.classes]]
    rows = []
    for experiment, row, label in _methods(settings, name, printed):
        for target in table.targets:
            if experiment:
                values = dict(zip(CLASSES, runs.class_iou(experiment, target), strict=True))
                rows.append({"method": label, "target": target, "who": "ours"} | {c: values[c] for c in shown})
            if row and target in row.per_class:
                cells = dict(zip(printed.classes, row.per_class[target], strict=True))
                rows.append({"method": label, "target": target, "who": "paper"} | cells)
    return pd.DataFrame(rows)


def class_markdown(settings: Settings, name: str, frame: pd.DataFrame, published: dict[str, Table]) -> str:
    """The class-wise table for people; misprints that were corrected are named below it."""
    values = [[_number(v) if isinstance(v, float) else str(v) for v in row] for row in frame.itertuples(index=False)]
    notes = [
        f"{row.label}: corrected {', '.join(f'{key} {value:.2f}' for key, value in row.corrected.items())} ({row.note})."
        for row in published.get(name, NO_TABLE).rows.values()
        if row.corrected
    ]
    if settings.params.tables[name].classes < 19:
        absent = ", ".join(ABSENT_FROM_SYNTHIA)
        notes.append(f"SYNTHIA lacks {absent}; the confusion matrix is 19-way all the same.")
    title = f"{heading(settings, name)}: IoU of each class, per cent"
    return f"### {title}\n\n{grid([list(frame.columns), *values])}\n" + "".join(f"\n* {note}" for note in notes) + "\n"


def write_table(settings: Settings, name: str, runs: Runs, published: dict[str, Table], out: Path) -> None:
    """Write out/<name>.{csv,md} and out/<name>_classes.{csv,md}."""
    frame, classes = build_table(settings, name, runs, published), class_table(settings, name, runs, published)
    write_text(out / f"{name}.csv", frame.to_csv(index=False, float_format="%.4f", lineterminator="\n"))
    write_text(out / f"{name}.md", markdown(settings, name, frame, published))
    write_text(out / f"{name}_classes.csv", classes.to_csv(index=False, float_format="%.4f", lineterminator="\n"))
    write_text(out / f"{name}_classes.md", class_markdown(settings, name, classes, published))


def write_metrics(settings: Settings, groups: Collection[str], runs: Runs, out: Path) -> None:
    """Write mIoU 19, 16 and 13 of the experiments of groups on every target, means over seeds in per cent, to 4 decimals."""
    targets, experiments = [*settings.params.targets, "source"], settings.experiments(groups)
    runs.require(experiments, [f"{target}.json" for target in targets])
    metrics = {
        experiment: {
            target: {f"miou{n}": round(float(runs.miou(experiment, target, n).mean()), 4) for n in SUBSETS}
            for target in targets
        }
        for experiment in experiments
    }
    write_json(out, metrics)


def write_iou(settings: Settings, groups: Collection[str], runs: Runs, out: Path) -> None:
    """Write IoU of every class in per cent as CSV, means over seeds: a row a class, a column an experiment and target.

    An empty cell is a class that the target's truth lacks.
    """
    columns = {
        f"{experiment} on {target}": runs.class_iou(experiment, target)
        for experiment in settings.experiments(groups)
        for target in settings.params.targets
    }
    frame = pd.DataFrame({"class": CLASSES, **columns})
    write_text(out, frame.to_csv(index=False, float_format="%.4f", lineterminator="\n"))


def grid(lines: Iterable[list[str]]) -> str:
    """A Markdown table; all but the first column to the right."""
    head, *rows = lines
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join("| " + " | ".join(line) + " |" for line in (head, rule, *rows))


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
