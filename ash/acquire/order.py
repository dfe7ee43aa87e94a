"""What is asked of acquisition: which files go where, and where they come from."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from ash.acquire.archives import Source
from ash.progress import Progress

Stage = Callable[[str], AbstractContextManager[Progress]]
REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Order:
    """What is acquired, from where, and where its files go."""

    root: Path
    count: Mapping[str, int] | None
    out: Path
    pins: Path
    mirror: str | None = None
    """Takes the place of the publisher's address, for sets that are fetched over HTTP."""
    given: Path | None = None
    """A folder that holds the set already: `root` becomes a link to it, and nothing is fetched."""

    def contents(self, source: Source) -> Path:
        """Where the pins of the set's files are: beside the other pins, or else in the repository."""
        here = self.pins.with_name(f"{source.contents}.sha256.gz")
        return here if here.exists() else REPOSITORY / "pins" / here.name
