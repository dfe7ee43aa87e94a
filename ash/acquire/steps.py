"""One whole set: its archives fetched or asked for, verified, unpacked, counted.

A set that is complete without archives is accepted as it lies, and nothing is written into its folder, which may be
shared and read-only.  So is one without an entry in `ash.acquire.sources`, which has no archives.
"""

import shutil
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from ash import datasets
from ash.acquire import cityscapes_login, download, sources
from ash.acquire.archives import Archive, Source
from ash.acquire.contents import check_contents, read_contents
from ash.acquire.disk import STAGING, alone
from ash.acquire.given import linked
from ash.acquire.journal import Journal, Pins
from ash.acquire.members import plan
from ash.acquire.order import Order, Stage
from ash.acquire.singles import Singles
from ash.acquire.status import begun, folder, instruction, lacks
from ash.acquire.unpack import unpack
from ash.datasets._base import Dataset
from ash.errors import AshError, DataError, StoreError, redacted, several
from ash.files import signature
from ash.files.atomic import write_json, write_text, writing
from ash.preparation.census import take_census
from ash.progress import quiet

KINDS = {"zip": signature.ZIP, "rar": signature.RAR}


def acquire(name: str, order: Order, stage: Stage, say: Callable[[str], None]) -> None:
    """Bring one set to `order.root` and write the record of its archives to `order.out`.

    `stage(title)` gives a context with a progress function; `say` gets the licence, once.  DataError lists every archive
    that is missing or wrong, with what to do, or says which images are missing.
    """
    source, dataset = sources.SOURCES.get(name), datasets.load(name)
    with alone(order.out.with_name(f".{name}.lock"), name), ExitStack() as held:
        if source is not None:
            _show_licence(source, order.out.with_name(f"{name}_licence.txt"), say)
        if order.given is not None:
            held.enter_context(linked(dataset, order.root, order.given))
        work = None if source is None or order.given is not None else _work(source, dataset, order, stage, held)
        if work is not None:
            work.bring_all()
        fault = lacks(name, order.root, order.count)
        if fault is not None:
            raise DataError(fault)
        dataset.verify(order.root)
        checked = _check_files(source, dataset, order, stage)
        found = {split.split: split.images for split in take_census(dataset, order.root, order.count)}
        if work is not None:
            work.pin()
        record = {} if work is None else work.record
        write_json(order.out, {"dataset": name, "archives": record, "images": found} | checked)


def _work(source: Source, dataset: Dataset, order: Order, stage: Stage, held: ExitStack) -> "_Work | Singles":
    """What brings a set, by the kind of files that it is published as."""
    return Singles(source, dataset, order, stage, held) if source.singles else _Work(source, order, stage, held)


def _check_files(source: Source | None, dataset: Dataset, order: Order, stage: Stage) -> dict[str, dict[str, int]]:
    """Hold every file against its pin, where the set has such; what the record shows of that."""
    if source is None or source.contents is None:
        return {}
    found = [dataset.files(order.root, split) for split in dataset.splits]
    files = sorted({path for kinds in found for kind in kinds for path in kind.values()})
    with stage(f"verify {len(files)} files") as progress:
        checked = check_contents(order.root, files, read_contents(order.contents(source)), progress)
    return {"files": checked.record()}


class _Work:
    """The archives of one set, one after the other; `record` has what is known of each that is there."""

    def __init__(self, source: Source, order: Order, stage: Stage, held: ExitStack) -> None:
        self.source, self.order, self.stage, self.held = source, order, stage, held
        self.contents = None if source.contents is None else read_contents(order.contents(source))
        self.pins, self.journal = Pins(order.pins), Journal(order.out.with_name(f".{source.name}.json"))
        self.complete = lacks(source.name, order.root, order.count) is None
        self.held_folder = False
        self.record: dict[str, dict[str, Any]] = {}

    def bring_all(self) -> None:
        """Fetch, verify and unpack every archive; DataError lists the bad ones."""
        faults = []
        for archive in self.source.archives:
            try:
                entry = self._bring(archive)
            except AshError as fault:
                faults.append(str(fault))
                if isinstance(fault, download.UnreachableError | StoreError):
                    break  # neither this server nor this disk will do better with the next
            else:
                self.record |= {} if entry is None else {archive.name: _public(entry)}
        if faults:
            raise DataError(several(f"{self.source.name}: {len(faults)} archive(s) missing or wrong", faults))
        self._finish()

    def pin(self) -> None:
        """Keep size and hash of the archives, once the set that came of them has proved good."""
        for archive, entry in self.record.items() if self.source.contents is None else ():
            if (folder(self.order.root) / archive).exists():
                self.pins.add(archive, entry["bytes"], entry["sha256"])

    def _bring(self, archive: Archive) -> dict[str, Any] | None:
        """Fetch an archive if need be, and use it; gives what the journal knows.  None where the set is complete without it."""
        path = folder(self.order.root) / archive.name
        if path.exists():
            return self._use(path, archive)
        if self.complete:
            return self.journal.entries.get(archive.name)
        waiting, address = self._fetch(path, archive)
        try:
            entry = self._use(waiting, archive)
        except DataError as fault:
            with writing(waiting):
                waiting.unlink()
            raise DataError(f"{address}: sent what is of no use, {download.AGAIN} ({fault})") from fault
        with writing(path):
            waiting.replace(path)
        return entry

    def _use(self, path: Path, archive: Archive) -> dict[str, Any]:
        """Verify an archive and unpack it."""
        found, wanted = signature.look(path), KINDS[archive.kind]
        if found != wanted:
            then = instruction(self.source, self.order.root, (archive.name,))
            raise DataError(f"{path}: {found}, wanted {wanted}; {signature.hint(found)}remove it, then {then}")
        with self.stage(f"verify {archive.name} (MiB)") as progress:
            entry = self.journal.hashed(path, progress)
        self.pins.check(path, entry["bytes"], entry["sha256"])
        same = [name for name, other in self.record.items() if other["sha256"] == entry["sha256"]]
        if same:
            raise DataError(
                f"{path}: the same file as {same[0]}, so one of the two is wrong; remove it and fetch it again"
            )
        if archive.kind == "zip":
            self._check_version(path, archive)
            if not self.complete:
                self._begin()
            with self.stage(f"unpack {archive.name}") as progress:
                trusted = entry["contents"] is not None
                contents = unpack(
                    path, archive, self.order.root, progress, self._replaced(archive), self.contents, trusted=trusted
                )
            self.journal.unpacked(archive.name, contents.record())
        return self.journal.entries[archive.name]

    def _check_version(self, path: Path, archive: Archive) -> None:
        """DataError if the members that tell the set's version tell another, before anything is unpacked into the set."""
        plan(path, archive)  # another archive than the published one is named as a whole
        if archive.named:
            with writing(path), tempfile.TemporaryDirectory() as away:
                unpack(path, replace(archive, keep=archive.named), Path(away), quiet)
                try:
                    datasets.load(self.source.name).verify(Path(away))
                except AshError as fault:
                    raise DataError(str(fault).replace(f"{away}/", f"{path}: ")) from fault

    def _hold(self) -> None:
        """From here on the folder is written to, and no other process may do so, of whichever checkout."""
        if not self.held_folder:
            self.held.enter_context(alone(folder(self.order.root) / ".lock", self.source.name))
            self.held_folder = True

    def _begin(self) -> None:
        """From here on the folder holds a part of the set."""
        self._hold()
        names = "\n".join(archive.name for archive in self.source.archives)
        write_text(begun(self.order.root), f"{self.source.name} is whole when all of these are unpacked:\n{names}\n")

    def _finish(self) -> None:
        """All archives are unpacked: what a killed run may have left goes."""
        staging = folder(self.order.root) / STAGING
        if self.held_folder:
            with writing(staging):
                if staging.exists():
                    shutil.rmtree(staging)
                begun(self.order.root).unlink(missing_ok=True)

    def _fetch(self, path: Path, archive: Archive) -> tuple[Path, str]:
        """Where an archive waits that has been fetched whole, and where it comes from."""
        if self.source.how == "hand":
            raise DataError(f"{path}: missing; {instruction(self.source, self.order.root)}")
        self._hold()
        with self.stage(f"fetch {path.name} (MiB)") as progress:
            if self.source.how == "cityscapes":
                return cityscapes_login.fetch(path, progress, archive.mebibytes), self.source.page
            url = f"{(self.order.mirror or archive.base or self.source.base).rstrip('/')}/{path.name}"
            pinned = self.pins.sha256(path.name)
            return download.fetch(url, path, pinned, progress, KINDS[archive.kind]), redacted(url)

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
