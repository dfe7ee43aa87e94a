"""Files asked of the workflow: Snakemake runs as a process of its own, and of what it prints the progress is shown.

What is built already is not built again.  A run that was cut goes on where it was when the same is asked again.
"""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from ash.config import SOURCE, Settings
from ash.errors import ConfigError, StoreError
from ash.report.runs import Runs

SHOWN = re.compile(r"^(\d+ of \d+ steps|about .* left$|\d+ jobs: about|ash: |Nothing to be done)")
PATIENCE = 5.0  # seconds
CAUSE = re.compile(r"^\s*ash: (?!warning)(.*)")


def scores(settings: Settings, runs: Runs, experiments: Iterable[str], *, everywhere: bool = False) -> list[str]:
    """A file of each evaluation of the runs, which makes those of all its sets; `everywhere` adds further sets'."""
    sets = [SOURCE, *(settings.further[:1] if everywhere else ())]
    return [str(runs.path(name, seed, f"{one}.json")) for name in experiments for seed in runs.seeds for one in sets]


def time_steps(settings: Settings, params: Path, experiments: Iterable[str], out: Path) -> None:
    """Time a step of each experiment on images of noise, with one thread as in training, and write it as JSON."""
    names = list(experiments)
    width, height = settings.protocol.datasets[settings.experiment(names[0]).source].image_size
    command = [
        sys.executable,
        "-m",
        "ash.cli",
        "bench",
        "cost",
        "--params",
        str(params),
        "--synthetic",
        f"{width}x{height}",
    ]
    command += [word for name in names for word in ("--experiment", name)]
    done = subprocess.run(  # noqa: S603  our own command
        [*command, "--rounds", "1", "--out", str(out)],
        env=os.environ | {"OMP_NUM_THREADS": "1"}, stderr=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        last = done.stderr.strip().rpartition("\n")[2].removeprefix("ash: ")
        raise StoreError(f"steps could not be timed: {last}")


def ask(params: Path, files: Sequence[str], cores: str, log: Path, say: Callable[[str], None]) -> None:
    """Let the workflow make files with the settings of `params`, in the current folder; `say` is told of the progress.

    All that Snakemake prints goes to `log`.  StoreError if it fails.
    """
    if not Path("Snakefile").is_file():
        raise ConfigError(f"{os.getcwd()}: no Snakefile; run this in a checkout of the project")
    command = [sys.executable, "-m", "snakemake", "--cores", cores, "--nocolor", "--config", f"params={params}"]
    kept = {name: value for name, value in os.environ.items() if name != "ASH_PARAMS"}
    log.parent.mkdir(parents=True, exist_ok=True)
    # A killed command leaves no Snakemake behind.  SIGINT too, for a shell's job in the background ignores it, and Snakemake
    # would inherit that.
    before = {number: signal.signal(number, signal.default_int_handler) for number in (signal.SIGINT, signal.SIGTERM)}
    with (
        log.open("w", encoding="utf-8") as whole,
        subprocess.Popen(  # noqa: S603  our own command
            [*command, "--", *files],
            env=kept,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process,
    ):
        try:
            causes = [line for line in _followed(process.stdout or (), whole.write, say) if CAUSE.match(line)]
        except KeyboardInterrupt:
            _end(process)
            raise StoreError("interrupted; the same command goes on where this one was cut") from None
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
    if process.returncode:
        why = CAUSE.match(causes[-1])[1] if causes else f"Snakemake ended with {process.returncode}"  # type: ignore[index]
        raise StoreError(f"{why} ({log} has all that Snakemake printed)")


def _end(process: subprocess.Popen[str]) -> None:
    """Let Snakemake end its jobs; a terminal has sent it the signal too, and a second one would cut it short."""
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
        process.wait()


def _followed(lines: Iterable[str], keep: Callable[[str], object], say: Callable[[str], None]) -> Iterable[str]:
    """Each line, kept, and said if it tells of progress."""
    last = ""
    for line in lines:
        keep(line)
        text = line.rstrip()
        if SHOWN.match(text) and text != last:
            last = text
            say(text)
        yield text
