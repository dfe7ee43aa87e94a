"""What acquisition remembers: pins, to be kept with the repository, and a journal of this machine's archives."""

import hashlib
from pathlib import Path
from typing import Any

from ash.errors import DataError
from ash.files.atomic import read_json, write_json
from ash.progress import Progress

BLOCK = 1 << 22  # bytes hashed at once
MEBIBYTE = 1 << 20


class Pins:
    """SHA-256 and size of every archive at its first fetch; a file that belongs into version control."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.known: dict[str, dict[str, Any]] = read_json(path) if path.exists() else {}

    def sha256(self, name: str) -> str | None:
        """The pinned hash of an archive, None before its first fetch."""
        return self.known[name]["sha256"] if name in self.known else None

    def check(self, archive: Path, size: int, sha256: str) -> None:
        """DataError if an archive is not the pinned one; a pin may be no more than the beginning of a hash."""
        pin = self.known.get(archive.name)
        if pin and not sha256.startswith(pin["sha256"]):
            wanted = f"{pin['bytes']} bytes with " if "bytes" in pin else ""
            raise DataError(
                f"{archive}: {size} bytes with SHA-256 {sha256[:12]}, wanted {wanted}{pin['sha256'][:12]} as pinned in"
                f" {self.path}; remove it and fetch it again, or remove the pin if the publisher has changed the file"
            )

    def add(self, name: str, size: int, sha256: str) -> None:
        """Pin an archive that proved good."""
        if name not in self.known:
            self.known[name] = {"bytes": size, "sha256": sha256}
            write_json(self.path, self.known)


class Journal:
    """Hashes of archives, valid while size and time of the file stay, and what was unpacked from them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.entries: dict[str, dict[str, Any]] = read_json(path) if path.exists() else {}

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
        """Note that an archive is unpacked to the last member."""
        self._keep(name, {**self.entries[name], "contents": contents})

    def _keep(self, name: str, entry: dict[str, Any]) -> None:
        self.entries[name] = entry
        write_json(self.path, self.entries)


def sha256_of(path: Path, size: int, progress: Progress) -> str:
    """The hash of a file of `size` bytes; `progress` counts MiB."""
    digest, done = hashlib.sha256(), 0
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
            done += len(block)
            progress(done // MEBIBYTE, size // MEBIBYTE)
    return digest.hexdigest()
