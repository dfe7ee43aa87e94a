"""Commands that measure this machine: bench step, bench launches, bench cost, bench plan, bench storage."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from ash.cli.app import MEASURE, Out, Params, ParamsOption, app, console, parse_size
from ash.cli.train import (
    ContentFile,
    Experiment,
    InitialFile,
    PaintingsFile,
    RainFile,
    StyleFile,
    StylizerFile,
    TargetFile,
    WithheldFile,
)
from ash.config import Settings, load
from ash.errors import ConfigError

if TYPE_CHECKING:
    from ash.experiment.inputs import RunFiles

Row = dict[str, float | str]
PreparedOption = Annotated[Path | None, typer.Option("--prepared", help="prepared HDF5 file; or state --synthetic")]
SyntheticOption = Annotated[str | None, typer.Option(help="WIDTHxHEIGHT of random images that stand for data")]
ProtocolOption = Annotated[str | None, typer.Option(help="another protocol than that of params.yaml")]

bench = typer.Typer(help="Measure this machine.", no_args_is_help=True)
app.add_typer(bench, name="bench", rich_help_panel=MEASURE)


@bench.command()
def step(
    experiment: Experiment,
    prepared: PreparedOption = None,
    withheld: WithheldFile = None,
    stylizer: StylizerFile = None,
    style: StyleFile = None,
    content: ContentFile = None,
    paintings: PaintingsFile = None,
    target: TargetFile = None,
    rain: RainFile = None,
    synthetic: SyntheticOption = None,
    protocol: ProtocolOption = None,
    precision: Annotated[str | None, typer.Option(help="auto, bf16 or fp32, in place of the protocol's")] = None,
    recompute: Annotated[bool | None, typer.Option(help="in place of the protocol's")] = None,
    compiled: Annotated[str | None, typer.Option("--compile", help="none or regions")] = None,
    compare: Annotated[
        str | None, typer.Option(help="eager-fp32: a second column, and how much faster the first is")
    ] = None,
    steps: Annotated[int, typer.Option(min=1, help="after two that warm up")] = 10,
    params: ParamsOption = Params,
) -> None:
    """Time one training step, part by part, against the peak of the machine."""
    from ash.bench.step import bench_step

    if compare not in (None, "eager-fp32") or precision not in (None, "auto", "bf16", "fp32"):
        raise ConfigError(f"--compare {compare} --precision {precision}: wanted eager-fp32, and auto, bf16 or fp32")
    if compiled not in (None, "none", "regions"):
        raise ConfigError(f"--compile {compiled}: wanted none or regions")
    settings = load(params, protocol)
    given = (("precision", precision), ("recompute", recompute), ("compile", compiled))
    changes = {name: value for name, value in given if value is not None}
    with tempfile.TemporaryDirectory() as folder:
        read = {"withheld": withheld, "stylizer": stylizer, "paintings": paintings, "style": style, "content": content}
        files = _files(settings, synthetic, Path(folder), prepared, **read, target=target, rain=rain)
        rows = bench_step(settings, experiment, files, steps, changes)
        eager = changes | {"precision": "fp32", "compile": "none"}
        other = bench_step(settings, experiment, files, steps, eager) if compare else None
    _show_step(experiment, rows, other)


def _files(
    settings: Settings, synthetic: str | None, folder: Path, prepared: Path | None, **others: Path | None
) -> "RunFiles":
    """The files that the options name, or without any random ones of the size asked for; ConfigError if none is."""
    if prepared is not None:
        from ash.experiment.inputs import RunFiles

        return RunFiles(prepared=prepared, **others)
    from ash.bench.synthetic import synthetic_files
    from ash.machine.device import device

    if synthetic is None:
        raise ConfigError("bench: neither --prepared nor --synthetic; state one, e.g. --synthetic 1280x720")
    return synthetic_files(settings, parse_size(synthetic), device(), folder)


def _show_step(experiment: str, rows: list[Row], other: list[Row] | None) -> None:
    """The table, and what cannot be said of a single part."""
    columns = ["part", "ms", "TFLOP", "% of peak", *(["eager fp32, ms", "times as fast"] if other else [])]
    table = Table(*columns, title=f"one step of {experiment}")
    eager = {row["part"]: row for row in other or ()} | ({rows[-1]["part"]: other[-1]} if other else {})
    for row in rows:
        cells = [str(row["part"]), f"{row['ms']:.1f}", f"{row['tflop']:.3f}", f"{100 * float(row['share']):.0f}"]
        if row["part"] in eager:  # a recorded step has no parts
            slow = float(eager[row["part"]]["ms"])
            cells += [f"{slow:.1f}", f"{slow / float(row['ms']):.1f}"]
        table.add_row(*cells)
    console.print(table)
    for whole in [rows[-1], *([other[-1]] if other else [])]:
        console.print(
            f"{whole['part']}: {1e3 * float(whole['cpu_s']):.0f} ms of processor time; peak of the machine "
            f"{whole['peak_tflops']:.2f} TFLOP/s; peak memory {whole['memory_gib']:.1f} GiB",
            soft_wrap=True,
        )
        if whole["running_ms"] is not None:
            console.print(f"in a training, where nothing waits between steps: {whole['running_ms']:.1f} ms a step")


@bench.command()
def launches(
    experiment: Experiment,
    protocol: ProtocolOption = None,
    params: ParamsOption = Params,
) -> None:
    """Count the operators that a step asks a GPU for, part by part, and its kernels where there is one.

    The number does not depend on the size of the images, which are small here.
    """
    from ash.bench.launches import IMAGE, PAINTING, count_launches
    from ash.bench.synthetic import synthetic_files
    from ash.machine.device import device

    settings = load(params, protocol)
    with tempfile.TemporaryDirectory() as folder:
        rows = count_launches(settings, experiment, synthetic_files(settings, IMAGE, device(), Path(folder), PAINTING))
    table = Table("part", "operators", "the commonest", title=f"one step of {experiment}")
    for row in rows:
        commonest = ", ".join(f"{count} {name}" for name, count in row["most"])
        table.add_row(row["part"], str(row["operators"]), commonest)
    console.print(table)
    if rows[-1]["kernels"] is not None:
        console.print(f"kernels, copies and fillings of a step: {rows[-1]['kernels']}")


@bench.command()
def cost(
    experiment: Annotated[list[str], typer.Option(help="an experiment to measure; may be repeated; all of one source")],
    out: Out,
    prepared: PreparedOption = None,
    withheld: WithheldFile = None,
    stylizer: StylizerFile = None,
    style: StyleFile = None,
    content: ContentFile = None,
    paintings: PaintingsFile = None,
    target: TargetFile = None,
    rain: RainFile = None,
    initial: InitialFile = None,
    synthetic: SyntheticOption = None,
    protocol: ProtocolOption = None,
    steps: Annotated[int, typer.Option(min=1, help="in each round, after two that warm up")] = 4,
    rounds: Annotated[int, typer.Option(min=1, help="in which the experiments take turns")] = 3,
    params: ParamsOption = Params,
) -> None:
    """Count passes through the segmenter and time one step of several experiments; writes JSON."""
    from ash.bench.step import bench_cost
    from ash.files.atomic import write_json

    settings = load(params, protocol)
    with tempfile.TemporaryDirectory() as folder:
        files = _files(
            settings,
            synthetic,
            Path(folder),
            prepared,
            withheld=withheld,
            stylizer=stylizer,
            paintings=paintings,
            style=style,
            content=content,
            target=target,
            rain=rain,
            initial=initial,
        )
        rows = bench_cost(settings, experiment, files, steps, rounds, count=synthetic is not None)
    write_json(out, rows)


@bench.command()
def plan(
    measured: Annotated[
        Path, typer.Argument(help="JSON of `ash bench cost --synthetic ...`, an experiment of each method")
    ],
    protocol: ProtocolOption = None,
    params: ParamsOption = Params,
) -> None:
    """What all experiments of a protocol would take on the machine that was measured, and on disk."""
    from ash.bench.plan import disk, hours, read_measured

    settings = load(params, protocol)
    table = Table("method", "experiments", "steps", "hours", "PFLOP", title=f"{len(settings.params.seeds)} seed(s)")
    rows = hours(settings, read_measured(measured))
    rows.append(
        {key: sum(row[key] for row in rows) for key in ("experiments", "steps", "hours", "pflop")} | {"method": "all"}
    )
    for row in rows:
        table.add_row(
            row["method"], str(row["experiments"]), str(row["steps"]), f"{row['hours']:.1f}", f"{row['pflop']:.0f}"
        )
    console.print(table)
    table = Table("file", "count", "GB, at most")
    for row in disk(settings):
        table.add_row(row["file"], str(row["count"]), f"{row['gb']:.1f}")
    console.print(table)


@bench.command()
def storage(
    prepared: PreparedOption = None,
    stylizer: StylizerFile = None,
    synthetic: SyntheticOption = None,
    protocol: ProtocolOption = None,
    count: Annotated[int, typer.Option(min=1, help="images, at most; random ones are two")] = 150,
    params: ParamsOption = Params,
) -> None:
    """Time the forms of feature storage against the encoder."""
    from ash.bench.storage import compare_storages
    from ash.style.stylizer import load_stylizer

    settings = load(params, protocol)
    with tempfile.TemporaryDirectory() as folder:
        if prepared is None:
            files = _files(settings, synthetic, Path(folder), None)
            prepared, stylizer = files.prepared, files.stylizer
        rows = compare_storages(prepared, load_stylizer(stylizer or Path(settings.protocol.stylizer.weights)), count)
    table = Table(*rows[0])
    for row in rows:
        table.add_row(*(f"{value:.4g}" if isinstance(value, float) else str(value) for value in row.values()))
    console.print(table)
