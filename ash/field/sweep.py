"""A seeded random search over the settings of a method, with the same number of trials for every method.

    trial 0       the settings as stated
    trial k > 0   each setting that has a range, drawn from it (`ash.field.ranges`)

A trial is an experiment of a generated settings file, trained and scored by the workflow, so a search that was cut goes on
where it was.  Every rule of `ash.evaluation.selection` picks a trial; what may enter a leaderboard is the pick of
leave-one-domain-out, which has seen no target.  The search is recorded as JSON in docs/results/sweep/, where git keeps it.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field, TypeAdapter
from typing_extensions import TypedDict

from ash.config import SOURCE, Settings
from ash.errors import ConfigError, known
from ash.evaluation.selection import RULES, select
from ash.field.inserted import flow
from ash.field.ranges import Ranges, drawn, ranges_of
from ash.field.worlds import UNHELD, columns, targets
from ash.files.atomic import write_json
from ash.report.means import among
from ash.report.records import read_json_as
from ash.report.runs import Runs
from ash.report.table import Table
from ash.report.table import columns as headed

RECORDS = Path("docs/results/sweep")
BY, ORACLE = "leave_one_domain_out", "oracle"
Share = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]


class Trial(TypedDict):
    """What was drawn, or stated of what others draw, and mIoU in per cent on each set."""

    settings: dict[str, float]
    miou: dict[str, Share]


class Record(TypedDict):
    """One search, and which trial each rule picks."""

    experiment: str
    protocol: str
    budget: int
    seed: int
    seeds: list[int]
    trials: dict[str, Trial]
    picks: dict[str, str]


_RECORD = TypeAdapter(Record)


def trials_of(
    settings: Settings,
    entries: Mapping[str, Mapping[str, Any]],
    name: str,
    stated: Mapping[str, Ranges],
    budget: int,
    seed: int,
) -> dict[str, dict[str, float]]:
    """What each trial of an experiment's search draws, by the trial's name; the first has what is stated.

    ConfigError if its method has no range.
    """
    if name not in entries:
        of_method = [e for e, entry in settings.params.experiments.items() if entry.method == name]
        more = f"; experiments of method {name}: {', '.join(of_method)}" if of_method else ""
        raise ConfigError(f"experiment {name!r} is not in params.yaml; {known(name, entries)}{more}")
    experiment = settings.experiment(name)
    ranges = ranges_of(experiment, stated)
    first = {key: experiment.settings[key] for key in sorted(ranges)}
    return {f"sweep_{name}_{k:02d}": drawn(name, ranges, k, seed) if k else first for k in range(budget)}


def as_entries(
    entries: Mapping[str, Mapping[str, Any]], name: str, trials: Mapping[str, Mapping[str, float]]
) -> dict[str, dict[str, Any]]:
    """The trials as experiments of a settings file; they stand in no table."""
    return {trial: {**entries[name], **settings, "tables": {}} for trial, settings in trials.items()}


def chosen_by(settings: Settings) -> str:
    """The set that settings may be chosen on; ConfigError if the protocol holds none out."""
    if (found := settings.protocol.held_out) is None:
        raise ConfigError(f"protocol {settings.params.protocol}: {UNHELD}")
    return found


def check_budget(names: Sequence[str], budget: int, protocol: str, records: Path = RECORDS) -> None:
    """ConfigError if the search of another experiment under this protocol has had another budget."""
    for path in sorted(records.glob("*.json")):
        record = read_record(path)
        if path.stem not in names and record["protocol"] == protocol and (found := record["budget"]) != budget:
            raise ConfigError(
                f"--budget {budget}: {path} has {found} trials, and budgets are equal for all; state --budget {found}, or "
                f"name {path.stem} in the same command"
            )


def read_record(path: Path) -> Record:
    """A search that was recorded; StoreError if the file is missing or holds none."""
    return read_json_as(_RECORD, path, "run `ash sweep`")


def record(
    settings: Settings,
    name: str,
    trials: Mapping[str, dict[str, float]],
    runs: Runs,
    seed: int,
    records: Path = RECORDS,
) -> Record:
    """Read what the trials scored, let each rule pick, and write the search down."""
    chosen_on, sets = chosen_by(settings), (SOURCE, *columns(settings))
    found = {t: Trial(settings=drew, miou=_miou(settings, name, t, sets, runs)) for t, drew in trials.items()}
    first, *others = found
    # The stated settings come last, so that "last" chooses nothing.
    scores = {trial: found[trial]["miou"] for trial in (*others, first)}
    made = Record(
        experiment=name,
        protocol=settings.params.protocol,
        budget=len(trials),
        seed=seed,
        seeds=list(runs.seeds),
        trials=found,
        picks={rule: select(scores, rule, targets(settings), source=SOURCE, held_out=chosen_on) for rule in RULES},
    )
    write_json(records / f"{name}.json", made)
    return made


def _miou(settings: Settings, name: str, trial: str, sets: Sequence[str], runs: Runs) -> dict[str, float]:
    """The mean over seeds on each set."""
    return {one: float(np.mean(runs.miou(trial, one, 19, among(settings, [name], one)))) for one in sets}


def table(settings: Settings, made: Record) -> Table:
    """A row for each rule: its pick, what that drew, and what it scores."""
    sets = list(next(iter(made["trials"].values()))["miou"])
    rows = []
    for rule, trial in made["picks"].items():
        picked = made["trials"][trial]
        drew = flow(picked["settings"]).strip("{}") + (" (as stated)" if trial == _first(made) else "")
        told = f"{rule} (chosen on the targets: never to be entered)" if rule == ORACLE else rule
        rows.append((told, trial, drew, *(f"{picked['miou'][one]:.1f}" for one in sets)))
    notes = (
        f"{made['budget']} trials, seed {made['seed']} of the draws, runs of seed(s) {', '.join(map(str, made['seeds']))}; "
        f"mIoU in per cent, protocol `{made['protocol']}`; {settings.protocol.held_out} is the domain that is held out.",
    )
    return Table(f"What each rule of selection picks for {made['experiment']}", headed(["rule", "trial", "drawn", *sets]),
                 tuple(rows), notes)  # fmt: skip


def adopted(made: Record) -> str:
    """What is to be done with the pick of leave-one-domain-out."""
    if (pick := made["picks"][BY]) == _first(made):
        return f"{made['experiment']}: {BY} picks the settings as stated; nothing is to be changed"
    picked = flow(made["trials"][pick]["settings"]).strip("{}")
    return f"{made['experiment']}: to adopt the pick of {BY}, state in its entry of params.yaml, or in one beside it: {picked}"


def _first(made: Record) -> str:
    """The trial with the settings as they were stated."""
    return next(iter(made["trials"]))
