"""Commands that measure this machine: bench step, bench cost, bench storage."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from ash.cli.app import Out, Params, ParamsOption, app, console, parse_size, progress
from ash.cli.train import (
    ContentFile,
    Experiment,
    InitialFile,
    PaintingsFile,
    PreparedFile,
    RainFile,
    StyleFile,
    StylizerFile,
    TargetFile,
)
from ash.config import load
from ash.errors import ConfigError

Row = dict[str, float | str]

bench = typer.Typer(help="Measure this machine.", no_args_is_help=True)
app.add_typer(bench, name="bench")


@bench.command()
def step(
    experiment: Experiment,
    prepared: Annotated[
        Path | None, typer.Option("--prepared", help="prepared HDF5 file; or state --synthetic")
    ] = None,
    stylizer: StylizerFile = None,
    style: StyleFile = None,
    content: ContentFile = None,
    paintings: PaintingsFile = None,
    target: TargetFile = None,
    rain: RainFile = None,
    synthetic: Annotated[str | None, typer.Option(help="WIDTHxHEIGHT of random images that stand for data")] = None,
    protocol: Annotated[str | None, typer.Option(help="another protocol than that of params.yaml")] = None,
    precision: Annotated[str | None, typer.Option(help="auto, bf16 or fp32, in place of the protocol's")] = None,
    recompute: Annotated[bool | None, typer.Option(help="in place of the protocol's")] = None,
    compare: Annotated[
        str | None, typer.Option(help="eager-fp32: a second column, and how much faster the first is")
    ] = None,
    steps: Annotated[int, typer.Option(min=1, help="after two that warm up")] = 10,
    params: ParamsOption = Params,
) -> None:
    """Time one training step, part by part, against the peak of the machine."""
    from ash.experiment.bench import bench_step
    from ash.experiment.memory import device
    from ash.experiment.parts import TrainFiles
    from ash.experiment.synthetic import synthetic_files

    if compare not in (None, "eager-fp32") or precision not in (None, "auto", "bf16", "fp32"):
        raise ConfigError(f"--compare {compare} --precision {precision}: wanted eager-fp32, and auto, bf16 or fp32")
    settings = load(params, protocol)
    given = {"precision": precision, "recompute": recompute}
    changes = {name: value for name, value in given.items() if value is not None}
    with tempfile.TemporaryDirectory() as folder:
        if synthetic is not None:
            files = synthetic_files(settings, parse_size(synthetic), device(), Path(folder))
        elif prepared is not None:
            files = TrainFiles(prepared, stylizer, paintings, style, content, target, rain)
        else:
            raise ConfigError("bench step: neither --prepared nor --synthetic; state one, e.g. --synthetic 1280x720")
        rows = bench_step(settings, experiment, files, steps, changes)
        other = bench_step(settings, experiment, files, steps, changes | {"precision": "fp32"}) if compare else None
    _show_step(experiment, rows, other)


def _show_step(experiment: str, rows: list[Row], other: list[Row] | None) -> None:
    """The table, and what cannot be said of a single part."""
    columns = ["part", "ms", "TFLOP", "% of peak", *(["eager fp32, ms", "times as fast"] if other else [])]
    table = Table(*columns, title=f"one step of {experiment}")
    for k, row in enumerate(rows):
        cells = [str(row["part"]), f"{row['ms']:.1f}", f"{row['tflop']:.3f}", f"{100 * float(row['share']):.0f}"]
        if other:
            slow = float(other[k]["ms"])
            cells += [f"{slow:.1f}", f"{slow / float(row['ms']):.1f}"]
        table.add_row(*cells)
    console.print(table)
    for whole in [rows[-1], *([other[-1]] if other else [])]:
        console.print(
            f"{whole['part']}: {whole['cpu_s']:.1f} s of processor time; peak of the machine {whole['peak_tflops']:.2f} "
            f"TFLOP/s; peak memory {whole['memory_gib']:.1f} GiB",
            soft_wrap=True,
        )


@bench.command()
def cost(
    experiment: Annotated[list[str], typer.Option(help="an experiment to measure; may be repeated; all of one source")],
    prepared: PreparedFile,
    out: Out,
    stylizer: StylizerFile = None,
    style: StyleFile = None,
    content: ContentFile = None,
    paintings: PaintingsFile = None,
    target: TargetFile = None,
    rain: RainFile = None,
    initial: InitialFile = None,
    steps: int = 10,
    params: ParamsOption = Params,
) -> None:
    """Count passes through the segmenter and time one step of several experiments; writes JSON."""
    from ash.experiment.bench import bench_cost
    from ash.experiment.parts import TrainFiles
    from ash.store import write_json

    files, settings = TrainFiles(prepared, stylizer, paintings, style, content, target, rain, initial), load(params)
    with progress("cost") as show:
        rows = []
        for name in experiment:
            rows.append(bench_cost(settings, name, files, steps))
            show(len(rows), len(experiment))
    write_json(out, rows)


@bench.command()
def storage(
    prepared: PreparedFile, stylizer: Annotated[Path, typer.Option(help="weights of the pair")], count: int = 150
) -> None:
    """Time the forms of feature storage."""
    from ash.features import compare_storages
    from ash.style.stylizer import load_stylizer

    rows = compare_storages(prepared, load_stylizer(stylizer), count)
    table = Table(*rows[0])
    for row in rows:
        table.add_row(*(f"{value:.4g}" if isinstance(value, float) else str(value) for value in row.values()))
    console.print(table)
