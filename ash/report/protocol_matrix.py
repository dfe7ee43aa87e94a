"""The matrix of one model under every protocol, as a table and as rows of a CSV file."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from ash.evaluation.families import HEADLINE
from ash.labels import SUBSETS
from ash.report.table import Table, columns

MEAN = "C/B/M"  # the mean over Cityscapes, BDD100K and Mapillary
NONE = "-"


def matrix_table(result: Mapping[str, Any], classes: int, missing: Iterable[str] = ()) -> Table:
    """mIoU in per cent: a row for each family of protocols, a column for each set, and the mean of the three.

    `result` is the JSON of `ash.experiment.evaluate_all`; `missing` says why sets are not among its columns.
    """
    sets = list(next(iter(result["families"].values())))
    rows, counts = [], {}
    for family, cells in result["families"].items():
        row = [family]
        for name in sets:
            cell = result["cells"][cells[name]]
            counts[name] = f"{name}: {cell['images']} images, {_present(cell, classes)} classes"
            row.append(_number(_miou(cell, classes)) + ("" if name in result["stated"][family] else "*"))
        rows.append((*row, _number(_mean(result, family, classes))))
    notes = [
        f"mIoU over {classes} classes; {'; '.join(counts.values())}",
        "with * are sets that the family's own programs do not score: such a figure compares with none that is published",
        f"{MEAN} is the mean over Cityscapes, BDD100K and Mapillary, where all three are at hand",
        *(f"not scored: {line}" for line in missing),
    ]
    title = f"{result['model']} under every protocol"
    return Table(title, columns(["protocols", *sets, MEAN]), tuple(rows), tuple(notes))


def matrix_rows(result: Mapping[str, Any], classes: int) -> str:
    """The same as CSV: family, set, protocol, whether the family's programs score the set, images, classes, mIoU."""
    rows: list[tuple[Any, ...]] = []
    for family, cells in result["families"].items():
        for name, protocol in cells.items():
            cell, stated = result["cells"][protocol], name in result["stated"][family]
            facts = cell["images"], _present(cell, classes), _miou(cell, classes)
            rows.append((family, name, protocol, stated, *facts))
        stated = set(HEADLINE) <= set(result["stated"][family])
        rows.append((family, MEAN, None, stated, None, None, _mean(result, family, classes)))
    header = ["family", "set", "protocol", "stated", "images", "classes", "miou"]
    frame = pd.DataFrame(rows, columns=header).astype({"images": "Int64", "classes": "Int64"})
    return frame.to_csv(index=False, float_format="%.4f", lineterminator="\n")


def _mean(result: Mapping[str, Any], family: str, classes: int) -> float | None:
    """The mean over the three sets of the headline, None where one is missing or holds none of the classes."""
    cells = result["families"][family]
    values = [_miou(result["cells"][cells[name]], classes) for name in HEADLINE if name in cells]
    known = [value for value in values if value is not None]
    return sum(known) / len(HEADLINE) if len(known) == len(HEADLINE) else None


def _miou(cell: Mapping[str, Any], classes: int) -> float | None:
    value = cell["miou"][str(classes)]
    return None if value is None else 100 * float(value)


def _present(cell: Mapping[str, Any], classes: int) -> int:
    """Over how many of the classes the mean goes: those that the labels hold."""
    values = list(cell["iou"].values())
    return sum(values[k] is not None for k in SUBSETS[classes])


def _number(value: float | None) -> str:
    return NONE if value is None else f"{value:.1f}"
