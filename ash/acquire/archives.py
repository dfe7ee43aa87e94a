"""What is known of a set that comes as archives: which they are, which of their members belong to the set, and its terms."""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

How = Literal["http", "cityscapes", "hand"]


@dataclass(frozen=True)
class Archive:
    """One published file.  Members that match a pattern of `keep` are unpacked, all others are left out and counted."""

    name: str
    keep: tuple[str, ...]
    kind: Literal["zip", "rar"] = "zip"
    replaces: bool = False
    """Whether its members take the place of those that another archive has unpacked."""
    mebibytes: int = 0
    """Its published size, about, where the server tells it to no one but csDownload."""
    prefix: str = ""
    """The folder in the archive that the set lies in, if it has one: it is no part of the names that `keep` means."""
    into: str = ""
    """The folder of the set that its members belong into, where the archive has none."""
    base: str = ""
    """What its name is appended to, where the set's archives come from several servers."""

    def keeps(self, member: str) -> bool:
        """Whether a member belongs to the set."""
        return any(self.matches(member, pattern) for pattern in self.keep)

    def place(self, member: str) -> str:
        """Where a member belongs in the set's folder; one outside `prefix` keeps its whole name, which `keep` does not mean."""
        inside = member.removeprefix(self.prefix)
        return inside if inside.startswith(self.into) else self.into + inside

    @staticmethod
    def matches(member: str, pattern: str) -> bool:
        """Whether a member's name matches a pattern, part by part."""
        return fnmatchcase(member, pattern) and member.count("/") == pattern.count("/")

    @property
    def named(self) -> tuple[str, ...]:
        """The members that are wanted by their whole name: those that tell the set's version."""
        return tuple(pattern for pattern in self.keep if "*" not in pattern)


@dataclass(frozen=True)
class Source:
    """How one set is acquired."""

    name: str
    page: str
    how: How
    base: str
    """What the archives' names are appended to, for `http`."""
    size: str
    """Of all archives, for messages."""
    archives: tuple[Archive, ...]
    licence: str
    top: str = ""
    """The folder in the archive that holds the set, where an external tool unpacks it."""
    singles: tuple[str, ...] = ()
    """The files of a frame, `{}` for its id, of a set that is published as single files."""
    contents: str | None = None
    """The list in pins/, NAME.sha256.gz, that pins every file of the set; then archives are not pinned themselves, since
    the same files may be packed anew."""
