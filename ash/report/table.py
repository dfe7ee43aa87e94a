"""The one value behind every table that people read: built once, shown as Markdown and as HTML.

    table = Table("Table 1. ...", (Column("method", "left"), Column("cityscapes, ours")), (("ASH", "41.3"),))
    markdown(table)             -> ash.report.markdown
    html(table)                 -> ash.report.html
    write(table, path); read(path)

`ash table` writes it as JSON beside the Markdown, so that the report page shows the very same cells.  Numbers to compute
with are in the CSV file, to four decimals.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter

from ash.files.atomic import write_json
from ash.report.records import read_json_as


@dataclass(frozen=True)
class Column:
    """The header of a column, the side that its cells are set to, and whether rows carry its cells as data.

    With `data` each row of an HTML table has an attribute data-<data> that repeats its cell, for style sheets and scripts.
    """

    header: str
    align: Literal["left", "right"] = "right"
    data: str | None = None


@dataclass(frozen=True)
class Table:
    """Cells are formatted, plain text.  Notes are plain text, in which a name between backticks is code.

    ValueError unless every row has a cell for each column.
    """

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"{self.title}: row {row[:1]} has {len(row)} cells, wanted {len(self.columns)}")


def columns(headers: Iterable[str]) -> tuple[Column, ...]:
    """The first column, which names the row, to the left; figures to the right."""
    first, *others = headers
    return (Column(first, "left"), *(Column(header) for header in others))


def write(table: Table, path: Path) -> None:
    """Write a table as JSON."""
    write_json(path, asdict(table))


def read(path: Path) -> Table:
    """Read a table; StoreError if the file is missing or holds none."""
    return read_json_as(TypeAdapter(Table), path, "write the tables")
