"""When DVC is told what Snakemake built: at the end of each run, or by the next call if that run was killed before.

A file in .snakemake holds the digest of dvc.lock as it was when everything had been recorded.  A run that starts jobs removes
the file.  So where it is missing, or dvc.lock is another, something may not be recorded.
"""

import hashlib
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ash.errors import AshError
from ash.files.atomic import write_text
from workflow.at_work import locked
from workflow.bridge.hold import hold, let_go
from workflow.bridge.records import RECORDED
from workflow.environment import check_writable

LOCK = Path("dvc.lock")


def begin(params: str) -> None:
    """Note that jobs are about to run, whose results DVC does not know yet, and keep DVC from working beside them.

    Ends the run with one line where that, or the jobs, must fail.
    """
    try:
        check_writable()
        if _ours(params):
            RECORDED.unlink(missing_ok=True)
            if find_spec("dvc"):
                hold()
    except AshError as error:
        sys.exit(f"ash: {error}")


def note_recorded() -> None:
    """Note that dvc.lock says all that there is to say."""
    write_text(RECORDED, _state())


def record_run(params: str) -> None:
    """Let DVC record what a run of Snakemake built, in a checkout that DVC knows, unless DVC itself started the run.

    A fault here must not make a successful run look failed, so it is told and no more.
    """
    let_go()
    if not _ours(params):
        return
    if not find_spec("dvc"):
        print(
            "ash: not recorded in dvc.lock: dvc is not installed; `make check` sets up .venv with it", file=sys.stderr
        )
        return
    command = [sys.executable, "-m", "ash.cli", "dvc-record"]
    result = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)  # noqa: S603  arguments are ours
    reason = result.stderr.strip().removeprefix("ash: ")
    if result.returncode:
        print(f"ash: not recorded in dvc.lock, which the next call tries again: {reason}", file=sys.stderr)
    elif reason:
        print(reason, file=sys.stderr)


def record_rest(params: str, workflow: Any) -> None:
    """Record what a run before this one built and did not record; called when this one ends, for one with nothing to do."""
    let_go()
    planned = workflow.executor_plugin is not None and workflow.dag is not None
    if not planned or workflow.dryrun or workflow.touch or len(workflow.dag) or locked():
        return
    if _ours(params) and find_spec("dvc") and not _recorded():
        record_run(params)


def _ours(params: str) -> bool:
    """DVC sets DVC_STAGE for the command of each stage."""
    return params == "params.yaml" and Path(".dvc").is_dir() and "DVC_STAGE" not in os.environ


def _recorded() -> bool:
    return RECORDED.is_file() and RECORDED.read_text(encoding="utf-8", errors="replace") == _state()


def _state() -> str:
    return hashlib.sha256(LOCK.read_bytes() if LOCK.is_file() else b"").hexdigest()
