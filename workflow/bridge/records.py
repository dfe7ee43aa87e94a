"""Snakemake's records, bundled in one file for each stage of DVC, so that they travel with the files that they describe.

Whether an output is current, Snakemake reads from its record in .snakemake/metadata/: settings, command, inputs and their
checksums.  Neither git nor DVC keeps those.  So each stage has an output of its own, results/records/STAGE.json, that
holds the records of its files, and the records in it are put back when the Snakefile is read and the bundle is not the one
that was last written or put back here: then DVC has exchanged it, together with the files.
"""

import hashlib
import json
import os
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ash.files.atomic import atomic

METADATA, SEEN = Path(".snakemake/metadata"), Path(".snakemake/bundles.json")
FOLDER = Path("results/records")
FORMAT = 6  # of the records of Snakemake 9.27; importing it from there takes half a second
LONGEST = 254  # characters of a part of a record's path
Records = dict[str, dict[str, Any]]  # output -> record


def bundle_of(stage: str) -> Path:
    """The bundle of a stage."""
    return FOLDER / f"{stage}.json"


def record_of(output: str) -> Path:
    """Where Snakemake keeps its record of an output."""
    name = urlsafe_b64encode(output.encode()).decode()
    parts = [name[start : start + LONGEST] for start in range(0, len(name), LONGEST)]
    return METADATA.joinpath(*(f"@{part}" for part in parts[:-1]), parts[-1])


def read_records(outputs: Iterable[str]) -> Records:
    """Snakemake's records of those outputs that are there and have one."""
    records = {}
    for output in sorted(outputs):
        path = record_of(output)
        if os.path.exists(output) and path.is_file():
            records[output] = json.loads(path.read_text(encoding="utf-8"))
    return records


def write_bundles(outputs: Mapping[str, Iterable[str]]) -> None:
    """Write the bundle of each stage, from stage -> its outputs; one that would hold the same stays untouched."""
    seen = _seen()
    for stage, files in outputs.items():
        path, text = bundle_of(stage), json.dumps(read_records(files), indent=0, sort_keys=True) + "\n"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            _write(path, text)
        seen[stage] = _mark(path, text.encode())
    _write(SEEN, json.dumps(seen))


def put_back() -> list[str]:
    """Put back the records of every bundle that was exchanged since it was last written or put back here.

    A line if bundles hold records of another format than this Snakemake's.
    """
    before = _seen()
    found = {path.stem: path for path in sorted(FOLDER.glob("*.json"))}
    seen = {stage: mark for stage, mark in before.items() if stage in found}
    for stage, path in found.items():
        if seen.get(stage, {}).get("stat") == _stat(path):
            continue
        content = path.read_bytes()
        mark = _mark(path, content)
        if mark["digest"] != seen.get(stage, {}).get("digest"):
            for output, record in json.loads(content).items():
                _write(record_of(output), json.dumps(record))
        seen[stage] = mark
    if seen != before:
        _write(SEEN, json.dumps(seen))
    return _foreign(seen)


def _foreign(seen: dict[str, dict[str, Any]]) -> list[str]:
    foreign = {stage: mark["format"] for stage, mark in seen.items() if mark["format"] not in (None, FORMAT)}
    if not foreign:
        return []
    stage, found = next(iter(foreign.items()))
    return [
        f"{bundle_of(stage)}: record format {found}, and {len(foreign) - 1} more; the Snakemake of constraints.txt writes "
        f"{FORMAT}; install that version, or build anew with `dvc repro --force`"
    ]


def _seen() -> dict[str, dict[str, Any]]:
    """What was last written or put back: for each stage the bundle's state, digest and format."""
    try:
        return json.loads(SEEN.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}


def _mark(path: Path, content: bytes) -> dict[str, Any]:
    records = json.loads(content)
    format_ = next((record.get("record_format_version") for record in records.values()), None)
    return {"stat": _stat(path), "digest": hashlib.sha256(content).hexdigest(), "format": format_}


def _stat(path: Path) -> list[int]:
    state = path.stat()
    return [state.st_ino, state.st_size, state.st_mtime_ns]


def _write(path: Path, text: str) -> None:
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
