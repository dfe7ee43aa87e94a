"""Which of the package's modules a step's code consists of: the static closure of its imports.

A rule names these files among its inputs, so that editing a module reruns what uses it and nothing else.  Two modules are
left out: the command line, which imports everything, and the configuration, whose effect is in the rules' params.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LEFT_OUT = ("ash.cli", "ash.config")


def closure(*modules: str) -> list[str]:
    """The files of `modules` and of all that they import from the package, sorted.

    Relative to the current folder where they lie below it, else absolute.
    """
    return list(_closure(modules))


@cache
def _closure(modules: tuple[str, ...]) -> list[str]:
    seen: set[str] = set()
    todo = list(modules)
    while todo:
        module = todo.pop()
        if module not in seen and _file(module) is not None:
            seen.add(module)
            todo += _imports(module)
    files = (_file(module) for module in seen if not module.startswith(LEFT_OUT))
    return sorted(located(path) for path in files if path is not None)


def located(path: str | Path) -> str:
    """A file of the repository as the workflow names it: relative where it lies below the current folder, else absolute.

    Relative names keep Snakemake's records and DVC's stages valid when a checkout is moved or cloned.
    """
    whole, here = ROOT / path, Path.cwd()
    return str(whole.relative_to(here) if whole.is_relative_to(here) else whole)


@cache
def _file(module: str) -> Path | None:
    base = ROOT.joinpath(*module.split("."))
    candidates = (base.with_suffix(".py"), base / "__init__.py")
    return next((path for path in candidates if path.exists()), None)


@cache
def _imports(module: str) -> list[str]:
    """Modules of the package that a module names in any import, and the packages that hold them."""
    path = _file(module)
    tree = ast.parse(path.read_text(encoding="utf-8")) if path else ast.Module([], [])
    names = [name for node in _statements(tree) for name in _named(node) if name.split(".")[0] == "ash"]
    parents = [name.rsplit(".", k)[0] for name in [*names, module] for k in range(1, name.count(".") + 1)]
    return [*names, *parents]


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """All statements below a node, at any depth; expressions, which hold no import, are not entered."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt | ast.excepthandler | ast.match_case):
            yield child
            yield from _statements(child)


def _named(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
        yield node.module
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
