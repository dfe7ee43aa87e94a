"""What a whole protocol would take, from steps that were measured: hours of computing, and bytes on disk."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, NotRequired

import torch
from pydantic import Field, TypeAdapter
from typing_extensions import TypedDict  # pydantic wants it before Python 3.12

from ash import methods
from ash.config import Settings
from ash.errors import ConfigError
from ash.report.records import read_json_as
from ash.segmentation.deeplab import build_segmenter
from ash.style.stylizer import PAPER, NetworkSettings, load_stylizer
from ash.style.vgg import ENCODERS, STRIDE

BYTES = {"fp16": 2, "fp16_lz4": 2, "uint8": 1, "uint8_lz4": 1}  # of a stored feature, before compression


class Measured(TypedDict):
    """A row of `ash bench cost`, as far as it is needed: milliseconds of a step, and its 10^12 operations if counted."""

    experiment: str
    method: str
    ms: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    tflop: NotRequired[Annotated[float, Field(ge=0, allow_inf_nan=False)]]


_ROWS = TypeAdapter(Annotated[list[Measured], Field(min_length=1)])


def read_measured(path: Path) -> list[Measured]:
    """The rows that `ash bench cost` wrote; StoreError if the file is missing or holds anything else."""
    return read_json_as(_ROWS, path, "measure with `ash bench cost --synthetic ...`")


def hours(settings: Settings, measured: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A row for each method: experiments of the default groups, steps, hours and PFLOP of all its trainings.

    `measured` holds rows of `ash bench cost`; an experiment that is not among them counts as another one of its method.
    ConfigError names a method that none of them has.
    """
    by_name = {row["experiment"]: row for row in measured}
    by_method = {row["method"]: row for row in reversed(measured)}
    rows: dict[str, dict[str, Any]] = {}
    for name in settings.experiments(settings.params.groups):
        entry = settings.params.experiments[name]
        step = by_name.get(name) or by_method.get(entry.method)
        if step is None:
            raise ConfigError(f"method {entry.method}: not measured; add `--experiment {name}` to `ash bench cost`")
        steps = settings.experiment(name).training.iterations * len(settings.params.seeds)
        row = rows.setdefault(
            entry.method, {"method": entry.method, "experiments": 0, "steps": 0, "hours": 0.0, "pflop": 0.0}
        )
        row["experiments"] += 1
        row["steps"] += steps
        row["hours"] += steps * float(step["ms"]) / 3.6e6
        row["pflop"] += steps * float(step.get("tflop", 0)) / 1e3
    return list(rows.values())


def disk(settings: Settings) -> list[dict[str, Any]]:
    """A row for each file that the protocol keeps: images and labels of the sets, features, models; upper bounds, in GB."""
    protocol, rows = settings.protocol, []
    for name, dataset in protocol.datasets.items():
        (width, height), (label_width, label_height) = dataset.image_size, dataset.label_size
        labelled = name != protocol.style_set
        for split, count in (dataset.count or dataset.draw or {}).items():
            size = 3 * width * height + (label_width * label_height if labelled else 0)
            rows.append({"file": f"prepared {name} {split}", "count": count, "gb": count * size / 1e9})
    pair = _shape(settings)
    rows.append(_features(settings, pair, protocol.style_set, protocol.stylizer.storage, "features"))
    cached = protocol.stylizer.cache_content
    for name in _sources(settings) if cached else ():
        storage = "fp16" if cached == "auto" else protocol.stylizer.storage
        title = "features, if cached," if cached == "auto" else "features"
        rows.append(_features(settings, pair, name, storage, title))
    runs = len(settings.experiments(settings.params.groups)) * len(settings.params.seeds)
    with torch.device("meta"):
        weights = sum(
            value.numel() * value.element_size() for value in build_segmenter(protocol.segmenter).state_dict().values()
        )
    return [*rows, {"file": "models", "count": runs, "gb": runs * weights / 1e9}]


def _features(settings: Settings, pair: NetworkSettings, name: str, storage: str, title: str) -> dict[str, Any]:
    """The row of a set's feature file."""
    dataset = settings.protocol.datasets[name]
    cells = -(-dataset.image_size[0] // STRIDE[pair.depth]) * -(-dataset.image_size[1] // STRIDE[pair.depth])
    channels = pair.width * int(ENCODERS[pair.depth][-1])
    count = (dataset.count or dataset.draw or {}).get("train", 0)
    return {"file": f"{title} {name}", "count": count, "gb": count * cells * channels * BYTES[storage] / 1e9}


def _sources(settings: Settings) -> list[str]:
    """The sets that experiments which stylise learn from, each once."""
    names = settings.experiments(settings.params.groups)
    stylising = [name for name in names if methods.check_experiment(settings.experiment(name)).stylizer]
    return list(dict.fromkeys(settings.params.experiments[name].source for name in stylising))


def _shape(settings: Settings) -> NetworkSettings:
    """The stylizer's shape: its file's, or the paper's while that is not there."""
    weights = Path(settings.protocol.stylizer.weights)
    return load_stylizer(weights).settings if weights.exists() else PAPER
