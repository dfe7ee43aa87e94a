"""Every target, rule and result that prose names is one that the workflow would make, with the project's own settings."""

import fnmatch
import re
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest
from snakemake.cli import get_argument_parser

from tests.conftest import ROOT, snakemake
from tests.support.commands import of
from tests.support.prose import PLACEHOLDER, everything, markdown, messages, snakefiles, told, words_of_code
from tests.support.stated import stated_texts

pytestmark = pytest.mark.workflow
BROUGHT = ("data/raw", "data/acquired", "data/weights")  # what users bring, and what tells of it


class Plan(NamedTuple):
    """What the workflow can be asked for, and what it would make."""

    rules: set[str]
    files: set[str]
    folders: set[str]


@pytest.fixture(scope="module")
def plan(tmp_path_factory) -> Plan:
    """All rules that can be targets, planned at once under each protocol with the settings of the project; nothing runs."""
    rules: set[str] = set()
    files: set[str] = set()
    for protocol in sorted(path.stem for path in ROOT.glob("protocols/*.yaml")):
        folder = tmp_path_factory.mktemp(protocol)
        shutil.copytree(ROOT / "protocols", folder / "protocols")
        own = ROOT / f"params.{protocol}.yaml"  # of a protocol with experiments of its own
        text = (own if own.exists() else ROOT / "params.yaml").read_text()
        (folder / "params.yaml").write_text(re.sub(r"^protocol: \w+", f"protocol: {protocol}", text, flags=re.M))
        targets = re.findall(r"^([a-z]\w*)$", snakemake(folder, "--list-target-rules"), re.M)
        told_of = snakemake(folder, "-n", *targets)
        rules |= {*targets, *re.findall(r"^(?:local)?rule (\w+):", told_of, re.M)}
        lists = re.findall(r"^    (?:output|log|benchmark): (.*)$", told_of, re.M)
        files |= {re.sub(r" \(.*\)$", "", path) for line in lists for path in line.split(", ")}
    texts = [
        *stated_texts().values(),
        *(piece.text for piece in messages()),
    ]  # what a set, a module or a rule states besides
    texts += [re.sub(r"\{\w+\}", "*", path.read_text()) for path in snakefiles()]
    stated = {path for text in texts for path in re.findall(r"\b(?:data|results)/[\w./*-]*\w", text)}
    return Plan(rules, files | stated, {str(folder) for path in files for folder in Path(path).parents} | stated)


def test_targets_of_snakemake_exist(plan):
    """Options parse; each target is a rule, or a file that one makes under some protocol.

    With another settings file (`--config params=...`) only the options can be checked.
    """
    wrong = []
    for command in of("snakemake"):
        try:
            read = get_argument_parser().parse_args([word for word in command.words[1:] if word != "--"])
        except SystemExit:
            wrong.append(str(command))
            continue
        if not read.config:
            known = plan.rules | plan.files
            wrong += [f"{command}: {t}" for t in read.targets if not fnmatch.filter(known, PLACEHOLDER.sub("*", t))]
    assert len(of("snakemake")) > 10
    assert not wrong, told(wrong)


def test_rules_that_the_pages_name_exist(plan):
    """A table of rules, or `rule x` in a sentence."""
    lists = [
        (p, names) for p in everything() for names in re.findall(r"\brules? (`\w+`(?:,? (?:and )?`\w+`)*)", p.text)
    ]
    named = {(piece.at(name), name) for piece, names in lists for name in re.findall(r"\w+", names) if name != "and"}
    assert len(named) > 10
    wrong = [where for where, name in named if not fnmatch.filter(plan.rules, PLACEHOLDER.sub("*", name))]
    assert not wrong, told(wrong)


def test_paths_that_the_workflow_makes(plan):
    """What pages name below data, results, logs and benchmarks is made, or lies in a folder in which something is made."""
    wrong = []
    for piece in markdown():
        for path in piece.paths(("data", "results", "logs", "benchmarks")):
            pattern = PLACEHOLDER.sub("*", path).rstrip("/")
            known_word = set(re.findall(r"[a-z]\w*", Path(path).name)) <= words_of_code("ash", "workflow")
            beside = known_word and fnmatch.filter(plan.folders, str(Path(pattern).parent))
            there = (
                path.startswith(BROUGHT) or (ROOT / path).exists() or fnmatch.filter(plan.files | plan.folders, pattern)
            )
            wrong += [] if there or beside else [piece.at(path)]
    assert not wrong, told(wrong)
