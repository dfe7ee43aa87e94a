"""The whole configuration, and all that one experiment depends on, looked up from it."""

from collections.abc import Collection
from typing import Any

from pydantic import ValidationError

from ash.config.entries import Params
from ash.config.kinds import Section
from ash.config.messages import faults
from ash.config.sections import (
    DiscriminatorSettings,
    HallucinatorSettings,
    Protocol,
    SegmenterSettings,
    StylizerSettings,
    TrainingSettings,
)
from ash.errors import ConfigError, known, several


class Experiment(Section):
    """All that the training of one experiment depends on; equal content means equal runs."""

    name: str
    method: str
    source: str
    target: str | None
    settings: dict[str, Any]
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

    @property
    def targets(self) -> tuple[str, ...]:
        """The data sets that models are scored on: those of params.yaml, then the protocol's own."""
        return tuple(dict.fromkeys((*self.params.targets, *self.protocol.targets)))

    @property
    def further(self) -> tuple[str, ...]:
        """The data sets that models are scored on only where a table asks: the held-out one, then further targets."""
        held_out = (self.protocol.held_out,) if self.protocol.held_out else ()
        return tuple(dict.fromkeys((*held_out, *self.protocol.further_targets)))

    def with_further(self) -> "Settings":
        """The same settings, in which each table with `further: true` names those sets among its targets."""
        tables = {
            name: table.model_copy(update={"targets": tuple(dict.fromkeys((*table.targets, *self.further)))})
            if table.further
            else table
            for name, table in self.params.tables.items()
        }
        return self.model_copy(update={"params": self.params.model_copy(update={"tables": tables})})

    def experiment(self, name: str) -> Experiment:
        """Resolve one experiment; ConfigError if there is none of that name, or if its `training` cannot be."""
        if name not in self.params.experiments:
            raise ConfigError(f"experiment {name!r} is not in params.yaml; {known(name, self.params.experiments)}")
        entry, protocol = self.params.experiments[name], self.protocol
        size = protocol.discriminator.map_size or protocol.datasets[entry.source].label_size
        chosen = {
            **self.params.methods.get(entry.method, {}),
            **protocol.methods.get(entry.method, {}),
            **(entry.model_extra or {}),
        }
        return Experiment(
            name=name,
            method=entry.method,
            source=entry.source,
            target=entry.target,
            settings=chosen,
            segmenter=protocol.segmenter,
            discriminator=protocol.discriminator.model_copy(update={"map_size": size}),
            hallucinator=protocol.hallucinator,
            stylizer=protocol.stylizer,
            style_set=protocol.style_set,
            training=_changed(protocol.training, entry.training, f"experiments.{name}.training"),
        )

    def with_iterations(self, name: str, iterations: int) -> "Settings":
        """The same settings, but for the iterations of one experiment; its digest is another then.  ConfigError if unknown."""
        self.experiment(name)
        entry = self.params.experiments[name]
        changed = entry.model_copy(update={"training": {**entry.training, "iterations": iterations}})
        experiments = {**self.params.experiments, name: changed}
        return self.model_copy(update={"params": self.params.model_copy(update={"experiments": experiments})})

    def rows(self, table: str) -> list[str]:
        """The experiments of a table, in the order of params.yaml."""
        return [name for name, entry in self.params.experiments.items() if table in entry.tables]

    def tables(self, groups: Collection[str]) -> list[str]:
        """The tables of groups, in the order of params.yaml; ConfigError for a group that no table has."""
        there = dict.fromkeys(table.group for table in self.params.tables.values())
        for group in groups:
            if group not in there:
                raise ConfigError(f"group {group!r} has no table in params.yaml; {known(group, there)}")
        return [name for name, table in self.params.tables.items() if table.group in groups]

    def experiments(self, groups: Collection[str]) -> list[str]:
        """The experiments that the tables of groups show, in the order of params.yaml; ConfigError as for `tables`."""
        shown = set(self.tables(groups))
        return [name for name, entry in self.params.experiments.items() if shown & set(entry.tables)]


def _changed(training: TrainingSettings, changes: dict[str, Any], where: str) -> TrainingSettings:
    """The protocol's training with an experiment's own values in it; ConfigError names keys that do not fit."""

    def merged(base: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
        nested = [key for key, value in new.items() if isinstance(value, dict) and isinstance(base.get(key), dict)]
        return {**base, **new, **{key: merged(base[key], new[key]) for key in nested}}

    try:
        return TrainingSettings.model_validate(merged(training.model_dump(), changes))
    except ValidationError as cause:
        raise ConfigError(
            several(f"{where}: {cause.error_count()} fault(s)", faults(cause, TrainingSettings))
        ) from cause
