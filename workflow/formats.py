"""Whether Snakemake's records here can be compared by the Snakemake that is installed."""

import json
from pathlib import Path

from snakemake import __version__
from snakemake.persistence import RECORD_FORMAT_VERSION

RECORDS = Path(".snakemake/metadata")


def foreign_records() -> list[str]:
    """A line if records have another format than this Snakemake's, as after a pull from a checkout with another one."""
    formats = {path: _format(path) for path in sorted(RECORDS.rglob("*")) if path.is_file()}
    foreign = {path: found for path, found in formats.items() if found != RECORD_FORMAT_VERSION}
    if not foreign:
        return []
    path, found = next(iter(foreign.items()))
    return [
        f"{path}: record format {found}, and {len(foreign) - 1} more; Snakemake {__version__} writes "
        f"{RECORD_FORMAT_VERSION}; install the version of constraints.txt, or build anew with `dvc repro --force`"
    ]


def _format(path: Path) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8")).get("record_format_version")
    except (ValueError, AttributeError):
        return "unreadable"
