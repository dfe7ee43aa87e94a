"""Commands around experiments: train, evaluate, montage, predict, stylise."""

from pathlib import Path
from typing import Annotated

import typer

from ash.cli.app import OWN, RESULTS, TRAIN, Out, Params, ParamsOption, app, console, parse_size, progress
from ash.cli.weights import named_file
from ash.config import load

Experiment = Annotated[str, typer.Argument(metavar="EXPERIMENT", help="name of an experiment of params.yaml")]
Seed = Annotated[int, typer.Option(help="seed of weights, order and noise")]
PreparedFile = Annotated[Path, typer.Option("--prepared", help="prepared HDF5 file")]
StylizerFile = Annotated[Path | None, typer.Option("--stylizer", help="weights of the pair, for methods that stylise")]
StyleFile = Annotated[Path | None, typer.Option("--style", help="cached features of the paintings")]
ContentFile = Annotated[Path | None, typer.Option("--content", help="cached features of the source; else encoded anew")]
PaintingsFile = Annotated[Path | None, typer.Option("--paintings", help="prepared paintings, where no cache serves")]
TargetFile = Annotated[
    Path | None, typer.Option("--target", help="prepared training images of a target; no labels are read")
]
RainFile = Annotated[Path | None, typer.Option("--rain", help="ASM's VAE of styles")]
InitialFile = Annotated[
    Path | None, typer.Option("--initial", help="initial weights of the segmenter, where the protocol names some")
]


@app.command(rich_help_panel=TRAIN)
def train(
    experiment: Experiment,
    seed: Seed,
    prepared: PreparedFile,
    out: Annotated[Path, typer.Option("--out", help="folder for model, history and provenance")],
    stylizer: StylizerFile = None,
    style: StyleFile = None,
    content: ContentFile = None,
    paintings: PaintingsFile = None,
    target: TargetFile = None,
    rain: RainFile = None,
    initial: InitialFile = None,
    steps: Annotated[
        int | None,
        typer.Option(min=1, help="iterations of a trial in place of the stated ones; its model enters no table"),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(help="file that a killed training goes on from, removed at the end; else OUT/resume.pt"),
    ] = None,
    params: ParamsOption = Params,
) -> None:
    """Train one experiment with one seed; goes on where a killed run stopped."""
    from ash.experiment.inputs import RunFiles
    from ash.experiment.train import train_run

    files = RunFiles(
        prepared=prepared,
        stylizer=stylizer,
        paintings=paintings,
        style=style,
        content=content,
        target=target,
        rain=rain,
        initial=initial,
    )
    settings = load(params) if steps is None else load(params).with_iterations(experiment, steps)
    with progress(f"train {experiment} seed {seed}") as show:
        train_run(settings, experiment, seed, files, out, resume or out / "resume.pt", show)


@app.command(rich_help_panel=TRAIN)
def evaluate(
    experiment: Experiment,
    seed: Seed,
    model: Annotated[Path, typer.Option(help="model.safetensors of the run")],
    out: Annotated[Path, typer.Option("--out", help="folder for NAME.json and NAME.npz")],
    target: Annotated[list[str], typer.Option(help="NAME=PREPARED, a target and its file; may be repeated")],
    params: ParamsOption = Params,
) -> None:
    """Score a trained model on targets: writes NAME.json and NAME.npz for each."""
    from ash.experiment.evaluate import evaluate_run

    settings = load(params)
    for pair in target:
        name, prepared = named_file(pair)
        outs = out / f"{name}.json", out / f"{name}.npz"
        with progress(f"evaluate {experiment} seed {seed} on {name}") as show:
            evaluate_run(settings, experiment, seed, name, model, prepared, *outs, show)


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
