"""Commands that write results for people: table, cost, contrast, metrics, plots, figures, report, method-pages."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ash.cli.app import RESULTS, Out, Params, ParamsOption, app, console
from ash.config import Settings, load
from ash.errors import ConfigError, known

if TYPE_CHECKING:
    from ash.report.runs import Runs

Groups = Annotated[list[str], typer.Option("--group", help="group of tables; may be repeated")]
ResultsFolder = Annotated[Path, typer.Option("--results", help="folder of the results, with models/ and scores/")]
Results = Path("results")


def runs_of(settings: Settings, results: Path) -> "Runs":
    """What all runs left in a folder of results, read when it is asked for."""
    from ash.report.runs import Runs

    return Runs(results, settings.params.seeds, settings.params.more_experiments, settings.further)


@app.command(rich_help_panel=RESULTS)
def table(
    name: Annotated[str, typer.Argument(metavar="TABLE", help="name of a table of params.yaml")],
    out: Out,
    results: ResultsFolder = Results,
    params: ParamsOption = Params,
) -> None:
    """Write a table and its class-wise form as CSV, Markdown and JSON into OUT."""
    from ash.report.paper import check_rows, load_paper
    from ash.report.tables import write_tables

    settings = load(params)
    if name not in settings.params.tables:
        raise ConfigError(f"table {name!r} is not in {params}; {known(name, settings.params.tables)}")
    paper = load_paper()
    check_rows(settings, paper)
    write_tables(settings, name, runs_of(settings, results), paper, out)


@app.command(rich_help_panel=RESULTS)
def cost(
    measured: Annotated[Path, typer.Option(help="what `ash bench cost` wrote")], out: Out, params: ParamsOption = Params
) -> None:
    """Write the table of what a training step of each method costs as CSV, Markdown and JSON into OUT."""
    from ash.report.cost import write_cost

    write_cost(load(params), measured, out)


@app.command(rich_help_panel=RESULTS)
def contrast(first: str, second: str, results: ResultsFolder = Results, params: ParamsOption = Params) -> None:
    """Print by how much SECOND is better than FIRST on each target: each seed, mean, deviation, interval."""
    from ash.report.contrast import contrast as compare

    settings = load(params)
    for line in compare(settings, first, second, runs_of(settings, results)):
        console.print(line, soft_wrap=True, highlight=False, markup=False)


@app.command(rich_help_panel=RESULTS)
def metrics(
    group: Groups,
    out: Out,
    iou: Annotated[Path, typer.Option(help="CSV file for IoU by class")],
    claims: Annotated[Path | None, typer.Option(help="claims.csv, whose verdicts stand among the metrics")] = None,
    results: ResultsFolder = Results,
    params: ParamsOption = Params,
) -> None:
    """Write mIoU of the experiments of groups on every target as JSON, with verdicts, and IoU by class as CSV."""
    from ash.report.metrics import write_iou, write_metrics

    settings = load(params)
    scored = runs_of(settings, results)
    write_metrics(settings, group, scored, claims, out)
    write_iou(settings, group, scored, iou)


@app.command(rich_help_panel=RESULTS)
def plots(group: Groups, out: Out, results: ResultsFolder = Results, params: ParamsOption = Params) -> None:
    """Write what `dvc plots` draws into OUT: training curves, and IoU by class on each target, a CSV file each."""
    from ash.report.plots import write_plots

    settings = load(params)
    write_plots(settings, group, runs_of(settings, results), out)


@app.command(rich_help_panel=RESULTS)
def figures(out: Out, results: ResultsFolder = Results, params: ParamsOption = Params) -> None:
    """Draw Figures 3 and 4, training curves, IoU and mIoU bars into OUT."""
    from ash.report.figures import write_figures

    settings = load(params)
    write_figures(settings, runs_of(settings, results), out)


@app.command(rich_help_panel=RESULTS)
def report(
    group: Groups,
    tables: Annotated[Path, typer.Option(help="folder of the tables")],
    figures: Annotated[Path, typer.Option(help="folder of the figures")],
    claims: Annotated[Path, typer.Option(help="claims.table.json, as `ash claims` writes it")],
    forest: Annotated[Path, typer.Option(help="what `ash forest` drew")],
    out: Out,
    results: ResultsFolder = Results,
    params: ParamsOption = Params,
) -> None:
    """Write the self-contained HTML report."""
    from ash.report.page import build_report

    settings = load(params)
    build_report(settings, group, runs_of(settings, results), tables, figures, claims, forest, out)


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
