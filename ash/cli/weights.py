"""The command for checkpoints made elsewhere: import-checkpoint."""

from pathlib import Path
from typing import Annotated, Literal

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
    output_stride: Annotated[
        Literal["8", "16"] | None, typer.Option(help="of DeepLabV3+ of RobustNet's family, which its file name states")
    ] = None,
    export: Annotated[
        bool, typer.Option("--export", help="the other way: FILE is ours, OUT a PyTorch checkpoint")
    ] = False,
) -> None:
    """Turn a checkpoint of the CLAN/ASH family, or of RobustNet's, into a model of this project, or back."""
    from ash.weights import checkpoints

    if export:
        checkpoints.export_checkpoint(Path(file), out)
    else:
        stride: Literal[8, 16] | None = None if output_stride is None else 8 if output_stride == "8" else 16
        checkpoints.import_checkpoint(file, out, backbone=backbone, branches=branches, output_stride=stride)
