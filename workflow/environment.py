"""The environment that every job of the workflow runs in."""

import os
import sys
from pathlib import Path

from ash.errors import ConfigError, StoreError

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("data", "results", "logs", "benchmarks", ".snakemake")


def set_up(params: str) -> None:
    """Let rules call `ash`: this interpreter's, whether or not its environment is activated, with one settings file.

    The code that runs is that of the checkout that this file lies in, also in a copy such as `dvc exp run --temp` makes:
    an installation in development mode would lead to the checkout that it was made in.
    """
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    os.environ["ASH_PARAMS"] = params


def check_folders() -> None:
    """ConfigError if something else lies where the workflow makes a folder."""
    for name in FOLDERS:
        if os.path.lexists(name) and not os.path.isdir(name):
            what = "a link to nothing" if os.path.islink(name) else "a file"
            raise ConfigError(f"{name}: {what}, and the workflow makes a folder of that name; move it away")


def check_writable() -> None:
    """StoreError if a folder that jobs write into is there and cannot be written: the first job would end in a traceback."""
    for name in FOLDERS:
        if os.path.isdir(name) and not os.access(name, os.W_OK):
            raise StoreError(f"{name}: cannot be written; fix permissions, or mount the file system for writing")
