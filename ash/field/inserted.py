"""Lines put into YAML files that people write: what stood there stays as it was, comments and layout too.

A YAML library writes a whole file anew, and loses both.  So an entry is put behind the last one of its block, as a line of
text, and the file is then read again: it must say what it said before, and the entry.
"""

import re
from typing import Any

import yaml

from ash.errors import ConfigError

WIDTH = 10**6  # of a line that PyYAML must not fold


def flow(value: Any) -> str:
    """A value in YAML on one line."""
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=WIDTH, allow_unicode=True)
    return text.removesuffix("...\n").strip()


def with_entry(text: str, block: str | None, key: str, value: Any, where: str) -> str:
    """The text of a YAML file with one more entry in a block of its first level, or with None in the first level itself.

    A block that is missing, or that holds a pair of braces alone, is begun.  ConfigError, which gives the line to add by
    hand, where the file does not then say what it said before and the entry; `where` is the file's name in it.
    """
    entry = f"{key}: {flow(value)}"
    changed = f"{text.rstrip()}\n{entry}\n" if block is None else _in_block(text, block, entry)
    if _said(changed) != _with(_said(text), block, key, value):
        place = "at its end" if block is None else f"under `{block}:`"
        raise ConfigError(
            f"{where}: `{block}` is laid out in a way that no line can be added to; add `{entry}` {place}"
        )
    return changed


def _in_block(text: str, block: str, entry: str) -> str:
    """The entry behind the last line of a block, indented as its first."""
    lines = text.splitlines()
    heads = [k for k, line in enumerate(lines) if re.fullmatch(rf"{re.escape(block)}:\s*(\{{\}})?\s*(#.*)?", line)]
    if not heads:
        return f"{text.rstrip()}\n\n{block}:\n  {entry}\n"
    first = heads[0]
    lines[first] = re.sub(r":\s*\{\}", ":", lines[first])
    last, indent = first, "  "
    for k in range(first + 1, len(lines)):
        if re.match(r"[^\s#]", lines[k]):
            break
        if found := re.match(r"(\s+)[^\s#]", lines[k]):
            indent = found[1] if last == first else indent
            last = k
    return "\n".join([*lines[: last + 1], indent + entry, *lines[last + 1 :]]) + "\n"


def _said(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return None


def _with(content: Any, block: str | None, key: str, value: Any) -> Any:
    content = content or {}
    if block is None:
        return {**content, key: value}
    return {**content, block: {**(content.get(block) or {}), key: value}}
