"""Commands on what the paper claims: claims, forest, claims-reading."""

from pathlib import Path
from typing import Annotated

import typer

from ash.cli.app import RESULTS, Out, Params, ParamsOption, app, console
from ash.cli.report import Results, ResultsFolder, runs_of
from ash.config import load


@app.command(rich_help_panel=RESULTS)
def claims(
    cost: Annotated[Path, typer.Option(help="what `ash bench cost` wrote")],
    out: Out,
    claims: Annotated[Path | None, typer.Option(help="file of the claims; none: the table is empty")] = None,
    everything: Annotated[
        bool, typer.Option("--everything", help="also what is about `more_experiments`, else not trained in this run")
    ] = False,
    results: ResultsFolder = Results,
    params: ParamsOption = Params,
) -> None:
    """Answer each claim from the runs: CSV, Markdown and JSON, and all contrasts as CSV, into OUT."""
    from ash.report.answers import write_claims
    from ash.report.claims import load_claims
    from ash.report.verdicts import World

    settings = load(params)
    trained = settings.params.experiments if everything else settings.params.standard
    world = World(settings, runs_of(settings, results), trained, cost)
    write_claims(load_claims(claims, settings) if claims else {}, world, out)


@app.command(rich_help_panel=RESULTS)
def forest(contrasts: Annotated[Path, typer.Option(help="contrasts.csv, as `ash claims` writes it")], out: Out) -> None:
    """Draw a forest plot of the contrasts of claims into the PNG file OUT."""
    from ash.report.forest import write_forest

    write_forest(contrasts, out)


@app.command(rich_help_panel=RESULTS)
def claims_reading(
    answered: Annotated[Path, typer.Argument(metavar="CLAIMS", help="claims.csv, as `ash claims` writes it")],
    into: Annotated[
        Path | None, typer.Option(help="a page with two marks, to put it between them; none: print")
    ] = None,
) -> None:
    """Say in plain words which claims hold, which do not, and which cannot be told."""
    from ash.report.in_words import reading, write_into

    text = reading(answered)
    if into:
        write_into(into, text)
    else:
        console.print(text, soft_wrap=True, highlight=False, markup=False)
