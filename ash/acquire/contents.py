"""Pins of every file of a set, for sets whose archives may be packed anew: pins/NAME.sha256.gz.

Its text has the form of GNU coreutils: `zcat pins/carla.sha256.gz | (cd FOLDER && sha256sum --check)` does by hand what
`ash acquire carla` does.
"""

import gzip
import re
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from ash.acquire.journal import sha256_of
from ash.errors import DataError, StoreError, flat, several
from ash.files.listing import shown
from ash.progress import Progress, quiet

LINE = re.compile(r"([0-9a-f]{64})  (\S.*)")


@dataclass(frozen=True)
class Checked:
    """How many files of a set are the pinned ones, how many are pinned, and how many lie there that are not."""

    pinned: int
    published: int
    others: int

    def record(self) -> dict[str, int]:
        """For JSON."""
        return asdict(self)


def read_contents(path: Path) -> dict[str, str]:
    """The SHA-256 of each file of a set, by its path there; StoreError if the list cannot be read or is none."""
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            lines = [LINE.fullmatch(line) for line in file.read().splitlines()]
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as cause:
        raise StoreError(f"{path}: cannot be read ({flat(cause)}); restore it from version control") from cause
    if not lines or None in lines:
        raise StoreError(f"{path}: is no list of SHA-256 and files; restore it from version control")
    return {line[2]: line[1] for line in lines if line is not None}


def check_contents(root: Path, files: list[Path], contents: Mapping[str, str], progress: Progress = quiet) -> Checked:
    """Hold the files of a set against their pins; DataError lists those that have a pin and are not as it says.

    A file without a pin, as of another recording in the same layout, is counted and let be.
    """
    faults, pinned = [], 0
    for done, path in enumerate(files, 1):
        wanted = contents.get(path.relative_to(root).as_posix())
        found = wanted and sha256_of(path, path.stat().st_size, quiet)
        pinned += found is not None
        if found != wanted:
            faults.append(f"{shown(path)}: has SHA-256 {found[:12]}, wanted {wanted[:12]}")  # type: ignore[index]
        progress(done, len(files))
    if faults:
        title = f"{shown(root)}: {len(faults)} file(s) are not the published ones; remove them and run the same command again"
        raise DataError(several(title, faults))
    return Checked(pinned, len(contents), len(files) - pinned)
