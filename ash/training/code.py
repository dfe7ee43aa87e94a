"""The digest of the code that a training runs: a killed one must not go on with other code."""

from collections.abc import Iterable
from pathlib import Path

import torch

import ash
from ash.files.atomic import digest, file_digest

PACKAGE = Path(ash.__file__).parent
ROOMS = ("contract.py", "features", "files", "labels.py", "machine", "pixels.py", "segmentation", "style", "training")


def code_digest(others: Iterable[str]) -> str:
    """SHA-256 of the source files that every training runs, of `others` besides, and of PyTorch's version.

    `others` are modules or folders of the package by their paths in it, such as "experiment" or
    "methods/clan.py".
    """
    parts = [PACKAGE / name for name in (*ROOMS, *others)]
    files = {file for part in parts for file in (part.rglob("*.py") if part.is_dir() else [part])}
    named = {file.relative_to(PACKAGE).as_posix(): file_digest(file) for file in sorted(files)}
    return digest({"files": named, "torch": torch.__version__})
