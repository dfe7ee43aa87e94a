"""Tables as HTML."""

import re
from collections.abc import Sequence

from markupsafe import Markup, escape

from ash.report.table import Column, Table

CODE = re.compile("`([^`]+)`")


def html(table: Table) -> Markup:
    """The title, the cells and the notes of a table, as an excerpt of a page; everything in it is escaped."""
    body = Markup("").join(_row("td", table.columns, row) for row in table.rows)
    return Markup(
        "<h3>{}</h3><div class=scroll><table><thead>{}</thead><tbody>{}</tbody></table></div><ul class=notes>{}</ul>"
    ).format(
        table.title,
        _row("th", table.columns, [column.header for column in table.columns]),
        body,
        Markup("").join(Markup("<li>{}</li>").format(_note(note)) for note in table.notes),
    )


def _row(tag: str, columns: Sequence[Column], cells: Sequence[str]) -> Markup:
    """A line of the table, each cell set to its column's side."""
    set_cells = (
        Markup("<{} class={}>{}</{}>").format(tag, column.align, cell, tag)
        for column, cell in zip(columns, cells, strict=True)
    )
    data = [(column.data, cell) for column, cell in zip(columns, cells, strict=True) if column.data and tag == "td"]
    attributes = Markup("").join(Markup(' data-{}="{}"').format(name, cell) for name, cell in data)
    return Markup("<tr{}>{}</tr>").format(attributes, Markup("").join(set_cells))


def _note(note: str) -> Markup:
    """A note, with what stands between backticks as code."""
    parts = CODE.split(note)  # text and code in turn
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if k % 2 else escape(part) for k, part in enumerate(parts)
    )
