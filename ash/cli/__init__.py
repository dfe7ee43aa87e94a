"""The command line: `ash COMMAND`, one command a step of the workflow, and a few for people.

An AshError ends a command with its message on stderr and exit code 2; anything else that goes wrong is a defect and
keeps its traceback.  Heavy imports happen inside the commands, so that `ash --help` is instant.

app       what all commands share: settings, sizes, progress
named     options NAME=PATH
acquire   acquire, check
authors   import-authors, authors-table
data      draw, manifest, prepare
style     stylizer, features, rain, refit-stylizer, import-stylizer, fit-decoder
train     train
evaluate  evaluate, evaluate-as, evaluate-model, score
matrix    matrix
pictures  montage, stylisation, stylise
predict   predict
weights   import-checkpoint
report    table, cost, contrast, metrics, plots, figures, report, method-pages
claimed   claims, forest, claims-reading
chosen    select
field     new-method, try, sweep, leaderboard
bench     bench step, bench launches, bench cost, bench storage, bench plan
workflow  estimate, dvc-settings, dvc-run, dvc-record, dvc-check, same-bytes
"""

import logging
import sys

from ash.cli import (  # noqa: F401  importing them registers their commands
    acquire,
    authors,
    bench,
    chosen,
    claimed,
    data,
    evaluate,
    field,
    matrix,
    pictures,
    predict,
    report,
    style,
    train,
    weights,
    workflow,
)
from ash.cli.app import app
from ash.errors import AshError, redacted
from ash.machine.allocator import keep_memory
from ash.machine.shortage import shortage


def main() -> None:
    """Entry point of `ash`."""
    keep_memory()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        app()
    except AshError as error:
        print(f"ash: {redacted(str(error))}", file=sys.stderr)
        sys.exit(2)
    except (MemoryError, OSError, RuntimeError) as error:
        told = shortage(error)
        if told is None:
            raise
        print(f"ash: {told}", file=sys.stderr)
        sys.exit(2)
