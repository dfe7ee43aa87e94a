"""The command for checkpoints made elsewhere: import-checkpoint."""

from pathlib import Path
from typing import Annotated

import typer

from ash.cli.app import (
    OWN,
    app,
)


@app.command(rich_help_panel=OWN)
def import_checkpoint(
    file: Annotated[str, typer.Argument(help="checkpoint (.pth, .safetensors), or torchvision:resnet101")],
    out: Annotated[Path, typer.Argument(help="file to write")],
    backbone: Annotated[bool, typer.Option(help="leave the heads out, as for initial weights")] = False,
    branches: Annotated[int | None, typer.Option(min=1, help="convolutions of a head that count; all of them")] = None,
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
