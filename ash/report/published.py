"""The paper's printed numbers, with their misprints and our notes (workflow/resources/published.yaml)."""

from pathlib import Path

import yaml
from pydantic import Field, TypeAdapter, ValidationError

from ash.config import Section, faults
from ash.errors import ConfigError, several


class Row(Section):
    """One printed row, in per cent."""

    label: str
    miou: dict[str, float] = Field(description="by target; over 19 classes in tables 1 and 5, over 16 in the others")
    miou13: float | None = None
    per_class: dict[str, list[float]] = Field(default={}, description="by target, in the order of the table's classes")
    corrected: dict[str, float] = Field(default={}, description="what a misprint must have meant")
    note: str | None = None


class Table(Section):
    """One printed table."""

    classes: list[str] = Field(default=[], description="order of per_class")
    rows: dict[str, Row]


def load_published(path: Path) -> dict[str, Table]:
    """The tables by id; ConfigError if the file is missing or does not hold them."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as cause:
        raise ConfigError(f"{path}: missing; restore it from the repository") from cause
    except yaml.YAMLError as cause:
        raise ConfigError(f"{path}: not YAML ({' '.join(str(cause).split())})") from cause
    try:
        return TypeAdapter(dict[str, Table]).validate_python(content)
    except ValidationError as cause:
        raise ConfigError(several(f"{path}: {cause.error_count()} fault(s)", faults(cause))) from cause
