"""The project's prose in pieces (Markdown, docstrings, comments, messages), and what a piece of it names."""

import ast
import io
import re
import tokenize
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tests.conftest import ROOT

SPAN = re.compile(r"(?<!`)`([^`]+)`(?!`)")
FENCED = re.compile(r"^ *```\w*\n(.*?)^ *```", re.M | re.S)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
EXAMPLES = ("lanes", "tinted_glass")  # what the guides make up: a data set and a method to add
PLACEHOLDER = re.compile(
    "|".join(EXAMPLES) + r"|\{[^{},]*\}|<\w+>|\b[A-Z]{2,}[A-Z_]*\b|(?<=_)[A-Z]{2,}|(?<=seed)[K\d]+|\.\.\."
)
FILLED = ("data", "results")  # folders of which git keeps one page, that tells of the rest
INDENTED = re.compile(r"(?:(?<=\n\n)|\A)((?: {4}.*\n)+)")


class Piece(NamedTuple):
    """A stretch of prose and where it begins."""

    path: Path
    line: int
    text: str

    def __str__(self) -> str:
        """As an editor opens it."""
        return f"{self.path.relative_to(ROOT)}:{self.line}"

    def at(self, found: str) -> str:
        """The line of what was found in the piece, and what it is."""
        before = self.text[: max(self.text.find(found), 0)]
        return f"{self.path.relative_to(ROOT)}:{self.line + before.count(chr(10))}: {found}"

    def paths(self, folders: Iterable[str]) -> list[str]:
        """Paths below these folders; without what a command writes with --out, and without the targets of links."""
        below = re.compile(rf"(?<![\w./$-])((?:{'|'.join(folders)})/[\w./*{{}},<>:-]*)")
        named = (found.rstrip(".,:->") for found in below.findall(re.sub(r"--out \S+", "", LINK.sub("", self.text))))
        if self.path.parent.name in FILLED:  # its first column names what lies beside it
            column = re.findall(r"^\| (.*?) \|", self.text, re.M)
            named = (
                f"{self.path.parent.name}/{name}" for cell in column for name in SPAN.findall(cell) if name[0] != "."
            )
        return sorted({one for found in named for one in alternatives(found)})

    @property
    def spans(self) -> list[str]:
        """What stands between backticks, on one line each; fenced blocks are not among it."""
        return [" ".join(span.split()) for span in SPAN.findall(FENCED.sub("", self.text))]


def alternatives(path: str) -> list[str]:
    """`a/{b,c}.md` as a/b.md and a/c.md."""
    braces = re.search(r"\{([^{}]*,[^{}]*)\}", path)
    if not braces:
        return [path]
    heads = [path[: braces.start()] + one + path[braces.end() :] for one in braces[1].split(",")]
    return [whole for head in heads for whole in alternatives(head)]


def told(wrong: Iterable[str]) -> str:
    """All that is wrong, a line each."""
    return "\n".join(["not there:", *dict.fromkeys(wrong)])


def everything() -> list[Piece]:
    """All prose."""
    return [*markdown(), *code_prose(), *messages()]


@cache
def markdown() -> list[Piece]:
    """Every page that a person reads, whole; the change log tells of what was, so it is not one of them."""
    folders = [path for name in ("docs", "data", "results") for path in _pages(name)]
    return [
        Piece(path, 1, path.read_text("utf-8")) for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *folders)
    ]


def _pages(folder: str) -> list[Path]:
    """All pages of docs; of the folders that the workflow fills, the page that stands in a clone."""
    return sorted((ROOT / folder).glob("**/*.md" if folder == "docs" else "README.md"))


def files(*folders: str) -> list[Path]:
    """The Python files of these folders."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def snakefiles() -> list[Path]:
    """The Snakefile and its rules."""
    return [ROOT / "Snakefile", *sorted((ROOT / "workflow/rules").glob("*.smk"))]


def settings_files() -> list[Path]:
    """What states settings: the project's own and those of its tools."""
    found = [
        *(ROOT / "protocols").glob("*.yaml"),
        *(ROOT / "profiles").glob("*/*.yaml"),
        *(ROOT / "workflow").rglob("*.yaml"),
    ]
    return [ROOT / "params.yaml", *sorted(found), ROOT / "pyproject.toml", ROOT / "Makefile"]


@cache
def code_prose() -> list[Piece]:
    """Docstrings and comments of the package, the workflow, the tests, and the comments of the settings."""
    pieces = [piece for path in files("ash", "workflow", "tests") for piece in (*_docstrings(path), *_comments(path))]
    pieces += [piece for path in snakefiles() for piece in _comments(path)]
    for path in settings_files():
        lines = path.read_text("utf-8").splitlines()
        pieces += [
            Piece(path, k, found[1])
            for k, line in enumerate(lines, 1)
            if (found := re.search(r"(?:^|\s)#+ (.*)", line))
        ]
    return pieces


@cache
def messages() -> list[Piece]:
    """Every string of the package and the workflow that is no docstring; what an f-string fills in is a star."""
    pieces = []
    for path in files("ash", "workflow"):
        tree = ast.parse(path.read_text("utf-8"))
        docstrings = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        inner = {part for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
        others = (node for node in ast.walk(tree) if node not in docstrings and node not in inner)
        pieces += [Piece(path, node.lineno, text) for node in others if (text := _text(node))]  # type: ignore[attr-defined]
    return pieces


def _text(node: ast.AST) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(value) or "*" for value in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _docstrings(path: Path) -> Iterator[Piece]:
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, kinds) and ast.get_docstring(node):
            yield Piece(path, node.body[0].lineno, ast.get_docstring(node) or "")


def _comments(path: Path) -> Iterator[Piece]:
    """Comments, those of neighbouring lines together."""
    tokens = tokenize.generate_tokens(io.StringIO(path.read_text("utf-8")).readline)
    rows = [(token.start[0], token.string.lstrip("# ")) for token in tokens if token.type == tokenize.COMMENT]
    for k, (line, text) in enumerate(rows):
        if k and rows[k - 1][0] == line - 1:
            rows[k] = (line, f"{rows[k - 1][1]}\n{text}")
    for k, (line, text) in enumerate(rows):
        if k + 1 == len(rows) or rows[k + 1][0] != line + 1:
            yield Piece(path, line, text)


@cache
def words_of_code(*folders: str) -> frozenset[str]:
    """Every name, and every word of a string or a setting, in code; prose is not among it."""
    found: set[str] = set()
    for path in (*files(*folders), *snakefiles()):
        statements = True  # a string that begins a line is a docstring
        for token in tokenize.generate_tokens(io.StringIO(path.read_text("utf-8")).readline):
            if token.type == tokenize.NAME or (token.type == tokenize.STRING and not statements):
                found |= set(re.findall(r"\w+", token.string))
            if token.type != tokenize.COMMENT:
                statements = token.type in (tokenize.NEWLINE, tokenize.NL, tokenize.INDENT, tokenize.DEDENT)
    for path in settings_files():
        found |= set(re.findall(r"\w+", re.sub(r"(^|\s)#.*", "", path.read_text("utf-8"), flags=re.M)))
    found |= {path.stem for path in files("ash", "workflow", "tests")} | {
        p.name for p in (ROOT / "ash").rglob("*") if p.is_dir()
    }
    return frozenset(found)


def blocks(piece: Piece) -> list[list[str]]:
    """The code blocks of a page: lines as typed, those that end in a backslash joined with the next."""
    fenced = FENCED.findall(piece.text)
    indented = INDENTED.findall(FENCED.sub("\n", piece.text))
    return [re.sub(r" *\\\n\s*", " ", block).splitlines() for block in (*fenced, *indented)]
