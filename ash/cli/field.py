"""Commands about a method beside the others: new-method, try, sweep, leaderboard."""

import time
from pathlib import Path
from typing import Annotated

import typer

from ash.cli.app import FIELD, Params, ParamsOption, app, console
from ash.cli.report import Results, ResultsFolder, runs_of
from ash.config import load

Cores = Annotated[str, typer.Option("--cores", help="cores of the workflow: a number, or all")]
Page = Path("docs/leaderboard.md")
COST = "leaderboard/cost.json"  # below the folder of results


def _say(text: str) -> None:
    """One line for people, not folded to the terminal's width."""
    console.print(text, soft_wrap=True, markup=False, highlight=False)


@app.command(rich_help_panel=FIELD)
def new_method(
    name: Annotated[str, typer.Argument(metavar="NAME", help="name of the method's file")],
    experiment: Annotated[str | None, typer.Option(help="name of its experiment; NAME unless named")] = None,
    params: ParamsOption = Params,
) -> None:
    """Write a small method that works, its tests, its settings and its experiment, for you to edit."""
    from ash.documentation import pages
    from ash.field.new_method import new_method as write

    chosen = experiment or name
    for line in write(name, chosen, params):
        _say(line)
    if (folder := Path("docs/methods")).is_dir():
        pages.write_pages(pages.method_pages(params), folder)
        _say(f"{folder}/{name}.md: written; `make pages` writes it again after an edit")
    _say(f"next: edit ash/methods/{name}.py, then python -m pytest tests/methods/test_{name}.py, then ash try {chosen}")


@app.command("try", rich_help_panel=FIELD)
def try_(
    name: Annotated[str, typer.Argument(metavar="EXPERIMENT", help="name of an experiment of params.yaml")],
    beside: Annotated[list[str] | None, typer.Option(help="experiment to compare with; may be repeated")] = None,
    seeds: Annotated[str, typer.Option(help="seeds")] = "0,1,2",
    cores: Cores = "all",
    params: ParamsOption = Params,
) -> None:
    """Train an experiment beside others with several seeds, and print by how much it is better; goes on where it was cut."""
    from ash.field.asked import ask, scores
    from ash.field.generated import generate, seeds_of
    from ash.field.side_by_side import BESIDE, reading, table
    from ash.field.side_by_side import beside as others_of
    from ash.report.markdown import markdown

    start = time.monotonic()
    others = others_of(load(params), name, beside or BESIDE)
    path, settings = generate(params, "try", seeds_of(seeds))
    runs = runs_of(settings, Results)
    ask(path, scores(settings, runs, (name, *others)), cores, Path("logs/try.log"), _say)
    _say("\n" + markdown(table(settings, name, others, runs)))
    for line in reading(settings, name, others, runs):
        _say(line)
    _say(f"{time.monotonic() - start:.0f} s")


@app.command(rich_help_panel=FIELD)
def sweep(
    names: Annotated[list[str], typer.Argument(metavar="EXPERIMENT", help="experiments whose settings are searched")],
    budget: Annotated[
        int, typer.Option(min=2, max=100, help="trials of each experiment, the stated settings among them")
    ],
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="seed of what is drawn")] = 0,
    seeds: Annotated[str, typer.Option(help="seeds of each trial's runs, such as 0,1")] = "0",
    cores: Cores = "all",
    params: ParamsOption = Params,
) -> None:
    """Search the settings of experiments, as many trials each, and print what each rule of selection picks."""
    from ash.field import generated, sweep
    from ash.field.asked import ask, scores
    from ash.field.ranges import read_ranges
    from ash.report.markdown import markdown

    settings, entries, ranges = load(params), generated.entries(params), read_ranges()
    sweep.check_budget(names, budget, settings.params.protocol)
    sweep.chosen_by(settings)
    trials = {name: sweep.trials_of(settings, entries, name, ranges, budget, seed) for name in dict.fromkeys(names)}
    more = {trial: entry for name in trials for trial, entry in sweep.as_entries(entries, name, trials[name]).items()}
    path, settings = generated.generate(params, "sweep", generated.seeds_of(seeds), more)
    runs = runs_of(settings, Results)
    ask(path, scores(settings, runs, more, everywhere=True), cores, Path("logs/sweep.log"), _say)
    for name, drawn in trials.items():
        made = sweep.record(settings, name, drawn, runs, seed)
        _say("\n" + markdown(sweep.table(settings, made)) + "\n" + sweep.adopted(made))


@app.command(rich_help_panel=FIELD)
def leaderboard(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="EXPERIMENT", help="experiments to enter; else all that may")
    ] = None,
    seeds: Annotated[
        str | None,
        typer.Option(help="seeds to train, score and time first, such as 0,1,2,3,4; else what is there"),
    ] = None,
    reference: Annotated[
        str, typer.Option(help="experiment that others are compared with")
    ] = "stylised_segmentation_loss",
    out: Annotated[Path, typer.Option("--out", help="page to write")] = Page,
    cores: Cores = "all",
    results: ResultsFolder = Results,
    params: ParamsOption = Params,
) -> None:
    """Write the leaderboard from the runs that are there, and name each experiment that may not enter."""
    from ash.errors import StoreError, several
    from ash.field import leaderboard
    from ash.field.ranges import FILE, read_ranges
    from ash.files.atomic import write_text

    settings = load(params)
    wanted = leaderboard.candidates(settings, reference)
    wanted = [name for name in wanted if name in (*names, reference)] if names else wanted
    if seeds is not None:
        _run(wanted, seeds, cores, params, results / COST)
    ranges = read_ranges() if FILE.is_file() else {}
    entries, refused = leaderboard.enter(settings, wanted, runs_of(settings, results), ranges)
    if not entries:
        raise StoreError(several(f"{out}: no experiment may enter", refused))
    write_text(out, leaderboard.page(settings, entries, leaderboard.seconds_of(results / COST), reference))
    for line in refused:
        _say(f"refused: {line}")
    _say(f"{out}: {len(entries)} of {len(wanted)} experiment(s) entered")


def _run(names: list[str], seeds: str, cores: str, params: Path, cost: Path) -> None:
    """Train and score what is missing, and time a step of each."""
    from ash.field.asked import ask, scores, time_steps
    from ash.field.generated import generate, seeds_of

    path, settings = generate(params, "leaderboard", seeds_of(seeds))
    wanted = scores(settings, runs_of(settings, Results), names, everywhere=True)
    ask(path, wanted, cores, Path("logs/leaderboard.log"), _say)
    time_steps(settings, path, names, cost)
