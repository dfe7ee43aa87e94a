"""What every rule of the workflow says about itself."""

import re

import pytest
import yaml

from ash.config import ResourceSettings, agreement
from tests.conftest import ROOT

RULES = {
    name: body
    for path in sorted((ROOT / "workflow/rules").glob("*.smk"))
    for name, body in re.findall(r"^ *rule ?(\w*):\n(.*?)(?=^ *rule ?\w*:|\Z)", path.read_text(), re.M | re.S)
    if "shell:" in body
}


@pytest.mark.parametrize("section", ["threads", "resources", "log", "benchmark"])
def test_every_rule_states(section):
    """Threads and resources for a scheduler, a log and a timing for people."""
    assert len(RULES) >= 14
    assert [name for name, body in RULES.items() if not re.search(rf"^ +{section}:", body, re.M)] == []


def test_rules_that_may_compute_on_a_gpu_take_one():
    """What asks for a kind of resources with a GPU in the paper's protocol starts through ash-on-gpu, and only that."""
    protocol = yaml.safe_load((ROOT / "protocols/paper.yaml").read_text())
    kinds = {kind: ResourceSettings(**needs).gpu for kind, needs in protocol["resources"].items()}
    for name, body in RULES.items():
        kind = re.search(r'resources_of\("(\w+)"\)', body)
        assert ("ash-on-gpu" in body) == bool(kind and kinds[kind[1]]), name


@pytest.mark.parametrize("name", RULES)
def test_what_reaches_a_shell_is_quoted(name):
    """Every value in a command of a rule, but for the number of threads: settings and paths may hold blanks and `$()`."""
    commands = "".join(re.findall(r"shell:\n((?: +\".*\n)+)", RULES[name]))
    fields = re.findall(r"\{([^{}]*)\}", commands)
    assert commands.count("ash ") >= 1
    assert [field for field in fields if not field.endswith(":q") and field != "threads"] == []


def test_dvc_puts_nothing_into_a_command():
    """DVC pastes `${key}` into a shell's line as it is; the name of a stage comes by the environment instead."""
    commands = re.findall(r"^ +cmd: (.*)$", (ROOT / "dvc.yaml").read_text(), re.M)
    assert len(commands) > 10
    assert [command for command in commands if "${" in command] == []
    assert sum(command.endswith('dvc-run "$DVC_STAGE"') for command in commands) == 2


def test_groups_cannot_take_a_rule_s_name():
    """The list of names that settings refuse for groups of tables is that of the workflow's rules."""
    files = [ROOT / "Snakefile", *(ROOT / "workflow/rules").glob("*.smk")]
    found = {name for path in files for name in re.findall(r"^ *rule (\w+):", path.read_text(), re.M)}
    assert found == set(agreement.RULES)


def test_data_come_before_training():
    """What a target's files lack is told at the start of a run, not after hours of training: data have a higher priority."""
    found = {name: re.search(r"^ +priority: (\d+)", body, re.M) for name, body in RULES.items()}
    priority = {name: int(match[1]) if match else 0 for name, match in found.items()}
    first = ["", "draw_miniature", "manifest", "prepare", "stylizer", "features"]  # "" is the rule of each acquired set
    assert min(priority[name] for name in first) > max(priority["train"], priority["evaluate"])
