"""Commands that make pictures: montage, stylisation, stylise."""

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
from ash.errors import ConfigError

RunFolder = Annotated[Path, typer.Option("--run", help="folder of a run, results/models/EXPERIMENT/seedK")]


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


@app.command(rich_help_panel=RESULTS)
def stylisation(
    experiment: Annotated[str, typer.Argument(metavar="EXPERIMENT", help="name of an experiment of method ash")],
    run: RunFolder,
    stylizer: Annotated[Path, typer.Option(help="weights of the pair")],
    prepared: Annotated[Path, typer.Option(help="prepared training images of the source")],
    paintings: Annotated[Path, typer.Option(help="prepared paintings")],
    target: Annotated[Path, typer.Option(help="prepared images of a target, to be shown beside")],
    out: Out,
    params: ParamsOption = Params,
) -> None:
    """Write how a trained ASH stylises a few images, step by step, as .npz; `ash figures` draws it."""
    from ash.experiment.stylisation import write_stylisation

    write_stylisation(load(params), experiment, run, stylizer, prepared, paintings, target, out)


@app.command(rich_help_panel=OWN)
def stylise(
    image: Path,
    painting: Path,
    out: Out,
    stylizer: StylizerFile = None,
    run: Annotated[Path | None, typer.Option(help="folder of a run of ASH, whose hallucinator takes part")] = None,
    alpha: Annotated[
        float | None, typer.Option(min=0, max=1, help="share of the style; else 1, or with --run the run's own")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, max=2**31 - 1, help="seed of the noise, with --run; else 0")
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(
            help="WIDTHxHEIGHT to fit into for the segmenter, with --run; else the height of the first target; aspect kept"
        ),
    ] = None,
    params: ParamsOption = Params,
) -> None:
    """Give IMAGE the style of PAINTING, by the protocol's stylizer unless another is named."""
    from ash.experiment.pictures import stylise_by_run, stylise_image

    if run is None:
        if seed is not None or size is not None:
            raise ConfigError("--seed and --size: speak of a run's noise and segmenter; name one with --run")
        weights = stylizer or Path(load(params).protocol.stylizer.weights)
        stylise_image(weights, image, painting, 1.0 if alpha is None else alpha, out)
        return
    settings = load(params)
    weights = stylizer or Path(settings.protocol.stylizer.weights)
    wanted = settings.protocol.datasets[settings.targets[0]].image_size[1] if size is None else parse_size(size)
    used = stylise_by_run(run, weights, image, painting, alpha, seed or 0, wanted, out)
    console.print(f"{out}: classes as seen at {used[0]}x{used[1]}", soft_wrap=True, markup=False, highlight=False)
