"""What a run reads: whether it is what its settings name, and digests by which a killed run knows it again."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ash import methods
from ash.config import Experiment, Settings
from ash.contract import Needs
from ash.errors import ConfigError, DataError
from ash.experiment.inputs import RunFiles
from ash.files.atomic import file_digest
from ash.files.hdf5 import FEATURES_SCHEMA, PREPARED_SCHEMA, open_h5
from ash.training.code import PACKAGE, code_digest

SCHEMAS = {
    **dict.fromkeys(("prepared", "withheld", "paintings", "target"), PREPARED_SCHEMA),
    **dict.fromkeys(("style", "content"), FEATURES_SCHEMA),
}


def check_prepared(
    settings: Settings, path: Path, name: str, split: str | None = None, schema: str = PREPARED_SCHEMA
) -> None:
    """DataError unless a prepared file, or features of one, is of that set (and split) at the protocol's sizes."""
    datasets = settings.protocol.datasets
    if name not in datasets:
        raise ConfigError(f"{path}: given as data set {name!r}; known: {', '.join(datasets)}")
    wanted: dict[str, Any] = {"dataset": name, "image_size": list(datasets[name].image_size)}
    wanted |= {} if split is None else {"split": split}
    wanted |= {"label_size": list(datasets[name].label_size)} if schema == PREPARED_SCHEMA else {}
    with open_h5(path, schema) as file:
        found = {key: _plain(file.attrs.get(key)) for key in wanted}
    wrong = [key for key in wanted if found[key] != wanted[key]]
    if wrong:
        told = ", ".join(f"{key} {found[key] or 'not stated'}, wanted {wanted[key]}" for key in wrong)
        raise DataError(f"{path}: {told}; give that set's file, or prepare it again")


def check_files(settings: Settings, experiment: Experiment, needs: Needs, files: RunFiles) -> None:
    """DataError unless every file of images or features that a run will read is of the set that its settings name."""
    style, source = experiment.style_set, experiment.source
    sets: dict[str, str | None] = {
        **dict.fromkeys(("prepared", "withheld", "content"), source),
        **dict.fromkeys(("paintings", "style"), style),
        "target": experiment.target,
    }
    for name, schema in SCHEMAS.items():
        path, wanted = getattr(files, name), sets[name]
        if path is not None and wanted is not None and _read(name, needs):
            check_prepared(settings, path, wanted, "val" if name == "withheld" else "train", schema)


def digests(experiment: Experiment, needs: Needs, files: RunFiles) -> dict[str, str]:
    """Digests of all files that a run reads, and of its code, by what they are."""
    given = {name: getattr(files, name) for name in RunFiles.__dataclass_fields__}
    read = {name: path for name, path in given.items() if path is not None and _read(name, needs)}
    method = Path(methods.load(experiment.method).__file__ or "")
    code = method.parent if method.name == "__init__.py" else method
    own = ("experiment", "weights", "methods/_networks.py", code.relative_to(PACKAGE).as_posix())
    return {name: _digest(name, path) for name, path in read.items()} | {"code": code_digest(own)}


def _read(name: str, needs: Needs) -> bool:
    """Whether a method reads a file of that name; every run may read the source and initial weights."""
    needed: Mapping[str, bool] = {
        "stylizer": needs.stylizer,
        "paintings": needs.stylizer and not needs.cached_style,
        "style": needs.stylizer and needs.cached_style,
        "content": needs.stylizer and needs.cached_content,
        "target": needs.any_target,
        "withheld": needs.withheld,
        "rain": needs.rain,
    }
    return needed.get(name, True)


def _digest(name: str, path: Path) -> str:
    if name not in SCHEMAS:
        return file_digest(path)
    with open_h5(path, SCHEMAS[name]) as file:
        return str(file.attrs["content"])


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else value
