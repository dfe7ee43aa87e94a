"""Data sets in their published layouts, one file each; a file dropped in this folder is a set that a protocol can name.

Each module has an instance `DATASET` of `ash.datasets._base.Dataset`, which finds, reads and writes the set's files.
"""

import importlib
import pkgutil

from ash.datasets._base import Dataset
from ash.errors import ConfigError, known


def names() -> list[str]:
    """Every data set there is."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))


def load(name: str) -> Dataset:
    """The data set of that name; ConfigError names those there are."""
    if name not in names():
        raise ConfigError(f"data set {name!r} is not a file in ash/datasets; {known(name, names())}")
    dataset: Dataset = importlib.import_module(f"{__name__}.{name}").DATASET
    return dataset
