"""The ranges of a method's settings that a sweep may search, and what is drawn from them.

They stand in workflow/resources/search.yaml, by method and setting, and not beside the method's Settings: an edit of a method's
file trains all of its experiments anew, and a range changes no run.

    asm: {step: {low: 2.0, high: 200.0, scale: log}}

A draw depends on the sweep's seed, the experiment and its number alone, so a larger budget keeps the draws of a smaller one.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self

import numpy as np
from pydantic import Field, model_validator

from ash import methods
from ash.config import Experiment, Name, Section, read_yaml, validated
from ash.errors import ConfigError, known
from ash.files.atomic import digest

FILE = Path("workflow/resources/search.yaml")
DIGITS = 3  # that a drawn number keeps, so that people can write it down


class Range(Section):
    """Where a setting may lie."""

    low: float
    high: float
    scale: Literal["linear", "log"] = Field(default="linear", description="log: each power of ten is as likely")

    @model_validator(mode="after")
    def _spans_something(self) -> Self:
        if self.low >= self.high or (self.scale == "log" and self.low <= 0):
            raise ValueError(
                f"from {self.low:g} to {self.high:g}; wanted low < high, and above 0 where the scale is log"
            )
        return self

    def draw(self, random: np.random.Generator) -> float:
        """A number between the bounds."""
        low, high = np.log([self.low, self.high]) if self.scale == "log" else (self.low, self.high)
        drawn = random.uniform(low, high)
        rounded = float(f"{np.exp(drawn) if self.scale == 'log' else drawn:.{DIGITS}g}")
        return min(max(rounded, self.low), self.high)


Ranges = dict[Name, Range]


def read_ranges(path: Path = FILE) -> dict[str, Ranges]:
    """The ranges of every method that states some; ConfigError for a method or a setting that there is not."""
    stated: dict[str, Ranges] = validated(
        dict[Name, Ranges],  # type: ignore[arg-type]
        path,
        read_yaml(path, "restore it from the repository"),
    )
    for name, ranges in stated.items():
        if name not in methods.names():
            raise ConfigError(f"{path}: {name}: is not a file in ash/methods; {known(name, methods.names())}")
        fields = methods.load(name).Settings.model_fields
        for key in ranges:
            if key not in fields:
                raise ConfigError(f"{path}: {name}.{key}: unknown setting; {known(key, fields)}")
    return stated


def ranges_of(experiment: Experiment, stated: Mapping[str, Ranges]) -> Ranges:
    """The ranges of an experiment's method; ConfigError if it has none."""
    if not stated.get(experiment.method):
        raise ConfigError(
            f"{FILE}: method {experiment.method} of experiment {experiment.name} has no range; state one, e.g. "
            f"`{experiment.method}: {{SETTING: {{low: 0.1, high: 10.0, scale: log}}}}`"
        )
    return stated[experiment.method]


def drawn(experiment: str, ranges: Ranges, number: int, seed: int) -> dict[str, float]:
    """What trial `number` of an experiment draws."""
    random = np.random.default_rng([seed, number, int(digest(experiment)[:8], 16)])
    return {key: ranges[key].draw(random) for key in sorted(ranges)}
