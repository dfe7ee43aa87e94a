"""Tables as Markdown."""

from collections.abc import Iterable, Sequence

from ash.report.table import Column, Table

RULES = {"left": "---", "right": "---:"}


def markdown(table: Table) -> str:
    """The title, the cells and the notes of a table, as a section of a Markdown page."""
    rows = [[cell.replace("|", r"\|") for cell in row] for row in table.rows]
    notes = "".join(f"\n* {note}" for note in table.notes)
    return f"### {table.title}\n\n{grid(table.columns, rows)}\n{notes}\n"


def grid(columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> str:
    """The cells alone.  They are Markdown themselves: a vertical bar in one has to be escaped."""
    lines = [[column.header for column in columns], [RULES[column.align] for column in columns], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
