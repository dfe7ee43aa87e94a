"""docs/methods: a page for each method, written from its code and settings, so that it cannot fall behind them.

A page holds the module's docstring; the functions that it names behind its equations, looked up, with the first line of
what they promise; every setting with its bounds, its meaning and its values in params.yaml and the protocols beside it;
the experiments that use the method; and, from the method itself built on tiny networks, its heads, players and needs.

    pages = method_pages(Path("params.yaml"))       # file name -> Markdown, the index among them
    write_pages(pages, Path("docs/methods"))
    check_pages(pages, Path("docs/methods"))        # ConfigError: one line that names the pages out of date
"""

import importlib
import importlib.util
import inspect
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml

from ash import config, methods
from ash.config import Experiment, Settings
from ash.documentation.anatomy import Anatomy, anatomy
from ash.documentation.words import bounds, kind
from ash.errors import ConfigError
from ash.files.atomic import write_text
from ash.report.markdown import grid
from ash.report.table import Column

COMMAND = "ash method-pages"
MARK = f"<!-- Written by `{COMMAND}`; edit the code or the settings that it shows, then run it again. -->"
INDEX = "README.md"
ROOT = "../../"  # from docs/methods to the checkout
PRECEDENCE = (
    "An empty cell: not stated there. An experiment's own value comes before a protocol's, and a protocol's before "
    "params.yaml's."
)
ARROW = re.compile(r"->\s+([A-Za-z_]\w*(?:\.\w+)*(?:, [a-z_]\w*(?:\.\w+)*)*)")
PLACES = ("ash.style", "ash.segmentation")  # where a docstring's `losses.adversarial` is looked for


def method_pages(params: Path) -> dict[str, str]:
    """Every page by file name, in Markdown; ConfigError if a docstring names a function that there is not."""
    settings = config.load(params)
    stated = _stated(settings, params)
    names = methods.names()
    pages = {f"{name}.md": _page(methods.load(name), name, settings, stated) for name in names}
    return {INDEX: _index(names, settings), **pages}


def write_pages(pages: Mapping[str, str], out: Path) -> None:
    """Write the pages, and remove those of methods that are gone."""
    for name in _left_over(pages, out):
        (out / name).unlink()
    for name, text in pages.items():
        write_text(out / name, text)


def check_pages(pages: Mapping[str, str], out: Path) -> None:
    """ConfigError in one line if the folder does not hold just these pages."""
    paths = {name: out / name for name in pages}
    stale = [name for name, path in paths.items() if not path.exists() or path.read_text("utf-8") != pages[name]]
    stale += _left_over(pages, out)
    if stale:
        raise ConfigError(f"{out}: out of date: {', '.join(sorted(stale))}; run `{COMMAND} --out {out}`")


def _left_over(pages: Mapping[str, str], out: Path) -> list[str]:
    """Files of ours in the folder that are no page any more; a page written by hand is not ours."""
    return [p.name for p in sorted(out.glob("*.md")) if p.name not in pages and MARK in p.read_text("utf-8")]


def _stated(settings: Settings, params: Path) -> dict[str, dict[str, dict[str, Any]]]:
    """The methods' settings of each file: params.yaml, then every protocol beside it that has its experiments' sources."""
    stated: dict[str, dict[str, dict[str, Any]]] = {"params.yaml": settings.params.methods}
    sources = {entry.source for entry in settings.params.experiments.values()}
    for path in sorted((params.parent / "protocols").glob("*.yaml")):
        protocol = yaml.safe_load(path.read_text(encoding="utf-8"))
        if sources <= protocol.get("datasets", {}).keys():
            stated[path.stem] = protocol.get("methods", {})
    return stated


def _page(module: ModuleType, name: str, settings: Settings, stated: Mapping[str, Mapping[str, Any]]) -> str:
    """One method."""
    users = _users(settings, name)
    parts = [
        f"{MARK}\n\n# {name}",
        f"[`{_path(module)}`]({ROOT}{_path(module)})",
        prose(inspect.getdoc(module) or "No docstring yet."),
        _functions(module),
        "## Settings\n\n" + _settings_table(module, name, stated),
        "## Experiments\n\n" + _experiments_table(settings, users),
        "## Networks and needs\n\n" + _anatomies(users),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def prose(docstring: str) -> str:
    """A docstring as Markdown: indented equations are code there too, and `<` in a sentence must not open a tag."""

    def escaped(line: str) -> str:
        quoted = line.split("`")
        return "`".join(re.sub(r"([<*|])", r"\\\1", part) if k % 2 == 0 else part for k, part in enumerate(quoted))

    return "\n".join(line if line.startswith("    ") else escaped(line) for line in docstring.splitlines())


def _functions(module: ModuleType) -> str:
    """The functions behind the docstring's arrows, a row each; empty if it names none."""
    named = [name for group in ARROW.findall(inspect.getdoc(module) or "") for name in group.split(", ")]
    rows = []
    for name in dict.fromkeys(named):
        found, home = _resolved(name, module)
        promise = (inspect.getdoc(found) or "").split("\n")[0]
        rows.append([f"`{name}`", f"[{_path(home)}]({ROOT}{_path(home)})", prose(promise)])
    return "## Functions named above\n\n" + table(["name", "file", "what it does"], rows) if rows else ""


def _resolved(name: str, module: ModuleType) -> tuple[Any, ModuleType]:
    """What a docstring's name stands for, and the module that holds it."""
    first, _, rest = name.partition(".")
    homes = [f"{place}.{first}" for place in PLACES if rest and importlib.util.find_spec(f"{place}.{first}")]
    home = importlib.import_module(homes[0]) if homes else module
    try:
        found = reduce(getattr, (rest if homes else name).split("."), home)  # type: ignore[arg-type]
    except AttributeError as cause:
        raise ConfigError(f"{_path(module)}: its docstring names {name}, which {_path(home)} does not have") from cause
    return found, home


def _settings_table(module: ModuleType, name: str, stated: Mapping[str, Mapping[str, Any]]) -> str:
    """Every setting of a method, with what each file states."""
    head = ["setting", "type", "bounds", "meaning", *stated]
    rows = []
    for key, field in module.Settings.model_fields.items():
        values = [
            value(methods_of[name][key]) if key in methods_of.get(name, {}) else "" for methods_of in stated.values()
        ]
        rows.append([f"`{key}`", kind(field.annotation), bounds(field), prose(field.description or ""), *values])
    return f"{table(head, rows)}\n\n{PRECEDENCE}"


def _users(settings: Settings, name: str) -> list[Experiment]:
    """The experiments of a method, in the order of params.yaml."""
    return [settings.experiment(e) for e, entry in settings.params.experiments.items() if entry.method == name]


def _experiments_table(settings: Settings, users: Sequence[Experiment]) -> str:
    """The experiments of a method: source, target, settings of their own, tables."""
    if not users:
        return "No experiment of params.yaml uses it."
    rows = []
    for user in users:
        entry = settings.params.experiments[user.name]
        own = {**(entry.model_extra or {}), **({"training": entry.training} if entry.training else {})}
        stated = ", ".join(f"`{key}: {plain(own[key])}`" for key in own)
        shown = ", ".join(f"{t} (row `{row}`)" if row else t for t, row in entry.tables.items())
        rows.append([f"`{user.name}`", user.source, user.target or "", stated, shown])
    return table(["experiment", "source", "target images of", "its own settings", "tables"], rows)


def _anatomies(users: Iterable[Experiment]) -> str:
    """Heads, players and needs; a line for each kind among the experiments."""
    kinds: dict[Anatomy, list[str]] = {}
    for user in users:
        kinds.setdefault(anatomy(user), []).append(f"`{user.name}`")
    rows = [[found.heads, found.players, found.needs, ", ".join(names)] for found, names in kinds.items()]
    head = ["heads of the segmenter", "players", "reads besides labelled source images", "experiments"]
    return table(head, rows) if rows else "Known once an experiment uses it."


def _index(names: Sequence[str], settings: Settings) -> str:
    """The list of pages."""
    rows = []
    for name in names:
        title = (inspect.getdoc(methods.load(name)) or "").split("\n")[0]
        users = _users(settings, name)
        tables = dict.fromkeys(t for user in users for t in settings.params.experiments[user.name].tables)
        rows.append([f"[{name}]({name}.md)", prose(title), str(len(users)), ", ".join(tables)])
    text = (
        f"{MARK}\n\n# Methods\n\nA page for each file in `ash/methods/`. `make pages` writes them from the code, `make lint` "
        f"finds those out of date. [fidelity.md](../why/fidelity.md) says where each departs from its paper and its release."
    )
    return f"{text}\n\n{table(['method', 'in a sentence', 'experiments', 'tables'], rows)}\n"


def value(stated: Any) -> str:
    """A setting's value as a cell."""
    return f"`{plain(stated)}`"


def plain(stated: Any) -> str:
    """A setting's value as params.yaml has it, on one line."""
    return yaml.safe_dump(stated, default_flow_style=True, sort_keys=False, width=1000).removesuffix("...\n").strip()


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table of words, so every column is set to the left."""
    return grid([Column(header, "left") for header in head], rows)


def _path(module: ModuleType) -> str:
    """Where a module lies in the checkout."""
    path = module.__name__.replace(".", "/")
    return f"{path}/__init__.py" if hasattr(module, "__path__") else f"{path}.py"
