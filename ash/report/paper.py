"""The paper's printed numbers, with their misprints and our notes (paper.yaml, beside this module)."""

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from pydantic import Field

from ash.config import Section, Settings, read_yaml, validated
from ash.errors import ConfigError, several

PAPER = files("ash.report").joinpath("paper.yaml")


class PaperRow(Section):
    """One printed row, in per cent."""

    label: str
    miou: dict[str, float] = Field(description="by target; over 19 classes in tables 1 and 5, over 16 in the others")
    miou13: float | None = None
    per_class: dict[str, list[float]] = Field(default={}, description="by target, in the order of the table's classes")
    corrected: dict[str, float] = Field(default={}, description="what a misprint must have meant")
    note: str | None = None


class PaperTable(Section):
    """One printed table."""

    classes: list[str] = Field(default=[], description="order of per_class")
    rows: dict[str, PaperRow]


def load_paper(path: Traversable = PAPER) -> dict[str, PaperTable]:
    """The tables by id; ConfigError if the file is missing or does not hold them."""
    file = Path(str(path))
    return validated(dict[str, PaperTable], file, read_yaml(file, "restore it from the repository"))


def check_rows(settings: Settings, paper: dict[str, PaperTable]) -> None:
    """ConfigError, a line each, if experiments stand beside rows that the paper does not have.

    Such an experiment would get a row of its own, and the paper's figure would lose its counterpart.
    """
    wrong = [
        f"experiments.{name}.tables.{table}: {row!r} is not a row of the paper's {table}; {_remedy(table, paper)}"
        for name, entry in settings.params.experiments.items()
        for table, row in entry.tables.items()
        if row is not None and (table not in paper or row not in paper[table].rows)
    ]
    if wrong:
        raise ConfigError(several(f"params.yaml: {len(wrong)} fault(s)", wrong))


def _remedy(table: str, paper: dict[str, PaperTable]) -> str:
    """What may stand in the place of an unknown row."""
    if table not in paper:
        return "the paper has no such table, so write null"
    return f"known: {', '.join(paper[table].rows)}; null if the paper has no such row"
