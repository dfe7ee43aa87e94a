"""The environment that every job of the workflow runs in."""

import os
import sys
from pathlib import Path


def set_up(params: str) -> None:
    """Let rules call the `ash` of this interpreter, whether or not its environment is activated, with one settings file.

    The malloc settings keep glibc from returning every large buffer to the kernel and faulting its pages in again at the
    next step, which costs small networks on a CPU up to a third of their time (docs/miniature.md).
    """
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    os.environ["ASH_PARAMS"] = params
    os.environ.setdefault("MALLOC_MMAP_MAX_", "0")
    os.environ.setdefault("MALLOC_TRIM_THRESHOLD_", "100000000000")
    os.environ.setdefault("MALLOC_TOP_PAD_", "268435456")
