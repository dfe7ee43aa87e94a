"""A new method: its file, a file of tests, and a line for its settings in each file that states some.

What is written works as it is: it trains, its tests pass, and it stands in no table.  A reader then edits the method's file.
"""

import importlib
import keyword
import re
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from ash import methods
from ash.config import load, read_yaml
from ash.config.kinds import NAME
from ash.errors import AshError, ConfigError, brief
from ash.field.inserted import with_entry
from ash.field.ranges import FILE as RANGES
from ash.files.atomic import write_text

SCALED = ("segmentation_loss", "lambda_weight")  # settings that the protocols state for source_only too
FALLBACK = {"segmentation_loss": "cross_entropy", "lambda_weight": 0.01}
OWN = {"weight": 1.0, "strength": 0.5}  # settings of the template, and where they may be searched
SEARCHED = {"strength": {"low": 0.1, "high": 1.0}}
LIKE = "source_only"  # whose source and scaled settings the new experiment has
LONGEST = 40  # of a name, which becomes part of those of trials and files


def new_method(name: str, experiment: str, params: Path) -> list[str]:
    """Write everything that a method needs; gives a line for each file on what was done to it.

    ConfigError for a name that is none or is taken.  If the files do not fit together after all, they are as they were.
    """
    _nameable(name, experiment, params)
    new = {
        Path(f"ash/methods/{name}.py"): _filled("method.py.txt", name, experiment),
        Path(f"tests/methods/test_{name}.py"): _filled("test.py.txt", name, experiment),
    }
    for path in new:
        if path.exists():
            raise ConfigError(
                f"{path}: is there already, and would be written over; choose another name, or move it away"
            )
    edits = _edits(name, experiment, params)
    before = {path: path.read_text(encoding="utf-8") for path in edits}
    try:
        for path, (text, _) in edits.items():
            write_text(path, text)
        for path, text in new.items():
            write_text(path, text)
        importlib.invalidate_caches()
        methods.check_settings(load(params))
    except AshError:
        for path, text in before.items():
            write_text(path, text)
        for path in new:
            path.unlink(missing_ok=True)
        raise
    told = [f"{path}: written" for path in new]
    return told + [f"{path}: added {', '.join(lines)}" for path, (_, lines) in edits.items()]


def _nameable(name: str, experiment: str, params: Path) -> None:
    """ConfigError unless a file of that name can be a method, and an experiment of the other be added, in this folder."""
    for what, word in (("method", name), ("experiment", experiment)):
        if not re.fullmatch(NAME, word) or keyword.iskeyword(word) or len(word) > LONGEST:
            raise ConfigError(
                f"{what} {brief(repr(word))}: is no name for a file of Python; wanted a-z, 0-9 and _, a letter first, at "
                f"most {LONGEST}, and no word of Python's own"
            )
    here, used = Path("ash/methods").resolve(), Path(methods.__path__[0]).resolve()
    if here != used:
        raise ConfigError(f"{here}: the methods in use are in {used}; run this in that checkout")
    if name in methods.names():
        raise ConfigError(f"method {name!r}: is there already (ash/methods/{name}); choose another name")
    if experiment in (entries := load(params).params.experiments):
        raise ConfigError(
            f"experiment {experiment!r}: is in {params} already, of method {entries[experiment].method}; name another "
            "with --experiment"
        )


def _filled(template: str, name: str, experiment: str) -> str:
    words = name.split("_")
    values = {
        "NAME": name,
        "EXPERIMENT": experiment,
        "TITLE": " ".join(words).capitalize(),
        "CLASS": "".join(word.capitalize() for word in words),
    }
    text = resources.files("ash.field").joinpath(template).read_text(encoding="utf-8")
    return re.sub(r"@([A-Z]+)@", lambda found: values[found[1]], text)


Edits = dict[Path, tuple[str, list[str]]]  # file -> its new text, and the lines that are new


def _edits(name: str, experiment: str, params: Path) -> Edits:
    """The new text of every file of settings."""
    protocols = sorted((params.parent / "protocols").glob("*.yaml"))
    stated = {path: _of(read_yaml(path, ""), LIKE) for path in protocols}
    common = {
        key: _of(read_yaml(params, ""), LIKE).get(key, FALLBACK[key])
        for key in SCALED
        if any(key not in values for values in stated.values())
    }
    edits: Edits = {}
    _edit(edits, params, "methods", name, {**common, **OWN})
    entry = {"recipe": name, "source": _source(params), "label": name.replace("_", " ").capitalize()}
    _edit(edits, params, "more_experiments", experiment, entry)
    for path, values in stated.items():
        own = {key: values[key] for key in SCALED if key in values}
        if own:
            _edit(edits, path, "methods", name, own)
    if RANGES.is_file():
        _edit(edits, RANGES, None, name, SEARCHED)
    return edits


def _edit(edits: Edits, path: Path, block: str | None, key: str, value: Mapping[str, Any]) -> None:
    """One more entry in a file that may have been edited before."""
    text, lines = edits.get(path, (path.read_text(encoding="utf-8"), []))
    where = f"{block}.{key}" if block else key
    edits[path] = with_entry(text, block, key, dict(value), str(path)), [*lines, where]


def _of(content: Mapping[str, Any], method: str) -> dict[str, Any]:
    """What a file of settings states of a method."""
    return dict((content.get("methods") or {}).get(method) or {})


def _source(params: Path) -> str:
    """The data set that LIKE learns from, or else the first experiment."""
    experiments = load(params).params.experiments
    return experiments.get(LIKE, next(iter(experiments.values()))).source
