"""Commands about what methods stylise with: stylizer, features, rain, refit-stylizer, import-stylizer, fit-decoder."""

from pathlib import Path
from typing import Annotated

import typer

from ash.cli.app import (
    OWN,
    WORKFLOW,
    Out,
    Params,
    ParamsOption,
    app,
    progress,
)
from ash.config import load

Prepared = Annotated[Path, typer.Option("--prepared", help="prepared HDF5 file")]


@app.command(rich_help_panel=WORKFLOW)
def stylizer(weights: Path, out: Out) -> None:
    """Check a pair of encoder and decoder, and copy it to OUT."""
    import shutil

    from ash.files.atomic import atomic
    from ash.style.stylizer import load_stylizer

    load_stylizer(weights)
    with atomic(out) as temporary:
        shutil.copyfile(weights, temporary)


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


@app.command(rich_help_panel=OWN)
def import_stylizer(
    encoder: Annotated[str, typer.Argument(help="vgg_normalised.pth of pytorch-AdaIN")],
    decoder: Annotated[Path, typer.Argument(help="decoder.pth of pytorch-AdaIN")],
    out: Annotated[Path, typer.Argument(help="file to write")],
) -> None:
    """Turn AdaIN's published encoder and decoder into the stylizer's file."""
    from ash.weights.adain import import_pair

    import_pair(encoder, str(decoder), out)


@app.command(rich_help_panel=OWN)
def fit_decoder(
    content: Annotated[list[Path], typer.Option(help="prepared set of contents; may be repeated")],
    paintings: Annotated[Path, typer.Option(help="prepared paintings")],
    out: Out,
    log: Annotated[Path, typer.Option(help="JSON file for settings and losses")],
    params: ParamsOption = Params,
) -> None:
    """Fit a decoder to the protocol's encoder; goes on where a killed fit stopped."""
    from ash.fitting.decoder import fit_decoder as fit

    with progress("fit decoder") as show:
        fit(load(params), content, paintings, out, log, show)
