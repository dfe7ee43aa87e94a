"""Commands that make data: draw, manifest, prepare, stylizer, refit-stylizer, features, rain."""

from pathlib import Path
from typing import Annotated

import typer

from ash.cli.app import DATA, WORKFLOW, Out, Params, ParamsOption, app, progress
from ash.config import DatasetSettings, Settings, load
from ash.errors import ConfigError

SetName = Annotated[str, typer.Argument(metavar="SET", help="name of a data set of the protocol")]
Prepared = Annotated[Path, typer.Option("--prepared", help="prepared HDF5 file")]


def dataset_of(settings: Settings, name: str) -> DatasetSettings:
    """A set of the protocol; ConfigError names those there are."""
    if name not in settings.protocol.datasets:
        known = ", ".join(settings.protocol.datasets)
        raise ConfigError(f"data set {name!r} is not in protocol {settings.params.protocol}; known: {known}")
    return settings.protocol.datasets[name]


@app.command(rich_help_panel=DATA)
def draw(name: SetName, out: Out, params: ParamsOption = Params, workers: int | None = None) -> None:
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
    archives = {} if acquired is None else read_json(acquired)["archives"]
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
    from ash.files.atomic import read_json
    from ash.preparation import prepare as steps
    from ash.preparation.drawn import ensure_raw

    settings, described = load(params), read_json(manifest)
    d = dataset_of(settings, name)
    with progress(f"prepare {name} {split}") as show:
        ensure_raw(settings, name, described, show)
        steps.prepare(name, Path(d.root), split, out, d.image_size, d.label_size, d.validation, described, show)


@app.command(rich_help_panel=WORKFLOW)
def stylizer(weights: Path, out: Out) -> None:
    """Check a pair of encoder and decoder, and copy it to OUT."""
    from ash.files.atomic import atomic
    from ash.style.stylizer import load_stylizer

    pair = load_stylizer(weights)
    with atomic(out) as temporary:
        pair.save(temporary)


@app.command(rich_help_panel=WORKFLOW)
def refit_stylizer(
    out: Out,
    log: Annotated[Path, typer.Option(help="JSON file for settings, losses and quality")],
    source: Annotated[list[Path], typer.Option(help="prepared labelled set; may be repeated")],
    held_out: Annotated[list[Path], typer.Option(help="prepared set to judge the pair on; may be repeated")],
    paintings: Annotated[Path, typer.Option(help="prepared paintings")],
    params: ParamsOption = Params,
) -> None:
    """Fit the miniature's encoder and decoder from nothing (docs/why/miniature.md)."""
    from ash.fitting.refit import refit_files

    with progress("refit stylizer") as show:
        refit_files(load(params), source, held_out, paintings, out, log, show)


@app.command(rich_help_panel=WORKFLOW)
def features(
    prepared: Prepared,
    stylizer: Annotated[Path, typer.Option(help="weights of the pair")],
    out: Out,
    auto: Annotated[bool, typer.Option("--auto", help="only if reading them is measured to be faster")] = False,
    params: ParamsOption = Params,
) -> None:
    """Encode every image of a prepared set, once."""
    from ash.features.cache import make_cache
    from ash.machine.device import device, enough_memory
    from ash.style.stylizer import load_stylizer

    storage = load(params).protocol.stylizer.storage
    with progress(f"features {prepared.stem}") as show, enough_memory(device(), "prepare smaller images (image_size)"):
        make_cache(prepared, load_stylizer(stylizer).to(device()), out, storage, auto=auto, progress=show)


@app.command(rich_help_panel=WORKFLOW)
def rain(
    style: Annotated[Path, typer.Option(help="cached features of the paintings")],
    stylizer: Annotated[Path, typer.Option(help="weights of the pair")],
    out: Out,
    params: ParamsOption = Params,
) -> None:
    """Fit ASM's VAE to the styles of the paintings."""
    from ash.fitting.rain import fit_rain

    with progress("rain") as show:
        fit_rain(load(params), style, stylizer, out, show)
