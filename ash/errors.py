"""Every error that the project raises on purpose.

AshError                 one line for the user: where, what was found, what was wanted, the remedy; exit code 2
├── ConfigError          params.yaml or a protocol file says something that cannot be run
├── DataError            a raw or prepared file is missing, damaged, mis-sized or mislabelled
│   └── SizeError        an image and its labels differ in size, which some published sets have
├── StoreError           a file of the project's own (HDF5, JSON, weights) cannot be read or written as it should
├── CheckpointError      a resume file or model does not belong to the settings it is asked to serve
├── ShapeError           two arrays that must agree do not
├── ResourceError        the machine lacks memory, or the device that was asked for
└── NonFiniteError       a loss term became NaN or infinite

Anything else that escapes is a defect of ours and keeps its traceback.
"""

import re
from collections.abc import Iterable
from difflib import get_close_matches


class AshError(Exception):
    """An error whose message is meant for the user."""


class ConfigError(AshError):
    """The configuration cannot be run as written."""


class DataError(AshError):
    """A data file is missing, damaged, mis-sized or mislabelled."""


class SizeError(DataError):
    """An image and its labels differ in size."""


class StoreError(AshError):
    """A file of the project's own cannot be read or written as it should."""


class CheckpointError(AshError):
    """A resume file or model does not belong to the settings it is asked to serve."""


class ShapeError(AshError):
    """Two arrays that must agree in shape do not."""


class ResourceError(AshError):
    """The machine lacks what was asked of it."""


class NonFiniteError(AshError):
    """A loss term became NaN or infinite."""


def several(title: str, lines: list[str], limit: int = 20) -> str:
    """One message for many faults: the title, then a fault a line, at most `limit` of them with a count of the rest."""
    shown = lines[:limit]
    rest = len(lines) - len(shown)
    return "\n  ".join([title, *shown] + ([f"... and {rest} more"] if rest > 0 else []))


def brief(text: str, limit: int = 120) -> str:
    """A text of a user or of another library, cut where it would bury the message around it."""
    return text if len(text) <= limit else f"{text[:limit]}..."


def known(wrong: str, names: Iterable[str]) -> str:
    """The names that there are, and the one that `wrong` is closest to, for the end of a message."""
    there = [str(name) for name in names]
    close = get_close_matches(wrong, there, 1)
    return f"known: {', '.join(there) or 'none'}" + (f"; did you mean {close[0]!r}?" if close else "")


def flat(cause: object) -> str:
    """The message of another library's exception in one line, without passwords."""
    return redacted(" ".join(str(cause).split()))


def redacted(text: str) -> str:
    """`text` without what addresses hold beside the server and the path: name and password, and what follows a `?`."""
    without = re.sub(r"(?<=://)[^\s\"'<>]*@", "***@", text)
    return re.sub(r"((?:://|url: /)[^\s?\"'<>]*\?)[^\s\"'<>)]+", r"\1***", without)
