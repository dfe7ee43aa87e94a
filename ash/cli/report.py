"""Commands that write results for people: table, cost, contrast, metrics, figures, report, method-pages."""

from pathlib import Path
from typing import Annotated

import typer

from ash.cli.app import RESULTS, Out, Params, ParamsOption, app, console
from ash.config import load
from ash.errors import ConfigError

Groups = Annotated[list[str], typer.Option("--group", help="group of tables; may be repeated")]
RunsFolder = Annotated[Path, typer.Option("--runs", help="folder of the runs")]


@app.command(rich_help_panel=RESULTS)
def table(
    name: Annotated[str, typer.Argument(metavar="TABLE", help="name of a table of params.yaml")],
    runs: RunsFolder,
    out: Out,
    params: ParamsOption = Params,
) -> None:
    """Write a table and its class-wise form as CSV, Markdown and JSON into OUT."""
    from ash.report.paper import check_rows, load_paper
    from ash.report.runs import Runs
    from ash.report.tables import write_tables

    settings = load(params)
    if name not in settings.params.tables:
        raise ConfigError(f"table {name!r} is not in {params}; known: {', '.join(settings.params.tables)}")
    paper = load_paper()
    check_rows(settings, paper)
    write_tables(settings, name, Runs(runs, settings.params.seeds), paper, out)


@app.command(rich_help_panel=RESULTS)
def cost(
    measured: Annotated[Path, typer.Option(help="what `ash bench cost` wrote")], out: Out, params: ParamsOption = Params
) -> None:
    """Write the table of what a training step of each method costs as CSV, Markdown and JSON into OUT."""
    from ash.report.cost import write_cost

    write_cost(load(params), measured, out)


@app.command(rich_help_panel=RESULTS)
def contrast(first: str, second: str, runs: RunsFolder = Path("results/runs"), params: ParamsOption = Params) -> None:
    """Print by how much SECOND is better than FIRST on each target: each seed, mean, deviation, interval."""
    from ash.report.contrast import contrast as compare
    from ash.report.runs import Runs

    settings = load(params)
    for line in compare(settings, first, second, Runs(runs, settings.params.seeds)):
        console.print(line, soft_wrap=True, highlight=False, markup=False)


@app.command(rich_help_panel=RESULTS)
def metrics(
    group: Groups,
    runs: RunsFolder,
    out: Out,
    iou: Annotated[Path, typer.Option(help="CSV file for IoU by class")],
    params: ParamsOption = Params,
) -> None:
    """Write mIoU of the experiments of groups on every target as JSON, and IoU by class as CSV."""
    from ash.report.metrics import write_iou, write_metrics
    from ash.report.runs import Runs

    settings = load(params)
    scored = Runs(runs, settings.params.seeds)
    write_metrics(settings, group, scored, out)
    write_iou(settings, group, scored, iou)


@app.command(rich_help_panel=RESULTS)
def figures(runs: RunsFolder, out: Out, params: ParamsOption = Params) -> None:
    """Draw Figures 3 and 4, training curves, IoU and mIoU bars into OUT."""
    from ash.report.figures import write_figures
    from ash.report.runs import Runs

    settings = load(params)
    write_figures(settings, Runs(runs, settings.params.seeds), out)


@app.command(rich_help_panel=RESULTS)
def report(
    group: Groups,
    runs: RunsFolder,
    tables: Annotated[Path, typer.Option(help="folder of the tables")],
    figures: Annotated[Path, typer.Option(help="folder of the figures")],
    out: Out,
    params: ParamsOption = Params,
) -> None:
    """Write the self-contained HTML report."""
    from ash.report.page import build_report
    from ash.report.runs import Runs

    settings = load(params)
    build_report(settings, group, Runs(runs, settings.params.seeds), tables, figures, out)


@app.command(rich_help_panel=RESULTS)
def method_pages(
    out: Annotated[Path, typer.Option("--out", help="folder of the pages")],
    check: Annotated[bool, typer.Option("--check", help="write nothing; name the pages that are out of date")] = False,
    params: ParamsOption = Params,
) -> None:
    """Write a page for each method from its code and settings into OUT."""
    from ash.documentation import pages

    made = pages.method_pages(params)
    if check:
        pages.check_pages(made, out)
    else:
        pages.write_pages(made, out)
