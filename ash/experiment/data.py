"""Preparation of a split, from raw files that the user owns or that the project draws (again where they are missing)."""

import fcntl
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ash.config import DatasetSettings, Settings
from ash.errors import DataError
from ash.miniature.draw import draw_set
from ash.prepare import prepare

log = logging.getLogger(__name__)
Progress = Callable[[int, int], None]


def prepare_set(
    settings: Settings, name: str, split: str, manifest: dict[str, Any], out: Path, progress: Progress
) -> None:
    """Write the prepared file of a set's split, from the files that `manifest` describes.

    A drawn set is a pure function of its settings, so it is neither an output of the workflow nor versioned: where its
    files are missing or are not those of the manifest (a fresh clone, another branch), it is drawn again, which the log
    tells, and must then agree.  DataError where it does not, and at once for a set that the user provides.
    """
    dataset = settings.protocol.datasets[name]
    root = Path(dataset.root)

    def run() -> None:
        prepare(
            name,
            root,
            split,
            out,
            dataset.image_size,
            dataset.label_size,
            dataset.validation,
            manifest,
            progress,
        )

    if dataset.draw is None:
        run()
        return
    with _locked(root):
        try:
            run()
        except DataError as fault:
            log.info("%s: drawn again, because: %s", root, fault)
            draw(dataset, name, settings.protocol.seed, None, progress)
            run()


def draw(dataset: DatasetSettings, name: str, seed: int, workers: int | None, progress: Progress) -> None:
    """Draw a set of the protocol; the settings say that it is drawn."""
    assert dataset.draw is not None
    assert dataset.draw_size is not None
    draw_set(name, Path(dataset.root), dataset.draw, dataset.draw_size, seed, workers, progress)


@contextmanager
def _locked(root: Path) -> Iterator[None]:
    """Keep two jobs from drawing one set at a time."""
    root.parent.mkdir(parents=True, exist_ok=True)
    with root.with_name(f".{root.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
