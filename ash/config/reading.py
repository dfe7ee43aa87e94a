"""Reads params.yaml and its protocol, and checks them: each section by itself, then what no single section can see."""

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from ash.config.messages import faults
from ash.config.sections import Params, Protocol
from ash.config.settings import Settings
from ash.errors import ConfigError, flat, several

T = TypeVar("T", bound=BaseModel)
SOURCE = "source"  # the target that stands for the held-out images of an experiment's own source


def load(path: Path, protocol_name: str | None = None) -> Settings:
    """Read and check params.yaml and its protocol, protocols/<protocol>.yaml beside it, or another one beside it.

    Raises ConfigError that lists every fault, a line each.
    """
    params = _validated(Params, path)
    if protocol_name is not None:
        params = params.model_copy(update={"protocol": protocol_name})
    protocol = _validated(Protocol, path.parent / "protocols" / f"{params.protocol}.yaml")
    settings = Settings(params=params, protocol=protocol)
    faults = _cross_check(settings)
    if faults:
        raise ConfigError(several(f"{path}: {len(faults)} fault(s)", faults))
    return settings


def _validated(model: type[T], path: Path) -> T:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as cause:
        raise ConfigError(f"{path}: missing; run from the folder that holds params.yaml") from cause
    except yaml.YAMLError as cause:
        raise ConfigError(f"{path}: not YAML ({flat(cause)})") from cause
    try:
        return model.model_validate(content)
    except ValidationError as cause:
        raise ConfigError(several(f"{path}: {cause.error_count()} fault(s)", faults(cause))) from cause


def _cross_check(settings: Settings) -> list[str]:
    """Faults that no single section can see."""
    params, protocol = settings.params, settings.protocol
    sets = [
        ("targets", settings.targets),
        ("style_set", [protocol.style_set]),
        *((f"experiments.{n}.source", [e.source]) for n, e in params.experiments.items()),
        *((f"experiments.{n}.target", [e.target]) for n, e in params.experiments.items() if e.target),
    ]
    described = f"{', '.join(protocol.datasets) or 'none'}; describe it under `datasets` there"
    undescribed = [
        f"{where}: {name!r} is not a data set of protocols/{params.protocol}.yaml; known: {described}"
        for where, names in sets
        for name in names
        if name not in protocol.datasets
    ]
    checks: list[tuple[str, Iterable[str], Collection[str]]] = [
        *((f"experiments.{n}.tables", e.tables, params.tables) for n, e in params.experiments.items()),
        ("groups", params.groups, dict.fromkeys(table.group for table in params.tables.values())),
        *((f"tables.{n}.targets", t.targets, (*settings.targets, SOURCE)) for n, t in params.tables.items()),
        *((f"tables.{n}.reference", [t.reference], settings.rows(n)) for n, t in params.tables.items()),
        *((f"figures.{n}", f.values(), params.standard) for n, f in params.figures.items()),
    ]
    unknown = [
        f"{where}: {name!r} is unknown; known: {', '.join(known) or 'none'}"
        for where, names, known in checks
        for name in names
        if name not in known
    ]
    return undescribed + _late(settings) + unknown


def _late(settings: Settings) -> list[str]:
    """Experiments that only `everything` trains, in tables that the default target builds."""
    tables, entries = settings.tables(settings.params.groups), settings.params.experiments
    return [
        f"more_experiments.{name}: in {table}, which the default target builds; move it to `experiments`"
        for name in settings.params.more_experiments
        for table in tables
        if table in entries[name].tables
    ]
