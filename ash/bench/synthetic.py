"""Files of random content at any size, so that a step can be measured without data and without weights."""

from pathlib import Path

import numpy as np
import torch

from ash import methods
from ash.config import Settings
from ash.experiment.inputs import RunFiles
from ash.features.file import cache_features
from ash.files.atomic import atomic
from ash.files.hdf5 import PREPARED_SCHEMA, create_h5
from ash.fitting.pair import initialise
from ash.labels import N_CLASSES
from ash.style.rain import StatisticsVae, serialise
from ash.style.stylizer import PAPER, Stylizer, load_stylizer

COUNT = 2  # images, and as many paintings where no method wants more
PATCH = 16  # pixels of a side that has one class


def synthetic_files(
    settings: Settings,
    size: tuple[int, int],
    where: torch.device,
    folder: Path,
    paintings: tuple[int, int] | None = None,
) -> RunFiles:
    """Everything that any method may read, for images of `size` (width, height); paintings have their set's size, or theirs.

    The stylizer is the protocol's if its file is there, else one of the paper's shape with random weights.
    """
    needs = (methods.check_experiment(settings.experiment(name)) for name in settings.params.experiments)
    weights = Path(settings.protocol.stylizer.weights)
    pair = load_stylizer(weights) if weights.exists() else _random_pair()
    with atomic(folder / "stylizer.safetensors") as temporary:
        pair.save(temporary)
    files = RunFiles(
        prepared=_prepared(folder / "source.h5", size, labels=True),
        withheld=_prepared(folder / "withheld.h5", size, labels=True),
        stylizer=folder / "stylizer.safetensors",
        paintings=_prepared(
            folder / "paintings.h5",
            paintings or settings.protocol.datasets[settings.protocol.style_set].image_size,
            count=max(COUNT, *(need.bank or 0 for need in needs)),
        ),
        style=folder / "style.h5",
        target=_prepared(folder / "target.h5", size),
        rain=folder / "rain.safetensors",
    )
    assert files.paintings is not None
    cache_features(files.paintings, pair.to(where), folder / "style.h5", settings.protocol.stylizer.storage, 1)
    (folder / "rain.safetensors").write_bytes(serialise(StatisticsVae(pair.channels), pair.digest))
    return files


def _random_pair() -> Stylizer:
    pair = Stylizer(PAPER)
    initialise(pair, torch.Generator().manual_seed(0))
    return pair.freeze()


def _prepared(path: Path, size: tuple[int, int], *, labels: bool = False, count: int = COUNT) -> Path:
    """A prepared set of noise; its labels are squares of one class each."""
    width, height = size
    random = np.random.default_rng(0)
    with create_h5(path, PREPARED_SCHEMA, {"manifest": "synthetic"}) as file:
        file.put("image", random.integers(0, 256, (count, height, width, 3), np.uint8))
        if labels:
            small = random.integers(0, N_CLASSES, (count, -(-height // PATCH), -(-width // PATCH)), np.uint8)
            file.put("label", small.repeat(PATCH, 1).repeat(PATCH, 2)[:, :height, :width])
    return path
