"""Cityscapes through csDownload of cityscapesscripts, which logs in, resumes, and checks the publisher's MD5.

Its account is csDownload's own store (`csDownload -l` asks once and offers to keep it), or CITYSCAPES_USERNAME and
CITYSCAPES_PASSWORD.  From the environment it goes to csDownload through a private folder that is removed afterwards; it is
never written to this repository or to a log.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from ash.errors import DataError
from ash.progress import Progress, quiet

MEBIBYTE = 1 << 20
EVERY = 1.0  # seconds between two looks at the file
USERNAME, PASSWORD = "CITYSCAPES_USERNAME", "CITYSCAPES_PASSWORD"
COMMAND = (sys.executable, "-m", "cityscapesscripts.download.downloader")
STORE = Path("cityscapesscripts/credentials.json")  # below the user's data folder, as csDownload has it on Linux


def fetch(
    path: Path,
    progress: Progress = quiet,
    expected: int = 0,
    environment: Mapping[str, str] = os.environ,
    command: Sequence[str] = COMMAND,
) -> None:
    """Download the package named like `path` to it; DataError if there is no account or csDownload fails.

    `progress` counts MiB, of about `expected`: csDownload alone knows the size, and shows it to a terminal only.
    """
    part = path.parent / ".fetch" / path.name
    part.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as private, tempfile.TemporaryFile("w+") as said:
        data = _store(Path(private), environment, path)
        process = subprocess.Popen(  # noqa: S603  a fixed command
            [*command, "--resume", "--destination_path", str(part.parent), path.name],
            env={**environment, "XDG_DATA_HOME": str(data)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=said,
        )
        with process:
            while _runs(process):
                done = part.stat().st_size // MEBIBYTE if part.exists() else 0
                progress(done, max(done, expected) + 1)
        said.seek(0)
        lines = said.read().strip().splitlines() or [f"exit code {process.returncode}"]
    if process.returncode:
        raise DataError(
            f"{path}: csDownload failed ({lines[-1]}); check account and network and run it again, or delete {part} to"
            " start anew"
        )
    part.replace(path)


def _runs(process: subprocess.Popen[bytes]) -> bool:
    """Wait a little; whether the process goes on.  It does not outlive us."""
    try:
        process.wait(EVERY)
    except subprocess.TimeoutExpired:
        return True
    except BaseException:
        process.terminate()
        raise
    return False


def _store(private: Path, environment: Mapping[str, str], path: Path) -> Path:
    """The data folder that csDownload shall use: a private one with the environment's account, or the user's own."""
    if environment.get(USERNAME) and environment.get(PASSWORD):
        file = private / STORE
        file.parent.mkdir()
        file.touch(mode=0o600)
        account = {"username": environment[USERNAME], "password": environment[PASSWORD]}
        file.write_text(json.dumps(account), encoding="utf-8")
        return private
    own = Path(environment.get("XDG_DATA_HOME") or Path(environment.get("HOME", "~")).expanduser() / ".local/share")
    if not (own / STORE).exists():
        raise DataError(
            f"{path}: missing, and no Cityscapes account; run `csDownload -l` once and let it keep the account, or set"
            f" {USERNAME} and {PASSWORD}, or put the file there yourself"
        )
    return own
