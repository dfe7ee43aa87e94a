"""What every rule of the workflow says about itself."""

import re

import pytest
import yaml

from ash.config import ResourceSettings
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
