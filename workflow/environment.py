"""The environment that every job of the workflow runs in."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def set_up(params: str) -> None:
    """Let rules call `ash`: this interpreter's, whether or not its environment is activated, with one settings file.

    The code that runs is that of the checkout that this file lies in, also in a copy such as `dvc exp run --temp` makes:
    an installation in development mode would lead to the checkout that it was made in.
    """
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    os.environ["ASH_PARAMS"] = params
