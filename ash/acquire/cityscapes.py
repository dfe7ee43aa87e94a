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

USERNAME, PASSWORD = "CITYSCAPES_USERNAME", "CITYSCAPES_PASSWORD"
COMMAND = (sys.executable, "-m", "cityscapesscripts.download.downloader")
STORE = Path("cityscapesscripts/credentials.json")  # below the user's data folder, as csDownload has it on Linux


def fetch(path: Path, environment: Mapping[str, str] = os.environ, command: Sequence[str] = COMMAND) -> None:
    """Download the package named like `path` to it; DataError if there is no account or csDownload fails."""
    staging = path.parent / ".fetch"
    staging.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as private:
        data = _store(Path(private), environment, path)
        arguments = [*command, "--resume", "--destination_path", str(staging), path.name]
        result = subprocess.run(  # noqa: S603  a fixed command
            arguments,
            env={**environment, "XDG_DATA_HOME": str(data)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # its bar goes to stderr, which is kept for the message
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    if result.returncode:
        lines = result.stderr.strip().splitlines() or [f"exit code {result.returncode}"]
        raise DataError(
            f"{path}: csDownload failed ({lines[-1]}); check account and network and run it again, or delete"
            f" {staging / path.name} to start anew"
        )
    (staging / path.name).replace(path)


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
