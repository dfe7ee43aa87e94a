"""What a whole protocol would take, from steps that were measured: hours of computing, and bytes on disk."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ash import methods
from ash.config import Settings
from ash.errors import ConfigError
from ash.style.stylizer import PAPER, NetworkSettings, load_stylizer
from ash.style.vgg import STRIDE

BYTES = {"fp16": 2, "fp16_lz4": 2, "uint8": 1, "uint8_lz4": 1}  # of a stored feature, before compression


def hours(settings: Settings, measured: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A row for each recipe: its experiments, seeds, steps, seconds and TFLOP a step, hours and PFLOP of all its trainings.

    `measured` holds rows of `ash bench cost`; an experiment that is not among them counts as another one of its recipe.
    ConfigError names a recipe that none of them has.
    """
    by_name = {row["experiment"]: row for row in measured}
    by_recipe = {row["recipe"]: row for row in reversed(measured)}
    rows: dict[str, dict[str, Any]] = {}
    for name, entry in settings.params.experiments.items():
        step = by_name.get(name) or by_recipe.get(entry.recipe)
        if step is None:
            raise ConfigError(f"recipe {entry.recipe}: not measured; add `--experiment {name}` to `ash bench cost`")
        steps = settings.experiment(name).training.iterations * len(settings.params.seeds)
        row = rows.setdefault(
            entry.recipe, {"recipe": entry.recipe, "experiments": 0, "steps": 0, "hours": 0.0, "pflop": 0.0}
        )
        row["experiments"] += 1
        row["steps"] += steps
        row["hours"] += steps * float(step["ms"]) / 3.6e6
        row["pflop"] += steps * float(step.get("tflop", 0)) / 1e3
    return list(rows.values())


def disk(settings: Settings) -> list[dict[str, Any]]:
    """A row for each file that the protocol keeps: images and labels of the sets, features; upper bounds, in GB."""
    protocol, rows = settings.protocol, []
    for name, dataset in protocol.datasets.items():
        (width, height), (label_width, label_height) = dataset.image_size, dataset.label_size
        labelled = name != protocol.style_set
        for split, count in (dataset.count or dataset.draw or {}).items():
            size = 3 * width * height + (label_width * label_height if labelled else 0)
            rows.append({"file": f"prepared {name} {split}", "images": count, "gb": count * size / 1e9})
    pair = _shape(settings)
    for name in dict.fromkeys((protocol.style_set, *_sources(settings))):
        dataset = protocol.datasets[name]
        storage = protocol.stylizer.storage
        if name != protocol.style_set:
            if not protocol.stylizer.cache_content:
                continue
            storage = "fp16" if protocol.stylizer.cache_content == "auto" else storage
        cells = -(-dataset.image_size[0] // STRIDE[pair.depth]) * -(-dataset.image_size[1] // STRIDE[pair.depth])
        channels = pair.width * (8 if pair.depth == "relu4_1" else 4)
        count = (dataset.count or dataset.draw or {}).get("train", 0)
        where = (
            "features"
            if name == protocol.style_set or protocol.stylizer.cache_content is True
            else "features, if cached,"
        )
        rows.append({"file": f"{where} {name}", "images": count, "gb": count * cells * channels * BYTES[storage] / 1e9})
    return rows


def _sources(settings: Settings) -> list[str]:
    """The sets that experiments which stylise learn from."""
    names = settings.params.experiments
    return [e.source for name, e in names.items() if methods.check_experiment(settings.experiment(name)).stylizer]


def _shape(settings: Settings) -> NetworkSettings:
    """The stylizer's shape: its file's, or the paper's while that is not there."""
    weights = Path(settings.protocol.stylizer.weights)
    return load_stylizer(weights).settings if weights.exists() else PAPER
