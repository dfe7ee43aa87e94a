"""Cityscapes through csDownload of cityscapesscripts, which logs in, resumes, and checks the publisher's MD5.

Its account is csDownload's own store (`csDownload -l` asks once and offers to keep it), or CITYSCAPES_USERNAME and
CITYSCAPES_PASSWORD.  From the environment it goes to csDownload through an open file without a name: a kill leaves nothing
of it, and it is never written to this repository or to a log.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from ash.acquire.disk import alone, staged
from ash.acquire.download import UnreachableError
from ash.errors import DataError, redacted
from ash.files.atomic import writing
from ash.progress import Progress, quiet

MEBIBYTE = 1 << 20
EVERY = 1.0  # seconds between two looks at the file
STALL = 600.0  # seconds in which the file may stay as it is: csDownload computes its MD5 at the end
PARTS = "csDownload"  # folder of what is not whole
USERNAME, PASSWORD = "CITYSCAPES_USERNAME", "CITYSCAPES_PASSWORD"
COMMAND = (sys.executable, "-m", "cityscapesscripts.download.downloader")
STORE = Path("cityscapesscripts/credentials.json")  # below the user's data folder, as csDownload has it on Linux


def fetch(
    path: Path,
    progress: Progress = quiet,
    expected: int = 0,
    environment: Mapping[str, str] = os.environ,
    command: Sequence[str] = COMMAND,
) -> Path:
    """Download the package named like `path` to where that is staged, and give that place.

    DataError if there is no account or csDownload fails or stalls; UnreachableError if it cannot reach the site.
    `progress` counts MiB, of about `expected`: csDownload alone knows the size, and shows it to a terminal only.
    """
    waiting = staged(path)
    if waiting.exists():  # whole: a part lies one folder deeper
        return waiting
    part = waiting.parent / PARTS / path.name
    with alone(part.parent / ".lock", path.name) as lock, writing(part), tempfile.TemporaryFile("w+") as said:
        with _account(environment, part.parent, path) as (data, inherited):
            process = subprocess.Popen(  # noqa: S603  a fixed command
                [*command, "--resume", "--destination_path", str(part.parent), path.name],
                env={**environment, "XDG_DATA_HOME": str(data)},
                pass_fds=[*inherited, lock.fileno()],  # if we are killed, it goes on: nobody else may write to the part
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=said,
            )
            with process:
                _watch(process, part, progress, expected)
        said.seek(0)
        lines = said.read().strip().splitlines() or [f"exit code {process.returncode}"]
        if process.returncode and "416" not in lines[-1]:  # 416: nothing is left to send
            raise _failure(path, part, redacted(lines[-1]))
        part.replace(waiting)
    return waiting


def _failure(path: Path, part: Path, said: str) -> DataError:
    """What to do about csDownload's last word."""
    if "MD5" in said:  # it would append to this part for ever
        part.unlink(missing_ok=True)
        return DataError(f"{path}: csDownload failed ({said}); what it fetched was removed, run the same command again")
    return DataError(
        f"{path}: csDownload failed ({said}); check account and network and run it again, or delete {part} to start anew"
    )


def _watch(process: subprocess.Popen[bytes], part: Path, progress: Progress, expected: int) -> None:
    """Show how far csDownload is until it ends; it does not outlive us, nor a server that sends nothing."""
    seen, since = -1, time.monotonic()
    while _runs(process):
        size = part.stat().st_size if part.exists() else 0
        if size != seen:
            seen, since = size, time.monotonic()
        elif time.monotonic() - since > STALL:
            process.terminate()
            raise UnreachableError(
                f"{part}: csDownload has received nothing for {STALL:.0f} s; check the network and run it again, it goes on"
            )
        progress(size // MEBIBYTE, max(size // MEBIBYTE, expected) + 1)


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


@contextmanager
def _account(environment: Mapping[str, str], folder: Path, path: Path) -> Iterator[tuple[Path, list[int]]]:
    """The data folder that csDownload shall use, and open files that it needs: the environment's account, or the user's own.

    The environment's account is in a file without a name, which goes with the processes that hold it, however they end;
    the private folder has no more than a link to it.
    """
    if environment.get(USERNAME) and environment.get(PASSWORD):
        with tempfile.TemporaryFile("w+") as file, tempfile.TemporaryDirectory(dir=folder) as private:
            json.dump({"username": environment[USERNAME], "password": environment[PASSWORD]}, file)
            file.flush()
            file.seek(0)
            link = Path(private) / STORE
            link.parent.mkdir()
            link.symlink_to(f"/dev/fd/{file.fileno()}")
            yield Path(private).absolute(), [file.fileno()]
        return
    own = Path(environment.get("XDG_DATA_HOME") or Path(environment.get("HOME", "~")).expanduser() / ".local/share")
    if not (own / STORE).exists():
        raise DataError(
            f"{path}: missing, and no Cityscapes account; run `csDownload -l` once and let it keep the account, or set"
            f" {USERNAME} and {PASSWORD}, or put the file there yourself"
        )
    yield own, []
