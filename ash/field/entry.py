"""What a leaderboard asks of an experiment, and what it takes down of one that may enter.

* n >= 5: five seeds or more are scored on every target of params.yaml;
* its runs have the settings that params.yaml states today;
* no setting was chosen on a target: a setting with a range that the experiment states for itself is the pick of
  leave-one-domain-out in a search that is recorded, of this experiment or of one that is alike but for what was searched;
* the code of its method is in the repository, as it was committed.
"""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ash.config import SOURCE, Settings
from ash.errors import ConfigError, flat
from ash.field.ranges import Ranges
from ash.field.sweep import BY, RECORDS, Record, read_record
from ash.field.worlds import columns
from ash.files.atomic import digest, read_json
from ash.report.means import among
from ash.report.runs import Runs
from ash.report.tables import label_of

LEAST = 5  # seeds of an entry
STATED = "as stated"  # no setting was searched
DIGEST = 8  # characters of a digest that are shown


@dataclass(frozen=True)
class Entry:
    """An experiment that may enter: `miou` has a value in per cent for each seed, or None for a set that was not scored."""

    experiment: str
    label: str
    digest: str
    seeds: tuple[int, ...]
    miou: Mapping[str, np.ndarray | None]
    chosen: str
    commit: str


def entered(settings: Settings, name: str, there: Runs, ranges: Mapping[str, Ranges], records: Path = RECORDS) -> Entry:
    """The entry of an experiment.  ConfigError, in a line, for one that may not enter."""
    experiment = settings.experiment(name)
    seeds = scored_seeds(settings, name, there)
    if len(seeds) < LEAST:
        raise ConfigError(f"{name}: n = {len(seeds)}, wanted {LEAST} or more; train more seeds (`make leaderboard`)")
    runs = replace(there, seeds=seeds)
    stated = experiment.model_dump(mode="json")
    for seed in seeds:
        path = runs.path(name, seed, "provenance.json")
        if read_json(path).get("settings") != stated:
            raise ConfigError(f"{name}: {path} is of other settings than params.yaml states; train it again")
    return Entry(
        experiment=name,
        label=settings.params.experiments[name].label or label_of(name),
        digest=digest({key: value for key, value in stated.items() if key != "name"})[:DIGEST],
        seeds=seeds,
        miou={one: _miou(settings, name, one, runs) for one in columns(settings)},
        chosen=_chosen(settings, name, ranges, records),
        commit=_commit(_code(experiment.method)),
    )


def scored_seeds(settings: Settings, name: str, runs: Runs) -> tuple[int, ...]:
    """The seeds of an experiment that are trained, and scored on its source and on every target of params.yaml."""
    names = [*(f"{target}.json" for target in (SOURCE, *settings.params.targets)), "provenance.json"]
    found = runs.path(name, 0, f"{SOURCE}.json").parent.parent.glob("seed*")
    seeds = sorted(int(folder.name[4:]) for folder in found if folder.name[4:].isdecimal())
    return tuple(seed for seed in seeds if all(runs.path(name, seed, file).is_file() for file in names))


def _miou(settings: Settings, name: str, one: str, runs: Runs) -> np.ndarray | None:
    """Of each seed; None where any of them was not scored on the set."""
    if not all(runs.path(name, seed, f"{one}.json").is_file() for seed in runs.seeds):
        return None
    return runs.miou(name, one, 19, among(settings, [name], one))


def _chosen(settings: Settings, name: str, ranges: Mapping[str, Ranges], records: Path) -> str:
    """How its settings were chosen; ConfigError if it may have been on a target."""
    experiment, own = settings.experiment(name), settings.params.experiments[name].model_extra or {}
    for path in sorted(records.glob("*.json")):
        if _is_pick(settings, name, found := read_record(path)):
            return f"{BY}, {found['budget']} trials"
    if searched := [key for key in ranges.get(experiment.method, {}) if key in own]:
        raise ConfigError(
            f"{name}: states {', '.join(searched)} for itself, and no search in {records} under {settings.params.protocol} "
            f"picks its settings by {BY}; run `ash sweep {name}` and state that pick"
        )
    return STATED


def _is_pick(settings: Settings, name: str, search: Record) -> bool:
    """Whether an experiment has the settings of the one that was searched, but for what leave-one-domain-out picked."""
    if search["protocol"] != settings.params.protocol or search["experiment"] not in settings.params.experiments:
        return False
    picked = search["trials"][search["picks"][BY]]["settings"]
    wanted, found = (settings.experiment(one).model_dump(exclude={"name"}) for one in (search["experiment"], name))
    return bool(found == {**wanted, "settings": {**wanted["settings"], **picked}})


def _code(method: str) -> Path:
    """The file or folder of a method."""
    folder = Path("ash/methods") / method
    return folder if folder.is_dir() else folder.with_suffix(".py")


def _commit(path: Path) -> str:
    """The last commit of a file or folder; ConfigError if it is not in the repository as it lies here."""
    if changed := _git("status", "--porcelain", "--", str(path)):
        raise ConfigError(f"{path}: not as it was committed ({changed.split()[0]}); commit it")
    if not (found := _git("log", "-1", "--format=%h", "--", str(path))):
        raise ConfigError(f"{path}: in no commit; commit it")
    return found


def _git(*words: str) -> str:
    try:
        done = subprocess.run(["git", *words], capture_output=True, text=True, check=False)  # noqa: S603, S607
    except FileNotFoundError as cause:
        raise ConfigError("git is not installed, and an entry names the commit of its code; install it") from cause
    if done.returncode:
        raise ConfigError(f"git: {flat(Exception(done.stderr))}; an entry names the commit of its code")
    return done.stdout.strip()
