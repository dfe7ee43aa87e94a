"""The command that shows what each rule of selection takes: select."""

from pathlib import Path
from typing import Annotated

import typer

from ash.cli.app import RESULTS, Params, ParamsOption, app, console
from ash.cli.report import Results, ResultsFolder, runs_of
from ash.config import load
from ash.errors import ConfigError


@app.command(rich_help_panel=RESULTS)
def select(
    trials: Annotated[
        list[str],
        typer.Argument(metavar="TRIAL...", help="experiments of params.yaml; or NAME=FOLDER, a folder of scores each"),
    ],
    results: ResultsFolder = Results,
    params: ParamsOption = Params,
) -> None:
    """Print which of several trials each rule of selection takes, and what it scores; the oracle is named as such."""
    from ash.report.markdown import markdown
    from ash.report.selected import of_folders, of_runs, selection_table

    settings = load(params)
    twice = [
        name for k, name in enumerate(trials) if name.partition("=")[0] in {t.partition("=")[0] for t in trials[:k]}
    ]
    if twice:
        raise ConfigError(f"{twice[0]}: a trial of that name is there already; name each once")
    if all("=" in trial for trial in trials):
        pairs = [trial.partition("=") for trial in trials]
        found = of_folders(settings, {name: Path(folder) for name, _, folder in pairs})
    elif any("=" in trial for trial in trials):
        raise ConfigError(
            "select: wanted experiments alone or NAME=FOLDER alone, for means over seeds and single runs mix badly"
        )
    else:
        found = of_runs(settings, runs_of(settings, results), trials)
    console.print(markdown(selection_table(settings, found)), soft_wrap=True, markup=False, highlight=False)
