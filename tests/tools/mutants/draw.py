"""A seeded sample of mutants: one change of one file, drawn uniformly from all that mutmut's operators make in ROOMS."""

import ast
import difflib
import hashlib
import random
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider
from mutmut.mutation.mutators import mutation_operators

ROOT = Path(__file__).parents[3]
ROOMS = {  # what is mutated: the tests that are to notice, in the order in which they are tried
    "ash/methods": ("tests/methods", "tests/contract/test_fidelity.py"),
    "ash/segmentation": ("tests/segmentation", "tests/methods", "tests/training", "tests/files/test_torchvision.py"),
    "ash/style": ("tests/style", "tests/methods", "tests/contract/test_fidelity.py"),
    "ash/training": ("tests/training", "tests/methods/test_orders.py"),
    "ash/evaluation": ("tests/evaluation", "tests/report"),
}


class Mutant(NamedTuple):
    """One change: the file and its room, the line, mutmut's operator, the file's text before and after."""

    file: str
    room: str
    line: int
    operator: str
    before: str
    after: str

    @property
    def key(self) -> str:
        """A digest of what the mutated file holds."""
        return hashlib.sha256(f"{self.file}\n{self.after}".encode()).hexdigest()[:16]

    @property
    def change(self) -> str:
        """The lines that differ, each behind - or +."""
        lines = difflib.unified_diff(self.before.splitlines(), self.after.splitlines(), lineterm="", n=0)
        return "\n".join(line for line in list(lines)[2:] if not line.startswith("@@"))


def drawn(count: int, seed: int) -> tuple[list[Mutant], int]:
    """So many mutants without replacement, and how many changes the operators know."""
    changes = [change for room in ROOMS for path in files(room) for change in known(room, path)]
    random.Random(seed).shuffle(changes)
    sample: list[Mutant] = []
    programs: dict[str, str] = {}
    for name, room, line, operator, module, node, new in changes:
        mutant = Mutant(name, room, line, operator, module.code, module.deep_replace(node, new).code)
        if name not in programs:
            programs[name] = bare(mutant.before)
        if bare(mutant.after) not in ("", programs[name]):
            sample.append(mutant)
        if len(sample) == count:
            break
    return sample, len(changes)


def files(room: str) -> list[Path]:
    """The modules of a room, which may be a single one."""
    path = ROOT / room
    found = [path] if path.suffix else sorted(path.rglob("*.py"))
    if not path.exists():
        raise SystemExit(f"mutants: {path} is missing; ROOMS in {__file__} names it")
    return found


def known(room: str, path: Path) -> Iterator[tuple]:
    """Every change of a file: name, room, line, operator, module, node and what takes its place."""
    wrapper = MetadataWrapper(cst.parse_module(path.read_text()))
    lines = wrapper.resolve(PositionProvider)
    for node in walk(wrapper.module):
        for kind, operator in mutation_operators:
            for new in operator(node) if isinstance(node, kind) else ():
                line = lines[node].start.line if node in lines else 0
                name = operator.__name__.removeprefix("operator_")
                yield str(path.relative_to(ROOT)), room, line, name, wrapper.module, node, new


def walk(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """Every node that may change; mutmut leaves the same ones out."""
    if isinstance(node, cst.Annotation | cst.Decorator | cst.Import | cst.ImportFrom):
        return
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Name) and node.func.value in ("len", "isinstance"):
        return
    yield node
    for child in node.children:
        yield from walk(child)


def bare(text: str) -> str:
    """The program without what `Bare` takes away; empty if it is none."""
    try:
        return ast.dump(Bare().visit(ast.parse(text)))
    except SyntaxError:
        return ""


class Bare(ast.NodeTransformer):
    """Takes away what no test should pin: docstrings, annotations, decorators, descriptions, texts of errors and logs."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        for name in ("annotation", "returns"):
            if hasattr(node, name):
                setattr(node, name, None)
        if hasattr(node, "decorator_list"):
            node.decorator_list = []
        return super().generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        return None if isinstance(node.value, ast.Constant) else self.generic_visit(node)

    def visit_keyword(self, node: ast.keyword) -> ast.AST | None:
        return None if node.arg == "description" else self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        return ast.Raise(node.exc.func if isinstance(node.exc, ast.Call) else node.exc)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if isinstance(node.func, ast.Attribute) and getattr(node.func.value, "id", "") in ("log", "warnings"):
            return node.func
        return self.generic_visit(node)
