"""The table of claims with their answers, and every contrast of a claim on every target, for the forest plot.

Figures are in the unit of a claim: points of mIoU, per cent of all classes' change (style), share of passes (cost).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from ash.config import Settings
from ash.evaluation.intervals import Interval
from ash.files.atomic import write_text
from ash.labels import classes_of
from ash.report.claims import AnyClaim, Contrast, Cost, Order, Style
from ash.report.table import Column, Table
from ash.report.tables import write_forms
from ash.report.verdicts import World, answer

TITLE = "Claims: what the paper says, what was measured here, and whether it holds"
COLUMNS = (
    Column("claim", "left"),
    Column("verdict", "left", "verdict"),  # second, so that a narrow window shows it
    Column("printed"),
    Column("measured"),
    Column("n"),
    Column("95 % interval"),
    Column("why", "left"),
    Column("where", "left"),
    Column("id", "left"),
)


def write_claims(claims: Mapping[str, AnyClaim], world: World, out: Path) -> None:
    """Write out/claims.{csv,md,table.json} and out/contrasts.csv; StoreError names runs that are missing."""
    frame = answers(claims, world)
    write_forms(frame, claims_table(frame, world.settings), out / "claims")
    contrasts = contrasts_of(claims, world).to_csv(index=False, float_format="%.4f", lineterminator="\n")
    write_text(out / "contrasts.csv", contrasts)


def answers(claims: Mapping[str, AnyClaim], world: World) -> pd.DataFrame:
    """One row a claim, in the order of the file; empty cells where nothing was printed or measured."""
    rows = []
    for name, claim in claims.items():
        found = answer(claim, world)
        printed = claim.printed if isinstance(claim, Contrast | Order) else None
        rows.append(
            {
                "id": name,
                "claim": claim.claim,
                "where": claim.where,
                "by": claim.by,
                "kind": claim.kind,
                "target": claim.target if isinstance(claim, Contrast | Order) else None,
                "printed_first": printed[0] if printed else None,
                "printed_second": printed[1] if printed else None,
                "printed": printed[0] - printed[1] if printed else None,
                "measured": found.measured,
                "unit": _unit(claim) if found.measured is not None else None,
                "n": found.n,
                "low": found.low,
                "high": found.high,
                "over": found.over,
                "verdict": found.verdict,
                "why": found.why,
            }
        )
    return pd.DataFrame(rows, columns=list(FIELDS)).astype({"n": "Int64"})


FIELDS = (
    "id", "claim", "where", "by", "kind", "target", "printed_first", "printed_second", "printed", "measured", "unit", "n",
    "low", "high", "over", "verdict", "why",
)  # fmt: skip


def _unit(claim: AnyClaim) -> str:
    if isinstance(claim, Style):
        return "per cent of all classes' change"
    return "times the passes" if isinstance(claim, Cost) else "points"


def claims_table(frame: pd.DataFrame, settings: Settings) -> Table:
    """The table that people read: the paper's claims, then this project's."""
    rows = tuple(tuple(_cells(row)) for by in ("paper", "project") for _, row in frame[frame["by"] == by].iterrows())
    return Table(TITLE, COLUMNS, rows, _notes(frame, settings))


def _cells(row: pd.Series) -> list[str]:
    """A line of the table."""
    printed, measured, interval = "-", "-", "-"
    if not pd.isna(row["printed"]):
        printed = f"{row['printed']:+.2f} ({row['printed_first']:g} - {row['printed_second']:g})"
    if not pd.isna(row["measured"]):
        measured = f"{row['measured']:.2f}" if row["kind"] == "cost" else f"{row['measured']:+.2f}"
    if not pd.isna(row["low"]):
        interval = f"[{row['low']:+.2f}, {row['high']:+.2f}]{' over images only' if row['over'] == 'images' else ''}"
    n = "-" if pd.isna(row["n"]) else str(row["n"])
    who = row["where"] if row["by"] == "paper" else f"ours: {row['where']}"
    return [row["claim"], row["verdict"], printed, measured, n, interval, row["why"], who, row["id"]]


def _notes(frame: pd.DataFrame, settings: Settings) -> tuple[str, ...]:
    seeds = len(settings.params.seeds)
    interval = (
        f"Intervals are of the paired differences of {seeds} seeds (Student's t), so they hold the noise of images too."
        if seeds > 1
        else "One seed says nothing about others: no claim that seeds decide can be told, and an interval is over images only."
    )
    if frame.empty:
        return ("params.yaml names no file of `claims`.",)
    return (
        f"Protocol `{settings.params.protocol}`, n = {seeds} seed(s). {interval}",
        "Measured is in points of mIoU, in per cent of all classes' change (style), or as a share of passes (cost).",
        "A claim holds if the whole interval is where the claim has it, does not hold if it is all on the other side, and "
        "cannot be told otherwise. The size that the paper prints decides nothing.",
    )


def contrasts_of(claims: Mapping[str, AnyClaim], world: World) -> pd.DataFrame:
    """Each difference between two experiments that a claim is about, on every target: a row each, measured ones only.

    Columns contrast, by, classes, target, measured, low, high, over, n, printed.
    """
    pairs: dict[tuple[str, str], dict[str, float | None]] = {}
    whose: dict[tuple[str, str], str] = {}
    for claim in claims.values():
        if isinstance(claim, Contrast) and not claim.classes and {*claim.experiments()} <= {*world.trained}:
            for second in claim.seconds:
                pair = (claim.first, second)
                printed = pairs.setdefault(pair, {})
                whose.setdefault(pair, claim.by)
                if claim.printed and len(claim.seconds) == 1:
                    printed[claim.target] = claim.printed[0] - claim.printed[1]
    rows = [
        _contrast_row(pair, whose[pair], target, world, printed.get(target))
        for pair, printed in pairs.items()
        for target in world.settings.targets
    ]
    return pd.DataFrame(rows, columns=list(CONTRAST_FIELDS))


CONTRAST_FIELDS = ("contrast", "by", "classes", "target", "measured", "low", "high", "over", "n", "printed")


def _contrast_row(pair: tuple[str, str], by: str, target: str, world: World, printed: float | None) -> dict[str, Any]:
    found: Interval = world.contrast(*pair, target)
    return {
        "contrast": " - ".join(pair),
        "by": by,
        "classes": max(classes_of(world.settings.experiment(name).source) for name in pair),
        "target": target,
        "measured": found.difference,
        "low": found.low,
        "high": found.high,
        "over": found.over,
        "n": len(world.runs.seeds),
        "printed": printed,
    }
