"""What a training tells of itself: the table behind history.csv."""

import csv
import io
from collections.abc import Mapping
from typing import Any

from ash.training.step import Row, Terms, numbers


class History:
    """Rows of means over the steps since the row before; the table behind history.csv."""

    def __init__(self, state: Mapping[str, Any] | None = None) -> None:
        self.rows: list[Row] = list(state["rows"]) if state else []
        self.sums: Row = dict(state["sums"]) if state else {}
        self.count: int = int(state["count"]) if state else 0
        self.unread: list[Terms] = []

    def state(self) -> dict[str, Any]:
        """What a resume file keeps; NonFiniteError as `read`, so that it never keeps weights that a NaN has moved."""
        self.read()
        return {"rows": self.rows, "sums": self.sums, "count": self.count}

    def add(self, terms: Terms) -> None:
        """Count one step; its numbers stay on a GPU until they are wanted, since to fetch them waits for the step."""
        self.unread.append(terms)
        if not terms.values.is_cuda:
            self.read()

    def read(self) -> None:
        """Fetch what steps have left; NonFiniteError names the first step with terms that are not finite, and these."""
        for row in numbers(self.unread):
            for name, value in row.items():
                self.sums[name] = self.sums.get(name, 0.0) + value
            self.count += 1
        self.unread = []

    def close_row(self, step: int, extra: Mapping[str, float]) -> None:
        """End a row after `step` finished steps; NonFiniteError as `read`."""
        self.read()
        means = {name: value / self.count for name, value in self.sums.items()}
        self.rows.append({"step": step, **means, **extra})
        self.sums, self.count = {}, 0

    def csv(self) -> str:
        """All rows; columns in the order of their first appearance, empty where a row lacks one."""
        columns = list(dict.fromkeys(name for row in self.rows for name in row))
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: f"{value:.9g}" for name, value in row.items()} for row in self.rows)
        return text.getvalue()
