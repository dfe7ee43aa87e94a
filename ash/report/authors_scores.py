"""What the trained models of ASH's authors score here, under each evaluation protocol, beside what the paper prints.

The paper does not say how it scores Mapillary Vistas, so its figure stands beside every protocol: the one that gives it is
the paper's.  Where the paper prints the IoU of each class, these tell more than their mean.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from ash.config import Settings
from ash.evaluation.conventions import OURS, PROTOCOLS, EvaluationProtocol
from ash.files.atomic import write_text
from ash.report.markdown import markdown
from ash.report.paper import PaperTable
from ash.report.records import Scores, read_scores
from ash.report.table import Table, columns

# Rows of the paper by source and data set: its table, and the classes that the means go over.
PRINTED = {
    ("gta5", "cityscapes"): ("table1", (19,)),
    ("gta5", "mapillary"): ("table1", (19,)),
    ("synthia", "cityscapes"): ("table2", (16, 13)),
    ("synthia", "mapillary"): ("table3", (16,)),
}
HEADERS = ("protocol", "classes", "paper", "here", "difference", "classes differ by")


class Line(NamedTuple):
    """A mean under a protocol, in per cent: printed, measured; the mean distance of the classes where they are printed."""

    protocol: str
    dataset: str
    classes: int
    printed: float
    measured: float
    by_class: float

    @property
    def difference(self) -> float:
        """Measured minus printed."""
        return self.measured - self.printed


def write_authors(settings: Settings, source: str, paper: dict[str, PaperTable], scored: Path, out: Path) -> Table:
    """Write SOURCE.md and SOURCE.csv into `out`, from the PROTOCOL.json files in `scored`, and give the table.

    StoreError names a file that is missing or holds no scores.
    """
    protocols = [PROTOCOLS[name] for name in OURS if PROTOCOLS[name].dataset in settings.protocol.datasets]
    lines = [line for p in protocols for line in _lines(source, p, paper, read_scores(scored / f"{p.name}.json"))]
    rows = tuple(
        (*(line.protocol, str(line.classes), f"{line.printed:.2f}", _shown(line.measured)),
         *(_shown(line.difference, "+"), _shown(line.by_class)))
        for line in lines
    )  # fmt: skip
    drawn = sorted({line.dataset for line in lines if settings.protocol.datasets[line.dataset].draw})
    title = f"The authors' model trained on {source}, mIoU in per cent"
    table = Table(title, columns(HEADERS), rows, (*_notes(lines), *_warnings(settings, drawn)))
    frame = pd.DataFrame([{**line._asdict(), "difference": line.difference} for line in lines])
    write_text(out / f"{source}.md", markdown(table))
    write_text(out / f"{source}.csv", frame.to_csv(index=False, float_format="%.4f", lineterminator="\n"))
    return table


def _lines(source: str, protocol: EvaluationProtocol, paper: dict[str, PaperTable], run: Scores) -> Iterable[Line]:
    """A line for each mean that the paper prints; figures that are undefined are NaN."""
    name, means = PRINTED[source, protocol.dataset]
    row = paper[name].rows["ash"]
    printed = row.per_class.get(protocol.dataset, [])
    ours = [run["iou"][c] for c in paper[name].classes[: len(printed)]]
    far = [abs(100 * value - theirs) for value, theirs in zip(ours, printed, strict=True) if value is not None]
    for classes in means:
        stated = row.miou13 if classes == 13 else row.miou[protocol.dataset]
        assert stated is not None
        mean = run["miou"][str(classes)]
        # The classes of a table are those of its last mean: 19 in Table 1, 13 in Table 2.
        by_class = float(np.mean(far)) if far and len(printed) == classes else np.nan
        measured = np.nan if mean is None else 100 * mean
        yield Line(protocol.name, protocol.dataset, classes, stated, measured, by_class)


def _notes(lines: list[Line]) -> list[str]:
    """Which protocol comes nearest to what the paper prints for Mapillary."""
    known = [line for line in lines if line.dataset == "mapillary" and not np.isnan(line.measured)]
    if not known:
        return []
    nearest = min(known, key=lambda line: abs(line.difference))
    notes = [
        f"The printed {nearest.printed:.2f} on Mapillary is nearest to what `{nearest.protocol}` gives "
        f"({nearest.measured:.2f}, which is {abs(nearest.difference):.2f} away)."
    ]
    by_class = [line for line in known if not np.isnan(line.by_class)]
    if by_class:
        closest = min(by_class, key=lambda line: line.by_class)
        notes.append(
            f"Class by class the paper is nearest to `{closest.protocol}` ({closest.by_class:.2f} on average)."
        )
    return notes


def _warnings(settings: Settings, drawn: list[str]) -> list[str]:
    """That figures on drawn images say nothing about the paper."""
    if not drawn:
        return []
    return [
        f"Protocol `{settings.params.protocol}` draws {', '.join(drawn)}: these figures say nothing about the paper."
    ]


def _shown(value: float, sign: str = "") -> str:
    return "-" if np.isnan(value) else f"{value:{sign}.2f}"
