"""Raw sets that the project draws: drawn again where they are missing or are not what their manifest says."""

import fcntl
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ash import datasets
from ash.config import DatasetSettings, Settings
from ash.errors import DataError
from ash.files.atomic import digest
from ash.miniature.draw import draw_set
from ash.preparation.census import ranges
from ash.preparation.manifest import check_split, file_facts
from ash.progress import Progress

log = logging.getLogger(__name__)


def ensure_raw(settings: Settings, name: str, manifest: dict[str, Any], progress: Progress) -> None:
    """See to it that the files of a drawn set are there and are those of its manifest.

    A drawn set is a pure function of its settings, so it is no output of the workflow and not versioned: in a fresh
    clone it is missing, after a change of branches it may be another.  Then it is drawn again, which the log tells.
    DataError if it still differs.  A set that the user provides is left alone: its readers compare it as they read.
    """
    dataset = settings.protocol.datasets[name]
    if dataset.draw is None:
        return
    with _locked(Path(dataset.root)):
        try:
            compare(dataset, name, manifest, manifest["splits"])
        except DataError as fault:
            log.info("%s: drawn again, because: %s", dataset.root, fault)
            draw(dataset, name, settings.protocol.seed, None, progress)
            compare(dataset, name, manifest, manifest["splits"])


def draw(dataset: DatasetSettings, name: str, seed: int, workers: int | None, progress: Progress) -> None:
    """Draw a set of the protocol; the settings say that it is drawn."""
    assert dataset.draw is not None
    assert dataset.draw_size is not None
    draw_set(name, Path(dataset.root), dataset.draw, dataset.draw_size, seed, workers, progress)


def compare(dataset: DatasetSettings, name: str, manifest: dict[str, Any], splits: Iterable[str]) -> None:
    """DataError unless the files of the splits are those of the manifest; decodes none."""
    root, source = Path(dataset.root), datasets.load(name)
    for split in splits:
        excluded = manifest["splits"].get(split, {}).get("excluded", {})
        samples = source.index(root, split, dataset.validation, excluded)
        check_split("ids", list(ranges([sample.id for sample in samples])), manifest, split, root)
        facts = [fact for sample in samples for fact in file_facts(sample, root)]
        check_split("files", digest(sorted(facts)), manifest, split, root)


@contextmanager
def _locked(root: Path) -> Iterator[None]:
    """Keep two jobs from drawing one set at a time."""
    root.parent.mkdir(parents=True, exist_ok=True)
    with root.with_name(f".{root.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
