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

from pydantic import TypeAdapter, ValidationError
from typing_extensions import TypedDict  # pydantic wants it before Python 3.12

from ash.files.atomic import write_text

METADATA, SEEN = Path(".snakemake/metadata"), Path(".snakemake/bundles.json")
RECORDED = Path(".snakemake/recorded")  # see workflow/bridge/recording.py
FOLDER = Path("results/records")
FORMAT = 6  # of the records of Snakemake 9.27; importing it from there takes half a second
LONGEST = 254  # characters of a part of a record's path
Records = dict[str, dict[str, Any]]  # output -> record
_SHAPE = TypeAdapter(Records)


class Mark(TypedDict):
    """A bundle as it was last written or put back: inode, size and time; digest; format of its records."""

    stat: list[int]
    digest: str
    format: int | None


_MARKS = TypeAdapter(dict[str, Mark])


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
    records: Records = {}
    for output in sorted(outputs):
        path = record_of(output)
        if os.path.exists(output) and path.is_file():
            record = read_record(path)
            records |= {output: record} if record is not None else {}  # Snakemake leaves out what a kill cut off, too
    return records


def read_record(path: Path) -> Any:
    """One of Snakemake's records; None if a kill cut it off."""
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return None


def write_bundles(outputs: Mapping[str, Iterable[str]]) -> None:
    """Write the bundle of each stage, from stage -> its outputs; one that would hold the same stays untouched."""
    seen = _seen()
    for stage, files in outputs.items():
        path, records = bundle_of(stage), read_records(files)
        text = json.dumps(records, indent=0, sort_keys=True) + "\n"
        if not path.exists() or path.read_bytes() != text.encode():
            write_text(path, text)
        seen[stage] = _mark(path, text.encode(), records)
    write_text(SEEN, json.dumps(seen))


def put_back() -> list[str]:
    """Put back the records of every bundle that was exchanged since it was last written or put back here.

    A line if bundles hold records of another format than this Snakemake's, and for each that holds none; such a one is
    written again when DVC is told of its stage.
    """
    before, lines = _seen(), []
    found = {path.stem: path for path in sorted(FOLDER.glob("*.json"))}
    seen = {stage: mark for stage, mark in before.items() if stage in found}
    for stage, path in found.items():
        if stage in seen and seen[stage]["stat"] == _stat(path):
            continue
        content = path.read_bytes()
        records = _records(content)
        if records is None:
            RECORDED.unlink(missing_ok=True)
            lines.append(
                f"{path}: holds no records of Snakemake; they are left as they are here, and the file is made again"
            )
            continue
        mark = _mark(path, content, records)
        if stage not in seen or mark["digest"] != seen[stage]["digest"]:
            for output, record in records.items():
                write_text(record_of(output), json.dumps(record))
        seen[stage] = mark
    if seen != before:
        write_text(SEEN, json.dumps(seen))
    return [*lines, *_foreign(seen)]


def _records(content: bytes) -> Records | None:
    """What a bundle holds; None if Snakemake could not read it as its own."""
    from snakemake.persistence import MetadataRecord

    try:
        records = _SHAPE.validate_json(content)
        for record in records.values():
            if record.get("record_format_version") == FORMAT:
                MetadataRecord.model_validate(record)
    except ValidationError:
        return None
    return records


def _foreign(seen: dict[str, Mark]) -> list[str]:
    foreign = {stage: mark["format"] for stage, mark in seen.items() if mark["format"] not in (None, FORMAT)}
    if not foreign:
        return []
    stage, found = next(iter(foreign.items()))
    return [
        f"{bundle_of(stage)}: record format {found}, and {len(foreign) - 1} more; the Snakemake of constraints.txt writes "
        f"{FORMAT}; install that version, or build anew with `dvc repro --force`"
    ]


def _seen() -> dict[str, Mark]:
    """What was last written or put back, by stage; nothing if that is not known."""
    try:
        return _MARKS.validate_json(SEEN.read_bytes())
    except (FileNotFoundError, ValidationError):
        return {}


def _mark(path: Path, content: bytes, records: Records) -> Mark:
    found = next((record.get("record_format_version") for record in records.values()), None)
    format_ = found if isinstance(found, int) else None
    return {"stat": _stat(path), "digest": hashlib.sha256(content).hexdigest(), "format": format_}


def _stat(path: Path) -> list[int]:
    state = path.stat()
    return [state.st_ino, state.st_size, state.st_mtime_ns]
