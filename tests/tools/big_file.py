"""What a large prepared file costs Snakemake and DVC (figures in docs/guide/dvc.md).

    python -m tests.tools.big_file FOLDER GIGABYTES

Needs twice that space in FOLDER, which must be empty, and removes what it wrote.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import numpy as np

from ash.files.hdf5 import PREPARED_SCHEMA, create_h5

SHAPE = (720, 1280, 3)
SNAKEFILE = """
rule hashed:
    input: "big.h5"
    output: "h1", "h2", "h3"
    shell: "touch {output}"
rule digest:
    input: ancient("big.h5"), "big.json"
    output: "d1", "d2", "d3"
    shell: "touch {output}"
"""


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Print how long something took, by the clock and in seconds of a processor, children included."""
    start, before = time.perf_counter(), os.times()
    yield
    busy = sum(os.times()[:4]) - sum(before[:4])
    print(f"{time.perf_counter() - start:8.1f} s, processor {busy:6.1f} s  {what}", flush=True)


def run(folder: Path, *words: str) -> None:
    """Run a module's command in `folder`, quietly."""
    subprocess.run([sys.executable, "-m", *words], cwd=folder, check=True, capture_output=True)


def main(folder: Path, gigabytes: float) -> None:
    """Write the file, and time what is done with it."""
    row = np.random.default_rng(0).integers(0, 256, SHAPE, np.uint8)
    count = int(gigabytes * 1e9 / row.nbytes)
    writing = timed(f"write {count} images, {count * row.nbytes / 1e9:.1f} GB, with digest and checksums")
    with writing, create_h5(folder / "big.h5", PREPARED_SCHEMA, {}) as file:
        file.add("image", (count, *SHAPE), np.uint8)
        for k in range(count):
            row[0, 0, :2] = divmod(k, 256)
            file.append("image", row[None])
    with timed("of which the digest"):
        digest = sha256()
        for _ in range(count):
            digest.update(row.data)
    (folder / "Snakefile").write_text(SNAKEFILE)
    for rule, limit in (("hashed", "1TB"), ("digest", "1GB")):
        options = ("snakemake", "--cores", "1", "--max-checksum-file-size", limit, rule)
        with timed(f"snakemake: a job of three outputs, rule {rule}, limit {limit}"):
            run(folder, *options)
        (folder / "big.h5").touch()
        with timed("snakemake -n after the file was touched (a pull does that)"):
            run(folder, *options, "-n")
    run(folder, "dvc", "init", "--no-scm")
    run(folder, "dvc", "config", "cache.type", "reflink,copy")
    with timed("dvc add: MD5 and a copy in the cache, once for each new file"):
        run(folder, "dvc", "add", "big.h5")
    for which in ("first", "second"):
        with timed(f"dvc status, {which}"):
            run(folder, "dvc", "status")
    (folder / "big.h5").touch()
    with timed("dvc status after the file was touched"):
        run(folder, "dvc", "status")


if __name__ == "__main__":
    place = Path(sys.argv[1])
    if any(place.iterdir()):
        sys.exit(f"{place}: not empty")
    try:
        main(place, float(sys.argv[2]))
    finally:
        subprocess.run(["rm", "-rf", *map(str, place.iterdir())], check=True)
