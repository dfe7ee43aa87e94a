"""params.yaml and the protocol it names, checked once and turned into frozen sections.

`params.yaml` holds what is common to every scale: experiments, tables, seeds, and the scale-free settings of each
method.  `protocols/<name>.yaml` holds what depends on scale: sizes, networks, optimisers, loss weights.  A setting of
an experiment is looked up in the experiment itself, then in the protocol's `methods`, then in `params.yaml`'s
`methods`.  Every number of an experiment stands in one of these two files; the code has no defaults.

    settings = load(Path("params.yaml"))          # ConfigError: one line for each fault
    settings.experiment("ash")                    # everything that its training depends on

Settings of a method are checked by the method itself (`ash.methods.check`), which lies above this module.
"""

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from ash.config.sections import (
    DatasetSettings,
    DecoderSettings,
    DiscriminatorSettings,
    EvaluationSettings,
    ExperimentEntry,
    HallucinatorSettings,
    OptimiserSettings,
    Params,
    Protocol,
    RainSettings,
    ResourceSettings,
    Section,
    SegmenterSettings,
    StylizerSettings,
    TableSettings,
    TrainingSettings,
)
from ash.errors import ConfigError, flat, several

__all__ = [
    "DatasetSettings",
    "DecoderSettings",
    "DiscriminatorSettings",
    "EvaluationSettings",
    "Experiment",
    "ExperimentEntry",
    "HallucinatorSettings",
    "OptimiserSettings",
    "Params",
    "Protocol",
    "RainSettings",
    "ResourceSettings",
    "Section",
    "SegmenterSettings",
    "Settings",
    "StylizerSettings",
    "TableSettings",
    "TrainingSettings",
    "faults",
    "load",
]

T = TypeVar("T", bound=BaseModel)
SOURCE = "source"  # the target that stands for the held-out images of an experiment's own source


class Experiment(Section):
    """All that the training of one experiment depends on; equal content means equal runs."""

    name: str
    recipe: str
    source: str
    target: str | None
    method: dict[str, Any]
    segmenter: SegmenterSettings
    discriminator: DiscriminatorSettings
    hallucinator: HallucinatorSettings
    stylizer: StylizerSettings
    style_set: str
    training: TrainingSettings


class Settings(Section):
    """The whole configuration."""

    params: Params
    protocol: Protocol

    def experiment(self, name: str) -> Experiment:
        """Resolve one experiment; ConfigError if there is none of that name, or if its `training` cannot be."""
        if name not in self.params.experiments:
            raise ConfigError(f"experiment {name!r} is not in params.yaml; known: {', '.join(self.params.experiments)}")
        entry, protocol = self.params.experiments[name], self.protocol
        size = protocol.discriminator.map_size or protocol.datasets[entry.source].label_size
        method = {
            **self.params.methods.get(entry.recipe, {}),
            **protocol.methods.get(entry.recipe, {}),
            **(entry.model_extra or {}),
        }
        return Experiment(
            name=name,
            recipe=entry.recipe,
            source=entry.source,
            target=entry.target,
            method=method,
            segmenter=protocol.segmenter,
            discriminator=protocol.discriminator.model_copy(update={"map_size": size}),
            hallucinator=protocol.hallucinator,
            stylizer=protocol.stylizer,
            style_set=protocol.style_set,
            training=_changed(protocol.training, entry.training, f"experiments.{name}.training"),
        )

    def rows(self, table: str) -> list[str]:
        """The experiments of a table, in the order of params.yaml."""
        return [name for name, entry in self.params.experiments.items() if table in entry.tables]

    def tables(self, groups: Collection[str]) -> list[str]:
        """The tables of groups, in the order of params.yaml."""
        return [name for name, table in self.params.tables.items() if table.group in groups]

    def experiments(self, groups: Collection[str]) -> list[str]:
        """The experiments that the tables of groups show, in the order of params.yaml."""
        shown = set(self.tables(groups))
        return [name for name, entry in self.params.experiments.items() if shown & set(entry.tables)]


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


def faults(error: ValidationError) -> list[str]:
    """Each fault of a pydantic error as one line: key, what was found, what was wanted."""
    lines = []
    for fault in error.errors():
        key = ".".join(str(part) for part in fault["loc"]) or "file"
        if fault["type"] == "extra_forbidden":
            lines.append(f"{key}: unknown key; check its spelling")
        elif fault["type"] == "missing":
            lines.append(f"{key}: missing; state it")
        elif fault["type"] == "value_error":  # a section's own check, whose message says what was found
            lines.append(fault["msg"].removeprefix("Value error, "))
        else:
            lines.append(f"{key}: found {fault['input']!r}; {fault['msg']}")
    return lines


def _changed(training: TrainingSettings, changes: dict[str, Any], where: str) -> TrainingSettings:
    """The protocol's training with an experiment's own values in it; ConfigError names keys that do not fit."""

    def merged(base: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
        nested = [key for key, value in new.items() if isinstance(value, dict) and isinstance(base.get(key), dict)]
        return {**base, **new, **{key: merged(base[key], new[key]) for key in nested}}

    try:
        return TrainingSettings.model_validate(merged(training.model_dump(), changes))
    except ValidationError as cause:
        raise ConfigError(several(f"{where}: {cause.error_count()} fault(s)", faults(cause))) from cause


def _cross_check(settings: Settings) -> list[str]:
    """Faults that no single section can see."""
    params, protocol = settings.params, settings.protocol
    checks: list[tuple[str, Iterable[str], Collection[str]]] = [
        ("targets", params.targets, protocol.datasets),
        ("style_set", [protocol.style_set], protocol.datasets),
        *((f"experiments.{n}.source", [e.source], protocol.datasets) for n, e in params.experiments.items()),
        *(
            (f"experiments.{n}.target", [e.target], protocol.datasets)
            for n, e in params.experiments.items()
            if e.target
        ),
        *((f"experiments.{n}.tables", e.tables, params.tables) for n, e in params.experiments.items()),
        ("groups", params.groups, [table.group for table in params.tables.values()]),
        *((f"tables.{n}.targets", t.targets, (*params.targets, SOURCE)) for n, t in params.tables.items()),
        *((f"tables.{n}.reference", [t.reference], settings.rows(n)) for n, t in params.tables.items()),
        *((f"figures.{n}", f.values(), params.standard) for n, f in params.figures.items()),
    ]
    return _late(settings) + [
        f"{where}: {name!r} is unknown; known: {', '.join(known) or 'none'}"
        for where, names, known in checks
        for name in names
        if name not in known
    ]


def _late(settings: Settings) -> list[str]:
    """Experiments that only `everything` trains, in tables that the default target builds."""
    tables, entries = settings.tables(settings.params.groups), settings.params.experiments
    return [
        f"more_experiments.{name}: in {table}, which the default target builds; move it to `experiments`"
        for name in settings.params.more_experiments
        for table in tables
        if table in entries[name].tables
    ]
