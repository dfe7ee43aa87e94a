"""Commands for the trained models of ASH's authors: import-authors, authors-table."""

from pathlib import Path
from typing import Annotated

import typer

from ash.cli.app import WORKFLOW, Out, Params, ParamsOption, app, console
from ash.config import load
from ash.errors import ConfigError, known

Source = Annotated[str, typer.Argument(metavar="SOURCE", help="set that the model was trained on: gta5 or synthia")]


@app.command(rich_help_panel=WORKFLOW)
def import_authors(
    source: Source,
    out: Annotated[Path, typer.Argument(help="file to write")],
    params: ParamsOption = Params,
) -> None:
    """Turn the authors' checkpoint, which lies in data/weights/, into a model of this project."""
    from ash.acquire.authors_files import import_authors as write

    write(load(params), source, out)


@app.command(rich_help_panel=WORKFLOW)
def authors_table(
    source: Source,
    scores: Annotated[Path, typer.Option(help="folder with the scores of each evaluation protocol")],
    out: Out,
    params: ParamsOption = Params,
) -> None:
    """Write what the authors' model scores beside what the paper prints, as Markdown and CSV, into the folder OUT."""
    from ash.acquire.networks import AUTHORS
    from ash.report.authors_scores import write_authors
    from ash.report.markdown import markdown
    from ash.report.paper import load_paper

    if source not in AUTHORS:
        raise ConfigError(f"{source!r} is no model of the authors; {known(source, AUTHORS)}")
    table = write_authors(load(params), source, load_paper(), scores, out)
    console.print(markdown(table), soft_wrap=True, markup=False, highlight=False)
