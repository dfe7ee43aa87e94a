"""While Snakemake runs jobs, DVC's lock on files is held for all that it may make.

DVC empties the outputs of a stage before it runs the stage, and only then would a second Snakemake meet the lock of the first.
With this, `dvc repro` beside a run of Snakemake ends with a line that names the process, and touches nothing.
"""

import os
from contextlib import ExitStack
from pathlib import Path

from ash.errors import StoreError, flat
from workflow.at_work import others

COMMAND = "snakemake, with this project's Snakefile"  # what DVC says of the process
FOLDERS = ("data", "results")
_held = ExitStack()


def hold() -> None:
    """Take DVC's lock on files; StoreError if DVC is at work on them."""
    from dvc.exceptions import DvcException
    from dvc.fs import localfs
    from dvc.rwlock import _edit_rwlock, rwlock

    if others():  # Snakemake lets two runs work side by side if they share no file, and one of them has it
        return
    folder = os.path.abspath(".dvc/tmp")
    try:
        Path(folder).mkdir(exist_ok=True)
        with _edit_rwlock(folder, localfs, hardlink=False) as lock:
            # No run lives, so these are dead ones': DVC may take another process for theirs, which has their number now.
            for path in [path for path, info in lock["write"].items() if info["cmd"] == COMMAND]:
                del lock["write"][path]
        paths = [os.path.abspath(name) for name in FOLDERS]
        _held.enter_context(rwlock(folder, localfs, COMMAND, [], paths, hardlink=False))
    except DvcException as cause:
        reason = flat(cause).partition(" If there are no processes")[0]
        raise StoreError(f"dvc: {reason}; start again once it has ended") from cause
    except OSError as cause:
        raise StoreError(
            f"{cause.filename or folder}: cannot be written ({cause.strerror}); fix permissions"
        ) from cause


def let_go() -> None:
    """Give DVC's lock back."""
    _held.close()
