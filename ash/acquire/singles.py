"""A set that is published as single files: as many frames as the protocol's `count` says are fetched, each under its name.

A file gets its name in the set's folder when it is whole, so that the same command goes on where a killed one stopped.
"""

from contextlib import ExitStack
from typing import Any

from ash.acquire import download
from ash.acquire.archives import Source
from ash.acquire.disk import alone
from ash.acquire.journal import Pins, sha256_of
from ash.acquire.order import Order, Stage
from ash.acquire.status import folder, lacks
from ash.datasets._base import Dataset
from ash.errors import DataError
from ash.files import signature
from ash.files.atomic import writing
from ash.progress import quiet


class Singles:
    """The files of one set; `record` stays empty, for it has no archives."""

    def __init__(self, source: Source, dataset: Dataset, order: Order, stage: Stage, held: ExitStack) -> None:
        self.source, self.dataset, self.order, self.stage, self.held = source, dataset, order, stage, held
        self.pins = Pins(order.pins)
        self.wanted: list[str] = []
        self.record: dict[str, dict[str, Any]] = {}

    def bring_all(self) -> None:
        """Fetch every file that is not there; DataError if the protocol does not say how many, or one cannot be had."""
        if lacks(self.source.name, self.order.root, self.order.count) is None:
            return
        if self.order.count is None:
            raise DataError(
                f"{self.source.name}: is fetched file by file ({self.source.size} in all); state `count` in the protocol, the"
                " number of frames, e.g. count: {train: 600}"
            )
        self.held.enter_context(alone(folder(self.order.root) / ".lock", self.source.name))
        frames = self.dataset.numbering(sum(self.order.count.values())) or []
        self.wanted = [name.format(frame) for frame in frames for name in self.source.singles]
        missing = [name for name in self.wanted if not (self.order.root / name).exists()]
        with self.stage(f"fetch {len(missing)} files of {self.source.name}") as progress:
            for done, name in enumerate(missing, 1):
                self._fetch(name)
                progress(done, len(missing))

    def pin(self) -> None:
        """Keep size and hash of the files, once the set has proved good."""
        new = {name: self.order.root / name for name in self.wanted if self.pins.sha256(name) is None}
        sizes = {name: path.stat().st_size for name, path in new.items()}
        self.pins.add_all(
            {n: {"bytes": sizes[n], "sha256": sha256_of(path, sizes[n], quiet)} for n, path in new.items()}
        )

    def _fetch(self, name: str) -> None:
        """Bring one file to its place."""
        base, path = self.order.mirror or self.source.base, self.order.root / name
        staged = folder(self.order.root) / path.name
        pinned = self.pins.sha256(name)
        waiting = download.fetch(f"{base.rstrip('/')}/{name}", staged, pinned, quiet, signature.PNG)
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            waiting.replace(path)
