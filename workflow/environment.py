"""The environment that every job of the workflow runs in, and the settings that it reads."""

import hashlib
import os
import sys
from pathlib import Path

from ash.config import Settings, load, protocol_file
from ash.errors import ConfigError, StoreError
from ash.files.atomic import write_text

ROOT = Path(__file__).resolve().parent.parent
READ = Path(".snakemake/settings")  # a folder for each state of the settings that Snakemake has read
FOLDERS = ("data", "results", "logs", "benchmarks", ".snakemake")


def set_up() -> None:
    """Let rules call `ash`: this interpreter's, whether or not its environment is activated.

    The code that runs is that of the checkout that this file lies in, also in a copy such as `dvc exp run --temp` makes:
    an installation in development mode would lead to the checkout that it was made in.
    """
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))


def read_settings(params: str, first: bool) -> Settings:
    """The settings of a run, of which every job reads a copy: an edit meanwhile is for the next run.

    Snakemake records for each output the settings that it read at its start.  A job that read the file itself, an hour
    later, would train one thing under the name of another.  `first` is false in the processes that Snakemake starts for
    single jobs, on the nodes of a cluster; they read the copy of the process that started them.  ConfigError for faults.
    """
    given = Path(os.environ.get("ASH_PARAMS", params))
    if not first and given.is_relative_to(READ):
        return load(given)
    settings = load(Path(params))
    copy = _keep(Path(params), settings.params.protocol)
    if load(copy) != settings:
        raise ConfigError(f"{params}: changed while it was read; start the command again")
    os.environ["ASH_PARAMS"] = str(copy)
    return settings


def unchanged(params: Path) -> None:
    """ConfigError unless the settings are still those that were last read in this process."""
    copy = Path(os.environ["ASH_PARAMS"])
    if load(params) != load(copy):
        raise ConfigError(f"{params}: changed while the command ran; start it again")


def _keep(params: Path, protocol: str) -> Path:
    """Copy the two files of settings, byte by byte, below a name that their content gives; the path of params.yaml's."""
    texts = [path.read_text(encoding="utf-8") for path in (protocol_file(params, protocol), params)]
    folder = READ / hashlib.sha256("\0".join([protocol, *texts]).encode()).hexdigest()[:16]
    for path, text in zip((folder / "protocols" / f"{protocol}.yaml", folder / "params.yaml"), texts, strict=True):
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            write_text(path, text)
    return folder / "params.yaml"


def check_folders() -> None:
    """ConfigError if something else lies where the workflow makes a folder."""
    for name in FOLDERS:
        if os.path.lexists(name) and not os.path.isdir(name):
            what = "a link to nothing" if os.path.islink(name) else "a file"
            raise ConfigError(f"{name}: {what}, and the workflow makes a folder of that name; move it away")


def check_writable() -> None:
    """StoreError if a folder that jobs write into is there and cannot be written: the first job would end in a traceback."""
    for name in FOLDERS:
        if os.path.isdir(name) and not os.access(name, os.W_OK):
            raise StoreError(f"{name}: cannot be written; fix permissions, or mount the file system for writing")
