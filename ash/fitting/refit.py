"""The miniature's pair from prepared files: reads them, fits (`ash.fitting.pair`), writes the pair and its record."""

from pathlib import Path

import numpy as np
import torch

from ash.config import Settings
from ash.errors import ConfigError, DataError
from ash.files.atomic import atomic, write_json
from ash.files.hdf5 import PREPARED_SCHEMA, open_h5
from ash.fitting.pair import RefitSettings, refit
from ash.fitting.quality import quality
from ash.progress import Progress

HELD_OUT = 48  # last paintings, and so many contents, that judge the pair and are not fitted on; at most
SHARE = 8  # of which one part is held out, where there are few


def refit_files(
    settings: Settings, sources: list[Path], held_out: list[Path], paintings: Path, out: Path, log: Path, show: Progress
) -> None:
    """Fit a pair on prepared sources and paintings; write it to `out`, and settings, losses and quality to `log`.

    One thread, so that the sums have one order: the outcome is the same on every run on one kind of CPU.
    """
    if settings.protocol.refit is None:
        raise ConfigError(f"protocol {settings.params.protocol}: has no section refit; its stylizer is published")
    fit = RefitSettings.model_validate(settings.protocol.refit)
    torch.set_num_threads(1)
    images = {path.stem: _read(path, "image") for path in sources}
    labels = {path.stem: _read(path, "label") for path in sources}
    styles = _read(paintings, "image")
    losses: list[dict[str, object]] = []
    judges = min(HELD_OUT, len(styles) // SHARE)
    if judges < len(held_out):
        raise DataError(
            f"{paintings}: {len(styles)} painting(s), wanted {SHARE * len(held_out)} or more, for some judge the pair; add some"
        )
    pair = refit(images, labels, styles[:-judges], fit, losses, show)
    contents = np.concatenate([_read(path, "image")[: judges // len(held_out)] for path in held_out])
    with atomic(out) as temporary:
        pair.save(temporary)
    record = {
        "settings": fit.model_dump(mode="json"),
        "data": {path.stem: _origin(path) for path in (*sources, paintings)},
        "losses": losses,
        "quality": quality(pair, contents, styles[-len(contents) :]),
        "digest": pair.digest,
    }
    write_json(log, record)


def _read(path: Path, name: str) -> np.ndarray:
    with open_h5(path, PREPARED_SCHEMA) as file:
        values: np.ndarray = file[name][:]
        return values


def _origin(path: Path) -> str:
    """The digest of the manifest that a prepared file was made from."""
    with open_h5(path, PREPARED_SCHEMA) as file:
        return str(file.attrs["manifest"])
