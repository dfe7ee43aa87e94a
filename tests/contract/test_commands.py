"""Every command that a page, a docstring, a comment or a message gives exists, with its options and keys.

A command in a code block must be whole; one in a sentence may leave its arguments out.  Those that take no time and need
no data are run.  Targets of Snakemake are in test_targets.py.
"""

import importlib.util
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import dvc.cli
import pytest
import typer
from dvc.cli import DvcParserError

from ash.cli import app
from tests.conftest import ROOT
from tests.support.commands import PROGRAMS, given, of
from tests.support.prose import EXAMPLES, everything, told
from tests.support.stated import method_of, value_at

QUICK = ("ash --help", "ash check", "make help")
UNCHECKED = {
    "cd": "it leads into folders that the commands before it make",
    "mkdir": "it makes such a folder",
    "cp": "it copies into such a folder; what it names is looked at as a path",
    ".": "the environment's own script, which `make` makes",
    "apt-get": "a package manager of the machine, which is not everywhere",
}


def test_every_command_is_looked_at():
    """A line of a block starts with a program that a test here knows, and what none checks has a reason."""
    assert len(given()) > 100
    unknown = [str(command) for command in given() if command.words[0] not in (*PROGRAMS, *UNCHECKED)]
    assert not unknown, told(unknown)


def fault(words: tuple[str, ...]) -> str | None:
    """What `ash` would say to these words; None if it would run."""
    command, rest = typer.main.get_command(app), list(words)
    while hasattr(command, "get_command"):
        if not rest or rest[0].startswith("-"):
            return None if rest in (["--help"], []) else f"unknown option {rest[0]}"
        if rest[0].isupper():
            return None  # COMMAND stands for any
        name = rest.pop(0)
        command = command.get_command(None, name)
        if command is None:
            return f"no command {name}"
    try:
        command.make_context(name, rest)
    except Exception as error:  # noqa: BLE001  click's, which typer brings along under a name of its own
        return None if type(error).__name__ == "Exit" else f"{type(error).__name__}: {error}"  # Exit: --help
    return None


def test_commands_of_ash_parse():
    """The command is there, takes these options, and in a block has all arguments that it needs."""
    assert len(of("ash")) > 50
    wrong = []
    for command in of("ash"):
        said = fault(command.words[1:])
        if said and not command.whole:
            said = fault((*command.words[1:], "X")) if "requires an argument" in said else said
        wrong += [f"{command}: {said}"] if said and (command.whole or not said.startswith("Missing")) else []
    assert not wrong, told(wrong)


def test_modules_of_the_command_line_name_their_commands():
    """The first sentence of a module in ash/cli lists just the commands that it registers."""
    names: dict[str, list[str]] = {}
    for prefix, group in (
        ("", app),
        *((f"{g.name or g.typer_instance.info.name} ", g.typer_instance) for g in app.registered_groups),
    ):
        for command in group.registered_commands:
            name = command.name or command.callback.__name__.replace("_", "-")
            names.setdefault(command.callback.__module__, []).append(prefix + name)
    listed = {
        module: re.findall(r"[\w-]+(?: [\w-]+)*", sys.modules[module].__doc__.split("\n\n")[0].split(":")[1])
        for module in names
    }
    assert {module: sorted(found) for module, found in listed.items()} == {
        m: sorted(found) for m, found in names.items()
    }


def test_targets_of_make_exist():
    """Those of the Makefile, and the variables that a call sets."""
    text = (ROOT / "Makefile").read_text()
    targets, variables = set(re.findall(r"^([a-z]+):.*##", text, re.M)), set(re.findall(r"^(\w+) \?=", text, re.M))
    words = [(command, word) for command in of("make") for word in command.words[1:] if word[0] != "-"]
    assert len(words) > 10
    wrong = [f"{c}: {word}" for c, word in words if word not in targets and word.partition("=")[0] not in variables]
    assert not wrong, told(wrong)


def test_commands_of_dvc_parse():
    """The subcommand and its options."""
    wrong = []
    for command in of("dvc"):
        if command.words[1:] in (("plots",), ("exp",)):
            continue  # groups, named in a sentence
        try:
            dvc.cli.parse_args([*command.words[1:], *(["KEY=1"] if command.words[-1] == "-S" else [])])
        except (DvcParserError, SystemExit):
            wrong.append(str(command))
    assert len(of("dvc")) > 15
    assert not wrong, told(wrong)


def changes() -> list[tuple[str, str]]:
    """What follows -S, in commands and by itself between backticks."""
    found = [
        (str(c), value) for c in of("dvc") for flag, value in zip(c.words, c.words[1:], strict=False) if flag == "-S"
    ]
    return found + [(p.at(s), s[3:]) for p in everything() for s in p.spans if re.match(r"-S [+\w]+[.:/]", s)]


def test_settings_changed_by_dvc_exist():
    """`-S key=value` names a key of params.yaml, or of the file before a colon; after a plus one that the method takes."""
    wrong = []
    for where, change in changes():
        file, _, path = change.partition("=")[0].rpartition(":")
        try:
            if path.startswith("+experiments."):
                _, experiment, key = path.split(".")
                assert key in method_of(experiment).model_fields
                assert key not in value_at(f"experiments.{experiment}")
            else:
                value_at(path, file or "params.yaml")
        except (KeyError, TypeError, AssertionError):
            wrong.append(f"{where}: {change}")
    assert len(changes()) > 3
    assert not wrong, told(wrong)


def test_edits_by_sed_change_one_line():
    """A sed of a page changes just one line of the settings file that it names, or of that which a copy is made from."""
    for command in of("sed"):
        expression, named = command.words[-2:]
        parts = Path(named).parts
        path = next(Path(*parts[k:]) for k in range(len(parts)) if (ROOT / Path(*parts[k:])).exists())
        before = (ROOT / path).read_text().splitlines()
        after = subprocess.run(
            ["sed", expression, ROOT / path], capture_output=True, text=True, check=True
        ).stdout.splitlines()
        assert len(before) == len(after)
        assert sum(old != new for old, new in zip(before, after, strict=True)) == 1, str(command)


def test_other_programs():
    """Subcommands of git, modules of python, extras of pip, files of pytest and the tests that it is to choose."""
    known = subprocess.run(["git", "--list-cmds=main"], capture_output=True, text=True, check=True).stdout.split()
    known.append("lfs")  # an extension, which few need
    wrong = [str(command) for command in of("git") if command.words[1] not in known]
    wrong += [str(c) for c in of("python") if c.words[1] == "-m" and importlib.util.find_spec(c.words[2]) is None]
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    named = [
        (c, extra)
        for c in of("pip")
        for word in c.words
        if (box := re.search(r"\[(.*)\]", word))
        for extra in box[1].split(",")
    ]
    wrong += [f"{command}: {extra}" for command, extra in named if extra not in extras]
    for command in (c for c in (*of("pytest"), *of("python")) if "pytest" in c.words):
        there = [word for word in command.words if word.startswith("tests/") and not any(e in word for e in EXAMPLES)]
        paths = [ROOT / word for word in there]
        wrong += [str(command) for path in paths if not path.exists()]
        chosen = command.words[command.words.index("-k") + 1] if "-k" in command.words else ""
        wrong += [
            str(command) for path in paths if chosen and not re.search(rf"def test_\w*{chosen}", path.read_text())
        ]
    assert not wrong, told(wrong)


@pytest.mark.parametrize("line", QUICK)
def test_quick_commands_work(line):
    """These are in some page, and end well in the checkout as it is."""
    assert any(shlex.join(command.words) == line for command in given())
    program, *words = line.split()
    start = [sys.executable, "-m", "ash.cli"] if program == "ash" else [program]
    done = subprocess.run([*start, *words], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
