"""The command that shows what a model sees: predict."""

from pathlib import Path
from typing import Annotated

import typer

from ash.cli.app import (
    OWN,
    Params,
    ParamsOption,
    app,
    console,
    parse_size,
    progress,
)
from ash.config import load
from ash.errors import ConfigError

Size = tuple[int, int]
OWN_SIZE = "native"


@app.command(rich_help_panel=OWN)
def predict(
    pictures: Annotated[list[Path], typer.Argument(help="pictures, or folders of them such as a video's frames")],
    model: Annotated[Path, typer.Option(help="model.safetensors of a run, or an imported one")],
    out: Annotated[Path, typer.Option("--out", help="overlay to write; of several pictures, a folder of overlays")],
    labels: Annotated[
        Path | None, typer.Option(help="label map of train ids to write too; of several pictures, a folder")
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(
            help="size at which the network sees a picture, its aspect kept: a HEIGHT, a WIDTHxHEIGHT to fit into, or"
            " native; else the height of the first target"
        ),
    ] = None,
    tile: Annotated[
        str, typer.Option(help="WIDTHxHEIGHT; what is larger is seen in tiles of this size that overlap")
    ] = "2048x2048",
    params: ParamsOption = Params,
) -> None:
    """Overlay the classes that a trained or imported model sees in PICTURES."""
    from ash.experiment.viewer import Viewer, predict_pictures, tasks_of

    wanted, largest = _size(size, params), parse_size(tile)
    tasks = tasks_of(pictures, out, labels, model)
    viewer = Viewer(model, largest)
    if len(tasks) == 1:
        seen = predict_pictures(viewer, tasks, wanted)
    else:
        with progress("predict") as show:
            seen = predict_pictures(viewer, tasks, wanted, show)
    sizes = [f"{width}x{height}" for width, height in sorted(set(seen))]
    told = ", ".join(sizes[:3]) + (f" and {len(sizes) - 3} other sizes" if len(sizes) > 3 else "")
    count = "" if len(tasks) == 1 else f"{len(tasks)} pictures, "
    console.print(f"{out}: {count}as seen at {told}", soft_wrap=True, markup=False, highlight=False)


def _size(text: str | None, params: Path) -> Size | int | None:
    """What --size says: a height, a size to fit into, None for the picture's own; ConfigError if it says none of them."""
    if text is None:
        settings = load(params)
        return settings.protocol.datasets[settings.targets[0]].image_size[1]
    if text == OWN_SIZE:
        return None
    if "x" in text:
        return parse_size(text)
    if not text.isdecimal() or int(text) < 32:
        raise ConfigError(f"--size {text}: wanted a height of 32 pixels or more, WIDTHxHEIGHT, or {OWN_SIZE}")
    return int(text)
