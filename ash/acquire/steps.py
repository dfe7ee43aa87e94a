"""One whole set: its archives fetched or asked for, verified, unpacked, counted.

A set that is complete without archives is accepted as it lies, and nothing is written into its folder, which may be
shared and read-only.  So is one without an entry in `ash.acquire.sources`, which has no archives.
"""

import fcntl
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ash import datasets
from ash.acquire import cityscapes_login, download, sources
from ash.acquire.journal import Journal, Pins
from ash.acquire.sources import Archive, Source
from ash.acquire.status import folder, instruction, lacks
from ash.acquire.unpack import head, plan, unpack
from ash.errors import AshError, DataError, several
from ash.files.atomic import write_json, write_text
from ash.preparation.census import take_census
from ash.progress import Progress

Stage = Callable[[str], AbstractContextManager[Progress]]
MAGIC = {"zip": b"PK", "rar": b"Rar!"}


@dataclass(frozen=True)
class Order:
    """What is acquired, from where, and where its files go."""

    root: Path
    count: Mapping[str, int] | None
    out: Path
    pins: Path
    mirror: str | None = None
    """Takes the place of the publisher's address, for sets that are fetched over HTTP."""


def acquire(name: str, order: Order, stage: Stage, say: Callable[[str], None]) -> None:
    """Bring one set to `order.root` and write the record of its archives to `order.out`.

    `stage(title)` gives a context with a progress function; `say` gets the licence, once.  DataError lists every archive
    that is missing or wrong, with what to do, or says which images are missing.
    """
    source, dataset = sources.SOURCES.get(name), datasets.load(name)
    order.out.parent.mkdir(parents=True, exist_ok=True)
    with alone(order.out.with_name(f".{name}.lock"), name):
        record = {} if source is None else _bring(source, order, stage, say)
        fault = lacks(name, order.root, order.count)
        if fault is not None:
            raise DataError(fault)
        dataset.verify(order.root)
        found = {split.split: split.images for split in take_census(dataset, order.root, order.count)}
        write_json(order.out, {"dataset": name, "archives": record, "images": found})


def _bring(source: Source, order: Order, stage: Stage, say: Callable[[str], None]) -> dict[str, dict[str, Any]]:
    """Every archive of a set, one after the other; gives what the record says of each.  DataError lists the bad ones."""
    _show_licence(source, order.out.with_name(f"{source.name}_licence.txt"), say)
    work = _Work(source, order, stage)
    record: dict[str, dict[str, Any]] = {}
    faults = []
    for archive in source.archives:
        try:
            entry = work.bring(archive)
        except AshError as fault:
            faults.append(str(fault))
        else:
            record |= {} if entry is None else {archive.name: entry}
    if faults:
        raise DataError(several(f"{source.name}: {len(faults)} archive(s) missing or wrong", faults))
    return record


class _Work:
    """The archives of one set, one after the other."""

    def __init__(self, source: Source, order: Order, stage: Stage) -> None:
        self.source, self.order, self.stage = source, order, stage
        self.pins, self.journal = Pins(order.pins), Journal(order.out.with_name(f".{source.name}.json"))
        self.complete = lacks(source.name, order.root, order.count) is None

    def bring(self, archive: Archive) -> dict[str, Any] | None:
        """Fetch an archive if need be, verify and unpack it; None where the set is complete without it."""
        path = folder(self.order.root) / archive.name
        if not path.exists():
            known = self.journal.entries.get(archive.name)
            if self.complete:
                return _public(known) if known else None
            self._fetch(path, archive)
        if not head(path).startswith(MAGIC[archive.kind]):
            raise DataError(
                f"{path}: not a {archive.kind} archive (begins {head(path)!r}); put the published file there"
            )
        with self.stage(f"verify {archive.name} (MiB)") as progress:
            entry = self.journal.hashed(path, progress)
        self.pins.check(path, entry["bytes"], entry["sha256"])
        if archive.kind == "zip":
            with self.stage(f"unpack {archive.name}") as progress:
                trusted = entry["contents"] is not None
                contents = unpack(path, archive, self.order.root, progress, self._replaced(archive), trusted=trusted)
            self.journal.unpacked(archive.name, contents.record())
        self.pins.add(archive.name, entry["bytes"], entry["sha256"])
        return _public(self.journal.entries[archive.name])

    def _fetch(self, path: Path, archive: Archive) -> None:
        if self.source.how == "http":
            base = self.order.mirror or self.source.base
            with self.stage(f"fetch {path.name} (MiB)") as progress:
                download.fetch(f"{base.rstrip('/')}/{path.name}", path, self.pins.sha256(path.name), progress)
        elif self.source.how == "cityscapes":
            with self.stage(f"fetch {path.name} (MiB)") as progress:
                cityscapes_login.fetch(path, progress, archive.mebibytes)
        else:
            raise DataError(f"{path}: missing; {instruction(self.source, self.order.root)}")

    def _replaced(self, archive: Archive) -> frozenset[str]:
        """Members that another archive of the set holds in a better version."""
        better = [a for a in self.source.archives if a.replaces and a != archive]
        paths = [(a, folder(self.order.root) / a.name) for a in better]
        return frozenset(name for a, path in paths if path.exists() for name in plan(path, a).names)


def _public(entry: Mapping[str, Any]) -> dict[str, Any]:
    """What the record shows of an archive: nothing that depends on the clock."""
    return {"bytes": entry["bytes"], "sha256": entry["sha256"], **(entry["contents"] or {})}


def _show_licence(source: Source, path: Path, say: Callable[[str], None]) -> None:
    """Tell the terms once for each folder of records."""
    if not path.exists():
        text = f"{source.name}: {source.licence}. Terms: {source.page}"
        say(text)
        write_text(path, text + "\n")


@contextmanager
def alone(lock: Path, name: str) -> Iterator[None]:
    """One process at a time works on a set; a lock goes with its process, however that ends."""
    with lock.open("w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as cause:
            raise DataError(f"{name}: another `ash acquire {name}` is at work; wait for it") from cause
        yield
