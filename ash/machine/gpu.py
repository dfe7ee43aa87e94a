"""Runs a command on one GPU of this machine that no other such command of this user has: `ash-on-gpu COMMAND...`.

Snakemake counts GPUs (`--resources gpu=4`) but does not say which one a job gets, and CUDA gives every process the first.
Here each GPU is a lock file; the command inherits the lock and so holds it until it ends, however it ends.

Nothing is changed where someone has chosen: in a job of a cluster's scheduler, where CUDA_VISIBLE_DEVICES names at most one
GPU, and where there is none.  If it names several, one of them is taken.
"""

import contextlib
import fcntl
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

SCHEDULED = (
    "SLURM_JOB_ID",
    "PBS_JOBID",
    "LSB_JOBID",
    "JOB_ID",
    "KUBERNETES_SERVICE_HOST",
)  # Slurm, PBS, LSF, Grid Engine
WAIT = 1.0  # seconds between two looks at the locks


def candidates(environment: Mapping[str, str], installed: Sequence[str]) -> list[str]:
    """The GPUs to choose from; none if the choice has been made, or there is nothing to choose."""
    if any(name in environment for name in SCHEDULED):
        return []
    visible = environment.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return list(installed)
    named = [name.strip() for name in visible.split(",") if name.strip()]
    return named if len(named) > 1 else []


def installed_gpus() -> list[str]:
    """The UUIDs of this machine's GPUs; none where the driver's tool is not there or fails."""
    try:
        answer = subprocess.run(
            ["nvidia-smi", "--query-gpu=uuid", "--format=csv,noheader"],  # noqa: S607  found on the PATH
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return []
    return answer.stdout.split()


def take(gpus: Sequence[str], folder: Path, wait: float = WAIT) -> tuple[str, int]:
    """The first GPU that is free, waiting for one if need be, and the descriptor of its lock, to be inherited."""
    folder.mkdir(mode=0o700, exist_ok=True)
    while True:
        for gpu in gpus:
            lock = os.open(folder / f"{gpu}.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.set_inheritable(lock, True)
                return gpu, lock
            os.close(lock)
        time.sleep(wait)


def main() -> None:
    """Become the command, with at most one GPU to see."""
    command = sys.argv[1:]
    known = os.environ.get("CUDA_VISIBLE_DEVICES") is not None or any(name in os.environ for name in SCHEDULED)
    gpus = candidates(os.environ, [] if known else installed_gpus())
    if gpus:
        folder = Path(os.environ.get("ASH_GPU_LOCKS", f"{tempfile.gettempdir()}/ash-gpus-{os.getuid()}"))
        os.environ["CUDA_VISIBLE_DEVICES"], _ = take(gpus, folder)
    os.execvp(command[0], command)  # noqa: S606  the workflow's own command
