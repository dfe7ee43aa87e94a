"""What acquisition remembers: pins, to be kept with the repository, and a journal of this machine's archives."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ash.errors import DataError, StoreError
from ash.files.atomic import read_json, write_json
from ash.progress import Progress

BLOCK = 1 << 22  # bytes hashed at once
MEBIBYTE = 1 << 20
FULL = 64  # hexadecimal digits of a SHA-256
PIN = re.compile(r"[0-9a-f]{8,64}")  # as many of its first digits as the publisher has made known


class Pins:
    """SHA-256 and size of every archive at its first fetch; a file that belongs into version control.

    A publisher may make known only the beginning of a hash: that is completed by the first file that fits it.  StoreError
    if a pin is none, since one without digits would fit every file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.known = self._read()

    def _read(self) -> dict[str, dict[str, Any]]:
        pins = _load(self.path)
        if not isinstance(pins, dict):
            raise StoreError(f"{self.path}: holds no names of archives; restore it from version control")
        for name, pin in pins.items():
            held = pin if isinstance(pin, dict) else {}
            digits, size = held.get("sha256"), held.get("bytes", 0)
            if not isinstance(digits, str) or not PIN.fullmatch(digits.lower()) or not isinstance(size, int):
                raise StoreError(
                    f"{self.path}: pin of {name!r} is {str(pin)[:80]!r}, wanted `sha256` of 8 to 64 hexadecimal digits and"
                    " whole `bytes`; correct it, or remove it if you trust the publisher's file"
                )
        return {name: {**pin, "sha256": pin["sha256"].lower()} for name, pin in pins.items()}

    def sha256(self, name: str) -> str | None:
        """The whole hash of an archive, None where it is not known."""
        digits = self.known.get(name, {}).get("sha256", "")
        return digits if len(digits) == FULL else None

    def check(self, archive: Path, size: int, sha256: str) -> None:
        """DataError if an archive is not the pinned one; a pin may be no more than the beginning of a hash."""
        pin = self.known.get(archive.name)
        if pin and not (sha256.startswith(pin["sha256"]) and size == pin.get("bytes", size)):
            wanted = f"{pin['bytes']} bytes with " if "bytes" in pin else ""
            raise DataError(
                f"{archive}: {size} bytes with SHA-256 {sha256[:12]}, wanted {wanted}{pin['sha256'][:12]} as pinned in"
                f" {self.path}; remove it and fetch it again, or remove the pin if the publisher has changed the file"
            )

    def add(self, name: str, size: int, sha256: str) -> None:
        """Pin an archive that proved good, or complete its pin."""
        self.add_all({name: {"bytes": size, "sha256": sha256}})

    def add_all(self, entries: Mapping[str, dict[str, Any]]) -> None:
        """Pin files that proved good, each with its `bytes` and `sha256`; those that are pinned stay as they are."""
        new = {name: entry for name, entry in entries.items() if self.sha256(name) is None}
        if new:
            self.known = {**self._read(), **new}
            write_json(self.path, self.known)


class Journal:
    """Hashes of archives, valid while size and time of the file stay, and what was unpacked from them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.entries: dict[str, dict[str, Any]] = _load(path)
        wanted = {"bytes", "mtime_ns", "sha256", "contents"}
        known = self.entries.values() if isinstance(self.entries, dict) else [None]
        if not all(isinstance(entry, dict) and entry.keys() == wanted for entry in known):
            raise StoreError(f"{path}: is no journal of archives; delete it, the same command makes it again")

    def entry(self, archive: Path) -> dict[str, Any] | None:
        """What is known of an archive that has not changed since."""
        entry, stamp = self.entries.get(archive.name), archive.stat()
        return entry if entry and (entry["bytes"], entry["mtime_ns"]) == (stamp.st_size, stamp.st_mtime_ns) else None

    def hashed(self, archive: Path, progress: Progress) -> dict[str, Any]:
        """The entry of an archive, hashing it if it is new."""
        entry = self.entry(archive)
        if entry is None:
            stamp = archive.stat()
            sha256 = sha256_of(archive, stamp.st_size, progress)
            entry = {"bytes": stamp.st_size, "mtime_ns": stamp.st_mtime_ns, "sha256": sha256, "contents": None}
            self._keep(archive.name, entry)
        return entry

    def unpacked(self, name: str, contents: dict[str, int]) -> None:
        """Note that an archive is unpacked to the last member, and on the disk."""
        self._keep(name, {**self.entries[name], "contents": contents})

    def _keep(self, name: str, entry: dict[str, Any]) -> None:
        self.entries[name] = entry
        write_json(self.path, self.entries)


def _load(path: Path) -> Any:
    """What a JSON file holds, nothing if there is none; StoreError if it cannot be read."""
    try:
        return read_json(path) if path.exists() else {}
    except OSError as cause:
        raise StoreError(f"{path}: cannot be read ({cause.strerror}); move it away, or fix its permissions") from cause


def sha256_of(path: Path, size: int, progress: Progress) -> str:
    """The hash of a file of `size` bytes; `progress` counts MiB.  StoreError if it cannot be read."""
    digest, done = hashlib.sha256(), 0
    try:
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                digest.update(block)
                done += len(block)
                progress(done // MEBIBYTE, size // MEBIBYTE)
    except OSError as cause:
        raise StoreError(f"{path}: cannot be read ({cause.strerror}); check the disk and its permissions") from cause
    return digest.hexdigest()
