"""Options that give a file or a folder to a name, NAME=PATH, and may be repeated."""

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import NamedTuple

from ash.errors import ConfigError, known


class Named(NamedTuple):
    """An option NAME=PATH, for its messages."""

    option: str
    wanted: str
    """The form of its value, with an example."""
    unknown: str
    """What a name is that is not there."""
    twice: str
    """What a name is that comes again."""


ONE_FILE = "is named twice, and its scores have one file"
TARGET = Named(
    "--target",
    "NAME=PREPARED, e.g. cityscapes=data/prepared/cityscapes_val.h5",
    "is not a data set of the protocol",
    ONE_FILE,
)
PROTOCOL = Named(
    "--protocol",
    "NAME=MANIFEST, e.g. cityscapes=data/manifests/cityscapes.json",
    "is not an evaluation protocol",
    ONE_FILE,
)
DATA, MANIFEST = (
    Named(option, "SET=PATH, e.g. cityscapes=data/raw/cityscapes", "is a set of no protocol", "is named twice")
    for option in ("--data", "--manifest")
)


def named_files(pairs: Iterable[str], there: Collection[str], named: Named) -> dict[str, Path]:
    """Options NAME=PATH taken apart; ConfigError if one is not that, or names what is not there, or the same again."""
    files: dict[str, Path] = {}
    for pair in pairs:
        name, equals, file = pair.partition("=")
        if not (name and equals and file):
            raise ConfigError(f"{named.option} {pair}: wanted {named.wanted}")
        if name not in there:
            raise ConfigError(f"{named.option} {pair}: {name!r} {named.unknown}; {known(name, there)}")
        if name in files:
            raise ConfigError(f"{named.option} {pair}: {name} {named.twice}; name it once")
        files[name] = Path(file)
    return files
