"""Commands that make pictures: montage, stylise."""

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
