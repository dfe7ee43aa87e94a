"""The leaderboard: every experiment that may enter, by its mean over the targets, with what it costs and where its code is."""

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ash.config import Settings
from ash.errors import ConfigError
from ash.evaluation.intervals import over_seeds
from ash.field.entry import LEAST, Entry, entered
from ash.field.ranges import Ranges
from ash.field.side_by_side import spread, told
from ash.field.sweep import BY, RECORDS
from ash.field.worlds import columns, targets
from ash.report.markdown import grid
from ash.report.records import read_costs
from ash.report.runs import Runs
from ash.report.table import Column

REFERENCE = "stylised_segmentation_loss"
GROUPS = ("rivals", "successor")  # of tables whose experiments enter besides those of the default target
NONE = "-"
WIDTH = 100  # characters of a line of the page
MARK = "<!-- Written by `ash leaderboard`; run `make leaderboard` to write it again. -->"


def candidates(settings: Settings, reference: str = REFERENCE) -> list[str]:
    """The experiments that a leaderboard is about, the reference among them, in the order of params.yaml.

    They learn from the reference's source without images of a target, and stand in a table of the default target, of GROUPS,
    or, as a method that was added, in none.  ConfigError if there is no such reference.
    """
    source = settings.experiment(reference).source
    groups = (*settings.params.groups, *GROUPS)
    shown = {name for name, table in settings.params.tables.items() if table.group in groups}
    return [
        name
        for name, entry in settings.params.experiments.items()
        if entry.source == source and entry.target is None and (not entry.tables or shown & set(entry.tables))
    ]


def enter(
    settings: Settings, names: Sequence[str], runs: Runs, ranges: Mapping[str, Ranges], records: Path = RECORDS
) -> tuple[list[Entry], list[str]]:
    """The entries of those experiments that may enter, and a line for each that may not."""
    entries, refused = [], []
    for name in names:
        try:
            entries.append(entered(settings, name, runs, ranges, records))
        except ConfigError as cause:
            refused.append(str(cause) if str(cause).startswith(f"{name}: ") else f"{name}: {cause}")
    return entries, refused


def page(settings: Settings, entries: Sequence[Entry], seconds: Mapping[str, float], reference: str = REFERENCE) -> str:
    """The page in Markdown.  `seconds` has the processor time of a step of experiments, as far as it was measured."""
    common = _common(settings, entries)
    base = next((entry for entry in entries if entry.experiment == reference), None)
    ranked = sorted(entries, key=lambda entry: -_mean(entry, common).mean())
    against = f"mean, minus `{reference}`"
    head = ["method", "settings", "n", *columns(settings), "mean", against, "chosen by", "seconds a step", "commit"]
    rows = [
        [
            entry.label,
            f"`{entry.digest}`",
            str(len(entry.seeds)),
            *(_cell(entry.miou[one]) for one in columns(settings)),
            f"{_mean(entry, common).mean():.1f}",
            _against(entry, base, common),
            entry.chosen,
            f"{seconds[entry.experiment]:.3f}" if entry.experiment in seconds else NONE,
            f"`{entry.commit}`",
        ]
        for entry in ranked
    ]
    headers = [Column(head[0], "left"), *(Column(header) for header in head[1:])]
    return "\n\n".join([MARK, "# Leaderboard", _intro(settings), grid(headers, rows), _rules()]) + "\n"


def seconds_of(measured: Path) -> dict[str, float]:
    """Seconds of a step of each experiment that `ash bench cost` measured, processor time on a CPU; none without its file."""
    if not measured.is_file():
        return {}
    return {row["experiment"]: row["least_ms"] / 1e3 for row in read_costs(measured)}


def _common(settings: Settings, entries: Sequence[Entry]) -> list[str]:
    """The sets that a mean goes over: those that every entry was scored on, so that means compare."""
    return [one for one in targets(settings) if all(entry.miou[one] is not None for entry in entries)]


def _mean(entry: Entry, common: Sequence[str]) -> np.ndarray:
    """Of each seed, over those sets."""
    return np.mean([values for one in common if (values := entry.miou[one]) is not None], 0)


def _against(entry: Entry, base: Entry | None, common: Sequence[str]) -> str:
    """The paired difference to the reference, of the seeds that both have."""
    if base is None or entry is base:
        return NONE
    both = sorted({*entry.seeds} & {*base.seeds})
    if len(both) < LEAST:
        return NONE
    own, theirs = ([_mean(one, common)[one.seeds.index(seed)] for seed in both] for one in (entry, base))
    return told(over_seeds(np.subtract(own, theirs)))


def _cell(values: np.ndarray | None) -> str:
    return NONE if values is None else spread(values)


def _intro(settings: Settings) -> str:
    third = settings.protocol.held_out
    held = (
        f" `{third}` is nobody's target: settings may be chosen on it, and it does not count in the mean."
        if third
        else ""
    )
    text = (
        f"mIoU over 19 classes in per cent, mean and deviation of the seeds, protocol `{settings.params.protocol}`. The mean "
        f"is over the targets that every row was scored on; the bracket behind a difference is the 95 % interval of the paired "
        f"differences of seeds (Student's t). A set that a row was not scored on has `{NONE}`.{held} Seconds are processor "
        "time, the least that a step took (`ash bench cost`). `settings` is a digest of all that a run depends on besides its "
        "seed, and `commit` the last one of the method's code."
    )
    return textwrap.fill(text, WIDTH)


def _rules() -> str:
    return (
        "## Rules of entry\n\n"
        f"* There are {LEAST} seeds or more, all trained with the settings that `params.yaml` states.\n"
        f"* No setting was chosen on a target. Settings are `as stated`, or what `ash sweep` finds by {BY}: a search with\n"
        "  as many trials as any other method has, which is recorded in `docs/results/sweep/`.\n"
        "* The code of the method is committed in this repository.\n\n"
        "`ash leaderboard` names whatever does not enter, with the reason. [Add a method](guide/add_a_method.md) shows how to\n"
        "enter one."
    )
