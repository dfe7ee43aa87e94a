"""Commands for weights made elsewhere: import-checkpoint, evaluate-model, import-stylizer, fit-decoder."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ash.cli.app import OWN, Out, Params, ParamsOption, app, console, progress
from ash.cli.data import dataset_of
from ash.config import load
from ash.errors import ConfigError


@app.command(rich_help_panel=OWN)
def import_checkpoint(
    file: Annotated[str, typer.Argument(help="checkpoint (.pth, .safetensors), or torchvision:resnet101")],
    out: Annotated[Path, typer.Argument(help="file to write")],
    backbone: Annotated[bool, typer.Option(help="leave the heads out, as for initial weights")] = False,
    branches: Annotated[int | None, typer.Option(help="convolutions of a head that count; all of them")] = None,
    export: Annotated[
        bool, typer.Option("--export", help="the other way: FILE is ours, OUT a PyTorch checkpoint")
    ] = False,
) -> None:
    """Turn a checkpoint of the CLAN/ASH family into a model of this project, or back."""
    from ash.weights import checkpoints

    if export:
        checkpoints.export_checkpoint(Path(file), out)
    else:
        checkpoints.import_checkpoint(file, out, backbone=backbone, branches=branches)


@app.command(rich_help_panel=OWN)
def evaluate_model(
    model: Annotated[Path, typer.Argument(help="model.safetensors, trained or imported")],
    target: Annotated[list[str], typer.Option(help="NAME=PREPARED, a target and its file; may be repeated")],
    out: Annotated[Path, typer.Option("--out", help="folder for NAME.json and NAME.npz")],
    params: ParamsOption = Params,
) -> None:
    """Score any model file on prepared targets, whatever it was trained by; prints mIoU and pixel accuracy."""
    from ash.experiment.evaluate import evaluate_file
    from ash.files.atomic import read_json

    settings = load(params)
    for pair in target:
        name, prepared = named_file(pair)
        dataset_of(settings, name)
        with progress(f"evaluate {model} on {name}") as show:
            outs = out / f"{name}.json", out / f"{name}.npz"
            evaluate_file(settings.protocol.evaluation, model, name, prepared, *outs, show)
        console.print(_summary(name, read_json(outs[0])), soft_wrap=True, markup=False, highlight=False)


def _summary(target: str, scores: dict[str, Any]) -> str:
    """The two numbers that one looks for first, in per cent, and over how many classes the mean goes."""
    present = sum(value is not None for value in scores["iou"].values())
    if not present:
        return f"{target}: its labels hold no pixel of any class"
    miou, accuracy = (100 * value for value in (scores["miou"]["19"], scores["pixel_accuracy"]))
    return f"{target}: mIoU {miou:.1f} % over the {present} classes in its labels, pixel accuracy {accuracy:.1f} %"


def named_file(pair: str) -> tuple[str, Path]:
    """NAME=PREPARED taken apart; ConfigError if it is not that."""
    name, equals, prepared = pair.partition("=")
    if not equals:
        raise ConfigError(f"--target {pair}: wanted NAME=PREPARED, e.g. cityscapes=data/prepared/cityscapes_val.h5")
    return name, Path(prepared)


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
