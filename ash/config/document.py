"""One YAML file as plain mappings, lists and scalars, or ConfigError in a line: params.yaml, protocols, the paper's numbers.

YAML has more than settings need, and PyYAML takes some of it silently: of two equal keys the last one wins, `no:` is a
boolean and `010` is eight.  What could be read in two ways is refused here, with the line where it stands.
"""

import math
import re
import stat
import unicodedata
from pathlib import Path
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from ash.errors import ConfigError, brief, flat

LARGEST_FILE = 1 << 20  # bytes; the longest settings of this project have some ten thousand
LARGEST_TREE = 100_000  # nodes once every alias is written out
LARGEST_NUMBER = 2**63 - 1  # what JSON readers and PyTorch take
MERGE = "tag:yaml.org,2002:merge"


def read_yaml(path: Path, remedy: str) -> dict[str, Any]:
    """The mapping that a YAML file holds, with strings as keys at every depth.

    ConfigError names the file, the line and what stands there; `remedy` is what to do about a file that is missing.
    """
    text = _text(path, remedy)
    try:
        content = yaml.load(text, _Loader)  # noqa: S506  a SafeLoader
    except _Refused as cause:
        raise ConfigError(f"{path}: {cause}") from cause
    except yaml.MarkedYAMLError as cause:
        line = f"line {cause.problem_mark.line + 1}: " if cause.problem_mark else ""
        problem = brief(flat(f"{cause.context or ''} {cause.problem or ''}"))
        raise ConfigError(f"{path}: not YAML ({line}{problem}); correct it") from cause
    except yaml.reader.ReaderError as cause:
        number = text.count("\n", 0, cause.position) + 1
        raise ConfigError(
            f"{path}: line {number}: holds the control character {cause.character:#x}; remove it"
        ) from cause
    except RecursionError as cause:
        raise ConfigError(f"{path}: is nested too deeply for settings; flatten it") from cause
    except (ValueError, OverflowError) as cause:  # an escape in a string that is no character
        raise ConfigError(f"{path}: not YAML ({brief(flat(cause))}); correct it") from cause
    if not isinstance(content, dict):
        found = "nothing" if content is None else f"a {type(content).__name__}"
        raise ConfigError(f"{path}: holds {found}, wanted keys with values; restore it from the repository")
    return content


def _text(path: Path, remedy: str) -> str:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # to open a pipe would wait for ever
            kind = "a folder" if stat.S_ISDIR(status.st_mode) else "no regular file"
            raise ConfigError(f"{path}: is {kind}, wanted a YAML file; name the file with the settings")
        if status.st_size > LARGEST_FILE:
            raise ConfigError(
                f"{path}: has {status.st_size} bytes, wanted at most {LARGEST_FILE}; name the file with the settings"
            )
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError) as cause:
        raise ConfigError(f"{path}: missing; {remedy}") from cause
    except OSError as cause:
        raise ConfigError(f"{path}: cannot be read ({cause.strerror}); check the file and its permissions") from cause
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as cause:
        line = content.count(b"\n", 0, cause.start) + 1
        found = f"byte {content[cause.start]:#04x} in line {line}"
        raise ConfigError(f"{path}: is not UTF-8 ({found}); save it as UTF-8") from cause


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader without tags, dates, infinities, doubled keys, keys that are not strings, and alias bombs."""

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        """As PyYAML does, but for nodes with a tag of their own."""
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if getattr(event, "tag", None) is not None:
            raise _fault(f"has the tag {brief(repr(event.tag))}, and settings need none; remove it", event)
        return super().compose_node(parent, index)

    def get_single_node(self) -> Node | None:
        """The whole document, once it is known to be a tree of a sensible size."""
        node = super().get_single_node()
        if node is not None:
            _weigh(node, {}, set())
        return node

    def flatten_mapping(self, node: MappingNode) -> None:
        """Look at the keys as they stand in the file; what `<<` adds may have the same names."""
        first: dict[str, Any] = {}
        for key, _ in node.value:
            name = self._key(key)
            if name in first:
                where = f"lines {first[name].line + 1} and {key.start_mark.line + 1}"
                raise _fault(f"key {brief(repr(name))} stands twice, in {where}; keep one of the two", key)
            first[name] = key.start_mark
        super().flatten_mapping(node)  # type: ignore[no-untyped-call]

    def _key(self, key: Node) -> str:
        if not isinstance(key, ScalarNode) or not key.tag.endswith((":str", ":merge")):
            kind = key.tag.rpartition(":")[2]
            shown = repr(key.value) if isinstance(key, ScalarNode) else "in brackets"
            raise _fault(f"key {brief(shown)} is read as a {kind}, not as a name; put it in quotes or rename it", key)
        if not key.value.isprintable():
            raise _fault(f"key {brief(repr(key.value))} holds a control character; remove it", key)
        return key.value


class _Refused(yaml.YAMLError):
    """What PyYAML would take and settings must not hold."""


def _fault(problem: str, where: Any) -> _Refused:
    return _Refused(f"line {where.start_mark.line + 1}: {problem}")


def _weigh(node: Node, known: dict[int, int], above: set[int]) -> int:
    """How many nodes a tree has with its aliases written out; a fault if it is too large, or holds itself."""
    if id(node) in above:
        raise _fault("holds itself through an alias; write it out", node)
    if id(node) not in known:
        children: list[Node] = []
        if isinstance(node, SequenceNode):
            children = node.value
        elif isinstance(node, MappingNode):
            children = [part for pair in node.value for part in pair]
        known[id(node)] = 1 + sum(_weigh(child, known, above | {id(node)}) for child in children)
    if known[id(node)] > LARGEST_TREE:
        raise _fault(
            f"grows beyond {LARGEST_TREE} values where its aliases are written out; write out what is meant", node
        )
    return known[id(node)]


def _string(_: _Loader, node: ScalarNode) -> str:
    """A string; control characters can only come from escapes, and lone surrogates cannot be written to any file."""
    if any(unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t" for c in node.value):
        raise _fault(f"{brief(repr(node.value))} holds a control character; remove it", node)
    return str(node.value)


def _integer(_: _Loader, node: ScalarNode) -> int:
    """A decimal number; octal, binary, hexadecimal and sexagesimal ones look like others."""
    if not re.fullmatch(r"[-+]?(0|[1-9][0-9_]*)", node.value):
        raise _fault(f"{brief(node.value)} is no plain decimal number; write it in decimals, or in quotes", node)
    digits = node.value.replace("_", "")
    if len(digits) > 20 or abs(int(digits)) > LARGEST_NUMBER:
        raise _fault(f"{brief(node.value)} is too large for a setting; at most {LARGEST_NUMBER}", node)
    return int(digits)


def _number(loader: _Loader, node: ScalarNode) -> float:
    """A finite number."""
    if ":" in node.value:
        raise _fault(f"{brief(node.value)} is no plain decimal number; write it in decimals, or in quotes", node)
    value: float = loader.construct_yaml_float(node)  # type: ignore[no-untyped-call]
    if not math.isfinite(value):
        raise _fault(f"{brief(node.value)} is not finite; write a number", node)
    return value


def _date(_: _Loader, node: ScalarNode) -> str:
    """No setting is a date."""
    raise _fault(f"{brief(node.value)} is read as a date; put it in quotes", node)


for _name, _read in (("str", _string), ("int", _integer), ("float", _number), ("timestamp", _date)):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_name}", _read)
