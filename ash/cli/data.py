"""Commands that make data: draw, manifest, prepare."""

from pathlib import Path
from typing import Annotated

import typer

from ash.cli.app import (
    DATA,
    Out,
    Params,
    ParamsOption,
    app,
    progress,
)
from ash.config import SPLITS, DatasetSettings, Settings, load
from ash.errors import ConfigError, StoreError, known

SetName = Annotated[str, typer.Argument(metavar="SET", help="name of a data set of the protocol")]


def dataset_of(settings: Settings, name: str) -> DatasetSettings:
    """A set of the protocol; ConfigError names those there are."""
    if name not in settings.protocol.datasets:
        there = known(name, settings.protocol.datasets)
        raise ConfigError(f"data set {name!r} is not in protocol {settings.params.protocol}; {there}")
    return settings.protocol.datasets[name]


@app.command(rich_help_panel=DATA)
def draw(
    name: SetName,
    out: Out,
    params: ParamsOption = Params,
    workers: Annotated[
        int | None, typer.Option(min=1, max=4096, help="processes; as many as cores unless named")
    ] = None,
) -> None:
    """Draw a miniature set in its published layout, and write its manifest to OUT."""
    from ash.preparation.drawn import draw as draw_files

    settings = load(params)
    dataset = dataset_of(settings, name)
    if dataset.draw is None or dataset.draw_size is None:
        raise ConfigError(f"data set {name}: is not drawn in protocol {settings.params.protocol}; use `ash manifest`")
    with progress(f"draw {name}") as show:
        draw_files(dataset, name, settings.protocol.seed, workers, show)
    manifest(name, out, None, params)


@app.command(rich_help_panel=DATA)
def manifest(
    name: SetName,
    out: Out,
    acquired: Annotated[Path | None, typer.Option(help="record of `ash acquire`, whose archives are shown too")] = None,
    params: ParamsOption = Params,
) -> None:
    """Read every file of a set, and write counts, sizes, label histogram and digests to OUT."""
    from ash.files.atomic import read_json, write_json
    from ash.preparation.manifest import build_manifest

    d = dataset_of(load(params), name)
    archives = {} if acquired is None else read_json(acquired).get("archives")
    if not isinstance(archives, dict):
        raise StoreError(f"{acquired}: is no record of archives; give what `ash acquire {name}` wrote")
    with progress(f"manifest {name}") as show:
        content = build_manifest(name, Path(d.root), d.validation, show, d.count, d.exclude)
    write_json(out, content | {"archives": archives})


@app.command(rich_help_panel=DATA)
def prepare(
    name: SetName,
    split: str,
    out: Out,
    manifest: Annotated[Path, typer.Option(help="the set's manifest")],
    params: ParamsOption = Params,
) -> None:
    """Resize a split of a set and map its labels, into one HDF5 file."""
    from ash.preparation import prepare as steps
    from ash.preparation.drawn import ensure_raw
    from ash.preparation.manifest import read_manifest

    settings = load(params)
    d = dataset_of(settings, name)
    if split not in SPLITS:
        raise ConfigError(f"split {split!r}: wanted one of train and val; {known(split, SPLITS)}")
    described = read_manifest(manifest, name)
    with progress(f"prepare {name} {split}") as show:
        ensure_raw(settings, name, described, show)
        steps.prepare(name, Path(d.root), split, out, d.image_size, d.label_size, d.validation, described, show)
