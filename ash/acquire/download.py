"""One file over HTTP: resumed where it stopped, looked at and verified, and left where it waits for its final name.

Pooch verifies the hash and renames; the transfer itself is ours, since pooch's own starts from nothing after a drop.
"""

import json
import logging
import time
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from ash.acquire.disk import staged
from ash.acquire.watched import ends
from ash.errors import ConfigError, DataError, flat, redacted
from ash.files import signature
from ash.files.atomic import writing
from ash.progress import Progress

log = logging.getLogger(__name__)
ATTEMPTS = 5  # of one transfer, each from where the last one stopped
WAIT = 1.0  # seconds before the second attempt; doubled before each further one
BUSY = (408, 429, 500, 502, 503, 504)  # answers of a server that may do better at the next attempt
TIMEOUT = 30.0  # seconds without a byte
BLOCK = 1 << 16  # bytes written at once; a drop costs less than one block
PATIENCE = 300.0  # seconds in which a block must come: a server that sends a byte now and then never times out
MEBIBYTE = 1 << 20
AGAIN = "nothing of it was kept, and the same command fetches it again"


class UnreachableError(DataError):
    """The server cannot be reached or keeps stopping: it is of no use to ask it for the next file."""


def fetch(
    url: str, path: Path, sha256: str | None, progress: Progress, wanted: str = signature.ZIP, wait: float = WAIT
) -> Path:
    """Bring `url` to where `path` is staged, going on from `NAME.part` there, and give that place.

    `progress` counts MiB.  `wanted` is the kind of file; what begins otherwise is refused at its first bytes.  `sha256` is
    all 64 digits, or None.  DataError if the server refuses, sends something else or another hash, UnreachableError if the
    transfer keeps stopping; StoreError if the disk is full.
    """
    pooch = _import("pooch")
    pooch.get_logger().setLevel(logging.WARNING)
    waiting = staged(path)
    with writing(waiting):
        waiting.parent.mkdir(parents=True, exist_ok=True)
        for leftover in waiting.parent.glob("tmp*"):  # of a pooch that was killed
            leftover.unlink()
    transfer = Transfer(waiting.with_name(f"{path.name}.part"), wanted, progress, wait)
    try:
        with writing(path):
            pooch.retrieve(
                url, sha256 and f"sha256:{sha256}", fname=path.name, path=waiting.parent, downloader=transfer
            )
    except ValueError as cause:
        raise DataError(
            f"{path}: what {redacted(url)} sends has another SHA-256 than pinned ({sha256}); {AGAIN}; if the publisher has"
            " changed the file, remove its pin"
        ) from cause
    return waiting


def checked(mirror: str) -> str:
    """An address to which names of files are appended, with its slash; ConfigError if it can be none."""
    try:
        parts = urlsplit(mirror)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, a bracket left open
        sound = False
    if not sound or parts.query or parts.fragment or any(c.isspace() or not c.isprintable() for c in mirror):
        raise ConfigError(
            "--mirror: no address of files, wanted http://HOST/FOLDER or https://HOST/FOLDER without ? and #; write special"
            " characters of a password as %XX"  # the address may hold a password, so it is not shown
        )
    return mirror.rstrip("/")


class Transfer:
    """A downloader for pooch that goes on where it stopped."""

    def __init__(self, partial: Path, wanted: str, progress: Progress, wait: float) -> None:
        self.partial, self.tag = partial, partial.with_suffix(".tag")
        self.wanted, self.progress, self.wait = wanted, progress, wait
        self.moved, self.left = 0.0, False  # when the last block came; whether nobody waits for the next one

    def __call__(self, url: str, output_file: str, pooch: Any, check_only: bool = False) -> None:
        """Bring the whole file to `output_file`; UnreachableError after the last attempt."""
        requests = _import("requests")
        shown, errors = redacted(url), requests.exceptions
        hopeless = (errors.InvalidURL, errors.InvalidSchema, errors.MissingSchema, errors.TooManyRedirects)
        for attempt in range(ATTEMPTS):
            try:
                self._patiently(requests, url)
            except hopeless as cause:
                raise DataError(f"{shown}: cannot be fetched ({flat(cause)}); check the address") from cause
            except requests.RequestException as cause:
                have = self._have()
                if attempt == ATTEMPTS - 1:
                    raise UnreachableError(
                        f"{shown}: stopped after {have} bytes ({flat(cause)}); run the same command again, it goes on"
                        " from there"
                    ) from cause
                log.info("%s: dropped after %d bytes, goes on", shown, have)
                time.sleep(self.wait * 2**attempt)
            else:
                break
        self.partial.replace(output_file)
        self.tag.unlink(missing_ok=True)

    def _patiently(self, requests: Any, url: str) -> None:
        """`_transfer`; UnreachableError, and the transfer is left, if no block comes for long."""
        self.moved = time.monotonic()
        self.left = not ends(lambda: self._transfer(requests, url), lambda: self.moved, PATIENCE)
        if self.left:
            raise UnreachableError(
                f"{redacted(url)}: given up after {self._have()} bytes, for fewer than {BLOCK} more came in"
                f" {PATIENCE:g} seconds; run the same command again, it goes on from there, or name a mirror"
            )

    def _transfer(self, requests: Any, url: str) -> None:
        """Append what is missing; requests.ConnectionError if what comes is not that, to be asked for anew."""
        have, known = self._have(), self._known()
        if have and known is None:
            have = self._drop()
        headers = {"Accept-Encoding": "identity"}
        if have:
            headers["Range"] = f"bytes={have}-"
            if known and known[0]:  # a file that has changed meanwhile comes whole, not as a rest that does not fit
                headers["If-Range"] = known[0]
        hooks = {"response": _stays_safe}
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT, hooks=hooks) as answer:
            if self._is_whole(requests, answer, have):
                return
            if answer.status_code == 206:
                self._check_rest(requests, answer, have, known)
            else:
                have = self._drop()
                self.tag.write_text(json.dumps(_version(answer)), encoding="utf-8")
            self._write(requests, answer, have)

    def _is_whole(self, requests: Any, answer: Any, have: int) -> bool:
        """Whether nothing is left to fetch; raises unless the answer carries content."""
        status, shown = answer.status_code, redacted(answer.url)
        if status == 416:
            if have and answer.headers.get("Content-Range") == f"bytes */{have}":
                return True
            self._drop()
            raise requests.ConnectionError("the part on disk is longer than the file; starts anew")
        if status in BUSY:
            raise requests.ConnectionError(f"the server answers {status} {answer.reason}")
        if status not in (200, 203, 206):
            raise DataError(
                f"{shown}: the server answers {status} {answer.reason}; check the address, or name a mirror"
            )
        return False

    def _check_rest(self, requests: Any, answer: Any, have: int, known: list[str] | None) -> None:
        """A part is appended only if it begins where ours ends, as plain bytes of the same file."""
        begins = have and answer.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        same = all(new in ("", old) for new, old in zip(_version(answer), known or ("", ""), strict=True))
        if not begins or not _is_plain(answer) or not same:
            self._drop()
            raise requests.ConnectionError("the server sends another part than was asked for; starts anew")

    def _write(self, requests: Any, answer: Any, have: int) -> None:
        """Write the content, whose first bytes tell whether it is what was wanted."""
        size = _version(answer)[1]
        total = int(size) if size else None
        with self.partial.open("ab" if have else "wb") as file:
            for block in answer.iter_content(BLOCK):
                if self.left:
                    return
                self.moved = time.monotonic()
                if not have:
                    self._look(answer, block)
                file.write(block)
                have += len(block)
                self.progress(have // MEBIBYTE, (total or have) // MEBIBYTE)
        if total is not None and have != total:
            raise requests.ConnectionError(f"{have} of {total} bytes came")
        if not have:
            self._look(answer, b"")

    def _look(self, answer: Any, block: bytes) -> None:
        """DataError if a file that begins so is another kind than wanted; nothing is kept of it."""
        found = signature.kind(block[: signature.HEAD])
        if not signature.fits(found, self.wanted):
            self._drop()
            said = answer.headers.get("Content-Type", "no type")
            raise DataError(
                f"{redacted(answer.url)}: what the server sends is {found} (it says {said!r}), wanted {self.wanted};"
                f" {signature.hint(found)}open the address in a browser, or name a mirror; {AGAIN}"
            )

    def _have(self) -> int:
        """Bytes of the part on disk."""
        return self.partial.stat().st_size if self.partial.exists() else 0

    def _known(self) -> list[str] | None:
        """Version of the file that the part is of, as `_version` has it; None if that cannot be told any more."""
        try:
            known = json.loads(self.tag.read_bytes())
        except (FileNotFoundError, ValueError):  # ValueError: a kill while it was written
            return None
        return known if isinstance(known, list) and len(known) == 2 else None

    def _drop(self) -> int:
        """Forget the part."""
        self.partial.unlink(missing_ok=True)
        self.tag.unlink(missing_ok=True)
        return 0


def _version(answer: Any) -> list[str]:
    """What identifies the file that is sent, and how many bytes it has; empty where the server does not say."""
    tag, rest = answer.headers.get("ETag", ""), answer.headers.get("Content-Range", "").rpartition("/")[2]
    length = rest if answer.status_code == 206 else answer.headers.get("Content-Length", "")
    strong = tag if tag and not tag.startswith("W/") else answer.headers.get("Last-Modified", "")
    return [strong, length if _is_plain(answer) and length.isdecimal() else ""]


def _is_plain(answer: Any) -> bool:
    """Whether the bytes sent are those of the file itself."""
    return answer.headers.get("Content-Encoding", "identity") in ("", "identity")


def _stays_safe(answer: Any, **_: Any) -> None:
    """DataError where a server leads from https to another scheme: whoever is on the way could change the file."""
    target = urljoin(answer.url, answer.headers.get("Location", ""))
    if answer.is_redirect and answer.url.startswith("https:") and not target.startswith("https:"):
        raise DataError(
            f"{redacted(answer.url)}: the server leads on to {redacted(target)}, which is not encrypted; check the address"
        )


def _import(name: str) -> Any:
    """A package that only downloading needs."""
    try:
        return __import__(name)
    except ImportError as cause:
        raise ConfigError(f"{name} is not installed; pip install 'ash-reproduction[acquire]'") from cause
