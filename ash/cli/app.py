"""What all commands share: the application, the settings, progress."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from typer.core import TyperGroup

from ash.errors import ConfigError

DATA, TRAIN, RESULTS = "Data", "Train and score", "Results"
FIELD = "A method beside the others"
OWN, MEASURE = "Your own pictures and weights", "Measure"
WORKFLOW = "Workflow (called by Snakemake and DVC)"
PANELS = (DATA, TRAIN, RESULTS, FIELD, OWN, MEASURE, WORKFLOW)  # of `ash --help`, in their order


class Panelled(TyperGroup):
    """Commands in the order of their panels, which is the order in which the help shows the panels."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The names, those of one panel in the order in which they were registered."""
        panels = {name: getattr(command, "rich_help_panel", None) for name, command in self.commands.items()}
        return sorted(panels, key=lambda name: (*PANELS, None).index(panels[name]))


app = typer.Typer(
    cls=Panelled,
    help="Reproduces ASH (WACV 2022): data, training, scores, tables.",
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    add_completion=False,
)
console = Console()
PLAIN_EVERY = 10.0  # seconds between two lines of progress in a log

ParamsOption = Annotated[
    Path, typer.Option("--params", envvar="ASH_PARAMS", help="settings file; its protocol lies in protocols/ beside it")
]
Params = Path("params.yaml")
Out = Annotated[Path, typer.Option("--out", help="file to write")]


def parse_size(text: str) -> tuple[int, int]:
    """WIDTHxHEIGHT as two numbers; ConfigError if it is not that, or less than 32 pixels a side."""
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal()) or min(int(width), int(height)) < 32:
        raise ConfigError(f"size {text!r}: wanted WIDTHxHEIGHT of 32 pixels a side or more, e.g. 1280x720")
    return int(width), int(height)


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """A function (done, total) that shows a bar on a terminal, and a line every ten seconds in a log."""
    if not sys.stdout.isatty():
        yield _plain(what)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _plain(what: str) -> Callable[[int, int], None]:
    start = last = time.monotonic()
    first: int | None = None

    def show(done: int, total: int) -> None:
        nonlocal last, first
        now = time.monotonic()
        first = done - 1 if first is None else first  # a resumed run does not start at 0
        if now - last < PLAIN_EVERY and done < total:
            return
        last, rate = now, (done - first) / max(now - start, 1e-9)
        print(f"{what}: {done}/{total}, {rate:.3g}/s, {(total - done) / rate:.0f} s left", flush=True)

    return show
