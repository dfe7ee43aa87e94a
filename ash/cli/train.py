"""The command that trains: train."""

from pathlib import Path
from typing import Annotated

import typer

from ash.cli.app import (
    TRAIN,
    Params,
    ParamsOption,
    app,
    progress,
)
from ash.config import load

Experiment = Annotated[str, typer.Argument(metavar="EXPERIMENT", help="name of an experiment of params.yaml")]
Seed = Annotated[int, typer.Option(min=0, max=2**31 - 1, help="seed of weights, order and noise")]
PreparedFile = Annotated[Path, typer.Option("--prepared", help="prepared HDF5 file")]
WithheldFile = Annotated[
    Path | None, typer.Option("--withheld", help="the source's held-out images, for trainings that have them too")
]
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
    withheld: WithheldFile = None,
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
        withheld=withheld,
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
