"""Which modules the rules of the workflow take as their code: all that a step uses, and nothing that it does not."""

import ast
import pkgutil
import re
from pathlib import Path

import grimp
import pytest

from tests.conftest import ROOT
from tests.contract.test_rules import RULES
from workflow.closure import LEFT_OUT, closure
from workflow.closure import ROOT as CHECKOUT

BENCH = {f"ash/bench/{path.name}" for path in (ROOT / "ash/bench").glob("*.py")}


def roots(body: str) -> list[str]:
    """The modules that a rule names, with every method or data set in the place of a wildcard's."""
    names = []
    for call in re.findall(r"closure\(((?:[^()]|\([^()]*\)|\((?:[^()]|\([^()]*\))*\))*)\)", body):
        for name in re.findall(r'"(ash\.[^"]*)"', call):
            folder, _, rest = name.removeprefix("ash.").partition(".")
            if "{" in rest:
                members = pkgutil.iter_modules([str(ROOT / "ash" / folder)])
                names += [f"ash.{folder}.{m.name}" for m in members if not m.name.startswith("_")]
            else:
                names.append(name)
    return names


STEPS = {name: roots(body) for name, body in RULES.items() if "closure(" in body}


def code(rule: str) -> set[str]:
    """The files of a rule's code, relative to the repository."""
    return {str(Path(path)) for path in closure(*STEPS[rule])}


def test_each_rule_names_its_code():
    """The text of each rule tells a module at least, so that the tests below see all of them."""
    assert len(STEPS) >= 18
    assert all(STEPS.values()), STEPS


@pytest.mark.parametrize("rule", [name for name in STEPS if name != "measure_cost"])
def test_no_step_but_the_benchs_holds_the_bench(rule):
    """An edit of the bench reruns `measure_cost` and what shows its figures, and trains and scores nothing."""
    assert code(rule) & BENCH == set()


def test_the_bench_holds_itself():
    """`measure_cost` reruns after an edit of what measures."""
    assert {"ash/bench/step.py", "ash/bench/meter.py"} <= code("measure_cost")


@pytest.mark.parametrize("rule", ["evaluate", "evaluate_as", "rain", "stylisation", "stylised_samples"])
def test_only_training_holds_the_loop(rule):
    """An edit of the training loop scores nothing again by itself, and fits no VAE."""
    assert "ash/training/loop.py" not in code(rule)


@pytest.fixture(scope="module")
def graph():
    """Imports of the package as import-linter sees them."""
    return grimp.build_graph("ash", cache_dir=None)


@pytest.mark.parametrize("rule", STEPS)
def test_closures_agree_with_import_linter(rule, graph):
    """The same modules as grimp finds, with the packages that hold them, and without what closures leave out."""
    found, todo = set(), [module for module in STEPS[rule] if module in graph.modules]
    assert todo
    while todo:
        module = todo.pop()
        if module not in found:
            found.add(module)
            todo += graph.find_modules_directly_imported_by(module)
            todo += [module.rsplit(".", 1)[0]] if "." in module else []
    files = {file_of(module) for module in found if not module.startswith(LEFT_OUT)}
    assert code(rule) == files


def file_of(module: str) -> str:
    """The file of a module, relative to the repository."""
    base = CHECKOUT.joinpath(*module.split("."))
    whole = base / "__init__.py" if base.is_dir() else base.with_suffix(".py")
    return str(whole.relative_to(CHECKOUT))


# What a command imports and a rule's result cannot depend on: `drawn` draws a set again where its files are missing, and
# refuses one that is not its manifest's; `ash acquire` of a set leaves those two to `ash acquire weights`.
ASIDE = {"ash/preparation/drawn.py", *(f"ash/acquire/{name}.py" for name in ("networks", "steps", "weights"))}


def imports_of(command: str) -> set[str]:
    """The files of the package that a command of `ash` imports when it runs, from the text of its function."""
    group, _, name = command.replace("-", "_").rpartition(" ")
    for path in sorted((ROOT / "ash/cli").glob("bench.py" if group else "[!b]*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name == name:
                inner = [n for n in ast.walk(node) if isinstance(n, ast.ImportFrom) and n.module.startswith("ash.")]
                named = [n.module for n in inner] + [f"{n.module}.{a.name}" for n in inner for a in n.names]
                return {file_of(m) for m in named if (ROOT / file_of(m)).is_file() and not m.startswith(LEFT_OUT)}
    raise AssertionError(f"ash {command}: no such command")


COMMANDS = {rule: re.search(r"\bash ((?:bench )?[a-z-]+) ", RULES[rule].split("shell:")[-1]) for rule in STEPS}


@pytest.mark.parametrize("rule", STEPS)
def test_a_rules_code_holds_what_its_command_runs(rule):
    """The modules that the command imports are in the closure that the rule names: no other module's by mistake."""
    found = COMMANDS[rule]
    assert found, f"{rule}: its shell line calls no command of ash"
    assert imports_of(found[1]) - code(rule) - ASIDE == set()
