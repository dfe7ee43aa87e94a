"""Commands that score: evaluate, evaluate-as, evaluate-model, score."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from ash.cli.app import (
    OWN,
    TRAIN,
    Out,
    Params,
    ParamsOption,
    app,
    console,
    progress,
)
from ash.cli.data import dataset_of
from ash.cli.named import PROTOCOL, TARGET, named_files
from ash.cli.train import Experiment, Seed
from ash.config import SOURCE, Settings, load
from ash.errors import ConfigError

if TYPE_CHECKING:
    from ash.evaluation.conventions import EvaluationProtocol


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
    for name, prepared in named_files(target, (*settings.protocol.datasets, SOURCE), TARGET).items():
        outs = out / f"{name}.json", out / f"{name}.npz"
        with progress(f"evaluate {experiment} seed {seed} on {name}") as show:
            evaluate_run(settings, experiment, seed, name, model, prepared, *outs, show)


@app.command(rich_help_panel=TRAIN)
def evaluate_as(
    protocol: Annotated[str, typer.Argument(metavar="PROTOCOL", help="evaluation protocol, e.g. mapillary_1536")],
    experiment: Annotated[str, typer.Argument(metavar="EXPERIMENT", help="name of an experiment of params.yaml")],
    seed: Seed,
    model: Annotated[Path, typer.Option(help="model.safetensors of the run")],
    manifest: Annotated[Path, typer.Option(help="manifest of the protocol's data set")],
    out: Out,
    params: ParamsOption = Params,
) -> None:
    """Score a trained model under a named evaluation protocol, on the raw images and labels of its set."""
    from ash.evaluation import conventions
    from ash.experiment.evaluate_raw import evaluate_protocol

    chosen, settings = conventions.load(protocol), load(params)
    with progress(f"evaluate {experiment} seed {seed} as {protocol}") as show:
        described = _raw_files(settings, chosen, manifest, show)
        evaluate_protocol(settings, experiment, seed, chosen, described, model, out, show)


@app.command(rich_help_panel=OWN)
def evaluate_model(
    model: Annotated[Path, typer.Argument(help="model.safetensors, trained or imported")],
    out: Annotated[Path, typer.Option("--out", help="folder for NAME.json, and NAME.npz of a target")],
    target: Annotated[
        list[str] | None, typer.Option(help="NAME=PREPARED, a target and its file; may be repeated")
    ] = None,
    protocol: Annotated[
        list[str] | None,
        typer.Option(help="NAME=MANIFEST, an evaluation protocol and the manifest of its set; may be repeated"),
    ] = None,
    params: ParamsOption = Params,
) -> None:
    """Score any model file on prepared targets and under evaluation protocols; prints mIoU and pixel accuracy."""
    from ash.evaluation import conventions
    from ash.experiment.evaluate import evaluate_file
    from ash.experiment.evaluate_raw import evaluate_file_as
    from ash.files.atomic import read_json

    settings = load(params)
    if not target and not protocol:
        raise ConfigError("evaluate-model: nothing to score on; name a --target, or a --protocol")
    for name, manifest in named_files(protocol or (), conventions.PROTOCOLS, PROTOCOL).items():
        chosen = conventions.load(name)
        with progress(f"evaluate {model} as {name}") as show:
            described = _raw_files(settings, chosen, manifest, show)
            evaluate_file_as(settings, chosen, described, model, out / f"{name}.json", show)
        console.print(_summary(name, read_json(out / f"{name}.json")), soft_wrap=True, markup=False, highlight=False)
    for name, prepared in named_files(target or (), settings.protocol.datasets, TARGET).items():
        with progress(f"evaluate {model} on {name}") as show:
            outs = out / f"{name}.json", out / f"{name}.npz"
            evaluate_file(settings, model, name, prepared, *outs, show)
        console.print(_summary(name, read_json(outs[0])), soft_wrap=True, markup=False, highlight=False)


@app.command(rich_help_panel=TRAIN)
def score(
    predictions: Annotated[Path, typer.Argument(help="folder of PNG predictions, searched with its subfolders")],
    labels: Annotated[Path, typer.Argument(help="folder of the set's label maps, of one split")],
    dataset: Annotated[str | None, typer.Option(help="data set that the labels are of")] = None,
    protocol: Annotated[
        str | None, typer.Option(help="evaluation protocol, where labels are not scored as they are")
    ] = None,
    ids: Annotated[str, typer.Option(help="what predictions hold: auto, train or label ids")] = "auto",
    out: Annotated[Path | None, typer.Option("--out", help="JSON file to write too")] = None,
) -> None:
    """Score label maps made by any program, as the official Cityscapes evaluator does."""
    from ash.evaluation import conventions
    from ash.evaluation.label_maps import score_folder
    from ash.files.atomic import write_json

    chosen = None if protocol is None else conventions.load(protocol)
    name = dataset or (chosen.dataset if chosen else None)
    if name is None or (chosen and name not in (chosen.dataset, chosen.labels)):
        known = ", ".join(conventions.PROTOCOLS)
        raise ConfigError(
            f"--dataset {dataset} --protocol {protocol}: wanted a data set, or one of {known}, that agree"
        )
    if ids not in ("auto", "train", "label"):
        raise ConfigError(f"--ids {ids}: wanted auto, train or label")
    with progress(f"score {predictions}") as show:
        reader = chosen.labels if chosen else name
        result = score_folder(predictions, labels, reader, ids, chosen, show)  # type: ignore[arg-type]
    if out is not None:
        write_json(out, result)
    _show(result, protocol or name)


def _raw_files(
    settings: Settings, protocol: "EvaluationProtocol", manifest: Path, show: Callable[[int, int], None]
) -> dict[str, Any]:
    """The manifest of a protocol's set, whose raw files are there and as it says; drawn anew if the project draws them."""
    from ash.preparation.drawn import compare, ensure_raw
    from ash.preparation.manifest import read_manifest

    dataset = dataset_of(settings, protocol.dataset)
    described = read_manifest(manifest, protocol.dataset)
    ensure_raw(settings, protocol.dataset, described, show)
    compare(dataset, protocol.dataset, described, ("val",))
    return described


def _summary(target: str, scores: dict[str, Any]) -> str:
    """The two numbers that one looks for first, in per cent, and over how many classes the mean goes."""
    present = sum(value is not None for value in scores["iou"].values())
    if not present:
        return f"{target}: its labels hold no pixel of any class"
    miou, accuracy = (100 * value for value in (scores["miou"]["19"], scores["pixel_accuracy"]))
    return f"{target}: mIoU {miou:.1f} % over the {present} classes in its labels, pixel accuracy {accuracy:.1f} %"


def _show(result: dict[str, object], title: str) -> None:
    """Class-wise IoU and the means, in per cent; classes that the labels lack are left out of the means."""
    values: dict[str, float | None] = {**result["iou"]}  # type: ignore[dict-item]
    means: dict[str, float | None] = {f"mIoU {n}": value for n, value in result["miou"].items()}  # type: ignore[attr-defined]
    console.print(f"{title}: {result['images']} images, predictions read as {result['ids']} ids", soft_wrap=True)
    table = Table("class", "IoU %")
    for name, value in (values | means | {"pixel accuracy": result["pixel_accuracy"]}).items():
        table.add_row(name, "absent" if value is None else f"{100 * float(str(value)):.2f}")
    console.print(table)
    if result["spare"]:
        console.print(f"{result['spare']} prediction(s) have no label map and were not scored")
