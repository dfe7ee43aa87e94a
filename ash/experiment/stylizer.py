"""Fitting what methods stylise with: the miniature's pair of encoder and decoder, and ASM's VAE of styles."""

from pathlib import Path

import numpy as np
import torch

from ash.config import Settings
from ash.errors import CheckpointError, ConfigError
from ash.experiment.run import Progress
from ash.features import FeatureFile
from ash.foreign import read_state
from ash.store import PREPARED_SCHEMA, atomic, open_h5, write_json
from ash.style import rain
from ash.style.published import stylizer_of
from ash.style.quality import quality
from ash.style.refit import RefitSettings, refit
from ash.style.stylizer import load_stylizer

HELD_OUT = 48  # last paintings, and so many contents, that judge the pair and are not fitted on


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
    pair = refit(images, labels, styles[:-HELD_OUT], fit, losses, show)
    contents = np.concatenate([_read(path, "image")[: HELD_OUT // len(held_out)] for path in held_out])
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


def import_pair(encoder: str, decoder: str, out: Path) -> None:
    """Write the pair made of published weights; CheckpointError names the files that do not fit."""
    try:
        pair = stylizer_of(read_state(encoder), read_state(decoder))
    except CheckpointError as cause:
        raise CheckpointError(f"{encoder}, {decoder}: {cause}") from cause
    with atomic(out) as temporary:
        pair.save(temporary)


def fit_rain(settings: Settings, style: Path, stylizer: Path, out: Path, show: Progress) -> None:
    """Fit the VAE to the style of every painting of a feature file; one thread, as for the pair."""
    torch.set_num_threads(1)
    pair = load_stylizer(stylizer)
    with FeatureFile(style, pair.digest) as paintings:
        styles = torch.cat([rain.statistics_of(paintings.read([k])) for k in range(len(paintings))])
    vae = rain.fit(styles, settings.protocol.rain, show)
    with atomic(out) as temporary:
        temporary.write_bytes(rain.serialise(vae, pair.digest))


def _read(path: Path, name: str) -> np.ndarray:
    with open_h5(path, PREPARED_SCHEMA) as file:
        values: np.ndarray = file[name][:]
        return values


def _origin(path: Path) -> str:
    """The digest of the manifest that a prepared file was made from."""
    with open_h5(path, PREPARED_SCHEMA) as file:
        return str(file.attrs["manifest"])
