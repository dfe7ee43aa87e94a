"""The command line: `ash COMMAND`, one command a step of the workflow, and a few for people.

An AshError ends a command with its message on stderr and exit code 2; anything else that goes wrong is a defect and
keeps its traceback.  Heavy imports happen inside the commands, so that `ash --help` is instant.

app      what all commands share: settings, sizes, progress
acquire  acquire, check
data     draw, manifest, prepare, stylizer, refit-stylizer, features, rain
train    train, evaluate, montage, predict, stylise
score    score, evaluate-as
weights  import-checkpoint, evaluate-model, import-stylizer, fit-decoder
report   table, cost, contrast, metrics, figures, report, method-pages
bench    bench step, bench cost, bench storage, bench plan
dvc      dvc-settings, dvc-run, dvc-record, dvc-check, same-bytes
"""

import logging
import sys

from ash.cli import acquire, bench, data, dvc, report, score, train, weights  # noqa: F401  importing them registers their commands
from ash.cli.app import app
from ash.errors import AshError
from ash.machine.allocator import keep_memory


def main() -> None:
    """Entry point of `ash`."""
    keep_memory()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        app()
    except AshError as error:
        print(f"ash: {error}", file=sys.stderr)
        sys.exit(2)
