"""The commands that the project's prose gives."""

import re
import shlex
from functools import cache
from typing import NamedTuple

from tests.support.prose import Piece, blocks, everything, markdown

PROGRAMS = ("ash", "snakemake", "make", "dvc", "git", "cd", "pip", "python", "pytest", "sed", "apt-get")


class Given(NamedTuple):
    """A command, where it stands, and whether it stands in a block, so that it can be copied as it is."""

    words: tuple[str, ...]
    where: str
    whole: bool

    def __str__(self) -> str:
        """For a failure."""
        return f"{self.where} [{shlex.join(self.words)}]"


def commands(line: str, where: str, whole: bool) -> list[Given]:
    """The commands of a line: assignments before them, comments and redirections behind them go."""
    words = shlex.split(line, comments=True)
    found: list[list[str]] = [[]]
    for word in words:
        if word in ("&&", "|", ";"):
            found.append([])
        elif found[-1] or not re.fullmatch(r"[A-Z_]+=.*", word):
            found[-1].append(word)
    cut = [words[: next((k for k, word in enumerate(words) if word[0] == ">"), len(words))] for words in found if words]
    return [Given(tuple(words), where, whole) for words in cut]


def in_blocks(piece: Piece) -> list[Given]:
    """Commands of a page's blocks: lines after `$ ` if there are any, else all lines of a block that begins with a command."""
    given = []
    for lines in blocks(piece):
        typed = [line for line in map(str.strip, lines) if line.startswith("$ ")] or [*map(str.strip, lines)]
        told_of = [line.removeprefix("$ ") for line in typed if line.strip("# ")]
        if any(re.sub(r"^([A-Z_]+=\S+ )*", "", line).split(" ")[0] in PROGRAMS for line in told_of):
            given += [found for line in told_of for found in commands(line, piece.at(line), whole=True)]
    return given


def in_sentences(piece: Piece) -> list[Given]:
    """Commands between backticks; a bare name of a program is none, and `...` and brackets stand for what is left out."""
    spans = [re.sub(r"[\[\]]|\.\.\.$", "", span) if "'" not in span else span for span in piece.spans]
    return [
        found
        for span in spans
        if re.match(rf"([A-Z_]+=\S+ )*({'|'.join(PROGRAMS)}) [^:]", span)
        for found in commands(span, piece.at(span), whole=False)
    ]


@cache
def given() -> list[Given]:
    """Every command of all prose."""
    in_pages = [found for piece in markdown() for found in in_blocks(piece)]
    return [*in_pages, *(found for piece in everything() for found in in_sentences(piece))]


def of(program: str) -> list[Given]:
    """The commands of a program."""
    return [command for command in given() if command.words[0] == program]
