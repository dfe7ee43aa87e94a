"""Commands that make pictures: montage, predict, stylise."""

from pathlib import Path
from typing import Annotated

import typer

from ash.cli.app import (
    OWN,
    RESULTS,
    Out,
    Params,
    ParamsOption,
    app,
    console,
    parse_size,
)
from ash.cli.train import StylizerFile
from ash.config import load


@app.command(rich_help_panel=RESULTS)
def montage(
    stylizer: Annotated[Path, typer.Option(help="weights of the pair")],
    prepared: Annotated[list[Path], typer.Option(help="prepared content; may be repeated")],
    paintings: Annotated[Path, typer.Option(help="prepared paintings")],
    alpha: Annotated[float, typer.Option(min=0, max=1, help="share of the style")],
    out: Out,
) -> None:
    """Show content images in the styles of paintings, as one PNG."""
    from ash.experiment.pictures import stylised_montage

    stylised_montage(stylizer, prepared, paintings, alpha, out)


@app.command(rich_help_panel=OWN)
def predict(
    image: Path,
    model: Annotated[Path, typer.Option(help="model.safetensors of a run, or an imported one")],
    out: Out,
    size: Annotated[
        str | None, typer.Option(help="WIDTHxHEIGHT for the network; else the height of the first target, aspect kept")
    ] = None,
    params: ParamsOption = Params,
) -> None:
    """Overlay the classes that a trained or imported model sees in IMAGE."""
    from ash.experiment.pictures import predict_image

    if size is None:
        settings = load(params)
        _, wanted = settings.protocol.datasets[settings.targets[0]].image_size
        used = predict_image(model, image, wanted, out)
    else:
        used = predict_image(model, image, parse_size(size), out)
    console.print(f"{out}: as seen at {used[0]}x{used[1]}", soft_wrap=True, markup=False, highlight=False)


@app.command(rich_help_panel=OWN)
def stylise(
    image: Path,
    painting: Path,
    out: Out,
    stylizer: StylizerFile = None,
    alpha: Annotated[float, typer.Option(min=0, max=1, help="share of the style")] = 1.0,
    params: ParamsOption = Params,
) -> None:
    """Give IMAGE the style of PAINTING, by the protocol's stylizer unless another is named."""
    from ash.experiment.pictures import stylise_image

    weights = stylizer or Path(load(params).protocol.stylizer.weights)
    stylise_image(weights, image, painting, alpha, out)
