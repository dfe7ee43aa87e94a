"""One file over HTTP: resumed where it stopped, verified, under its final name only when whole.

Pooch verifies the hash and renames; the transfer itself is ours, since pooch's own starts from nothing after a drop.
"""

import logging
import time
from pathlib import Path
from typing import Any

from ash.errors import ConfigError, DataError, StoreError
from ash.progress import Progress

log = logging.getLogger(__name__)
ATTEMPTS = 5  # of one transfer, each from where the last one stopped
WAIT = 1.0  # seconds before the second attempt; doubled before each further one
BUSY = (429, 500, 502, 503, 504)  # answers of a server that may do better at the next attempt
TIMEOUT = 30.0  # seconds without a byte
BLOCK = 1 << 16  # bytes written at once; a drop costs less than one block
MEBIBYTE = 1 << 20


def fetch(url: str, path: Path, sha256: str | None, progress: Progress, wait: float = WAIT) -> None:
    """Download `url` to `path`, going on from `.fetch/NAME.part` beside it; `progress` counts MiB.

    DataError if the server refuses, the transfer keeps stopping, or the hash is not `sha256`; StoreError if the disk is full.
    """
    pooch = _import("pooch")
    pooch.get_logger().setLevel(logging.WARNING)
    staging = path.parent / ".fetch"
    staging.mkdir(parents=True, exist_ok=True)
    for leftover in staging.glob("tmp*"):  # of a pooch that was killed
        leftover.unlink()
    transfer = Transfer(staging / f"{path.name}.part", progress, wait)
    try:
        pooch.retrieve(url, sha256 and f"sha256:{sha256}", fname=path.name, path=staging, downloader=transfer)
    except ValueError as cause:
        raise DataError(
            f"{path}: what {url} sends has another SHA-256 than pinned ({sha256}); fetch again, and if the publisher has"
            " changed the file, remove its pin"
        ) from cause
    except OSError as cause:
        raise StoreError(f"{path}: cannot be written ({cause.strerror}); free space or fix permissions") from cause
    (staging / path.name).replace(path)


class Transfer:
    """A downloader for pooch that goes on where it stopped."""

    def __init__(self, partial: Path, progress: Progress, wait: float) -> None:
        self.partial, self.tag = partial, partial.with_suffix(".tag")
        self.progress, self.wait = progress, wait

    def __call__(self, url: str, output_file: str, pooch: Any, check_only: bool = False) -> None:
        """Bring the whole file to `output_file`; DataError after the last attempt."""
        requests = _import("requests")
        for attempt in range(ATTEMPTS):
            try:
                self._transfer(requests, url)
            except requests.HTTPError as cause:
                raise DataError(f"{url}: the server answers {cause}; check the address, or name a mirror") from cause
            except requests.RequestException as cause:
                have = self.partial.stat().st_size if self.partial.exists() else 0
                if attempt == ATTEMPTS - 1:
                    raise DataError(
                        f"{url}: stopped after {have} bytes ({cause}); run the same command again, it goes on from there"
                    ) from cause
                log.info("%s: dropped after %d bytes, goes on", url, have)
                time.sleep(self.wait * 2**attempt)
            else:
                break
        self.partial.replace(output_file)
        self.tag.unlink(missing_ok=True)

    def _transfer(self, requests: Any, url: str) -> None:
        """Append what is missing; requests.ConnectionError if the server sends less than it announced."""
        have = self.partial.stat().st_size if self.partial.exists() else 0
        headers = {"Accept-Encoding": "identity"}
        if have:
            headers["Range"] = f"bytes={have}-"
            if self.tag.exists():  # a file that has changed meanwhile comes whole, not as a rest that does not fit
                headers["If-Range"] = self.tag.read_text(encoding="utf-8")
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as answer:
            if answer.status_code == 416 and answer.headers.get("Content-Range") == f"bytes */{have}":
                return
            if answer.status_code == 416:
                self.partial.unlink()
                raise requests.ConnectionError("the part on disk is longer than the file; starts anew")
            if answer.status_code in BUSY:
                raise requests.ConnectionError(f"the server answers {answer.status_code} {answer.reason}")
            answer.raise_for_status()
            if answer.status_code != 206 or not answer.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
                have = 0
            tag = answer.headers.get("ETag") or answer.headers.get("Last-Modified")
            if tag and not tag.startswith("W/"):
                self.tag.write_text(tag, encoding="utf-8")
            self._write(requests, answer, have)

    def _write(self, requests: Any, answer: Any, have: int) -> None:
        length = answer.headers.get("Content-Length")
        total = have + int(length) if length else None
        with self.partial.open("ab" if have else "wb") as file:
            for block in answer.iter_content(BLOCK):
                file.write(block)
                have += len(block)
                self.progress(have // MEBIBYTE, (total or have) // MEBIBYTE)
        if total is not None and have != total:
            raise requests.ConnectionError(f"{have} of {total} bytes came")


def _import(name: str) -> Any:
    """A package that only downloading needs."""
    try:
        return __import__(name)
    except ImportError as cause:
        raise ConfigError(f"{name} is not installed; pip install 'ash-reproduction[acquire]'") from cause
