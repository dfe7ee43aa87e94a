"""A search through the workflow: trials are trained and scored where they may be chosen, and every rule's pick is shown."""

import json
import shutil

import pytest
import yaml

from ash.evaluation.selection import RULES
from ash.files.atomic import file_digest
from tests.conftest import ash

pytestmark = pytest.mark.workflow
HELD = {"root": "data/miniature/kitti", "image_size": [64, 32], "label_size": [64, 32], "validation": 3,
        "draw": {"train": 4}, "draw_size": [64, 32]}  # fmt: skip


@pytest.fixture(scope="module")
def checkout(built, tmp_path_factory):
    """A built checkout whose protocol holds a drawn world out."""
    folder = tmp_path_factory.mktemp("sweep") / "world"
    shutil.copytree(built, folder)
    path = folder / "protocols/tiny.yaml"
    protocol = yaml.safe_load(path.read_text())
    protocol["datasets"]["kitti"] = HELD
    path.write_text(yaml.safe_dump(protocol | {"held_out": "kitti"}, sort_keys=False))
    return folder


def test_a_search_is_recorded_and_goes_on(checkout):
    """Two trials, whose picks stand side by side; a larger budget trains the new one alone; older runs stay as they were."""
    before = {path: file_digest(path) for path in checkout.glob("results/*/*/*/*") if path.is_file()}
    told = ash(checkout, "sweep", "clan", "--budget", "2").stdout
    assert all(f"| {rule}" in told for rule in RULES)
    assert "oracle (chosen on the targets: never to be entered)" in told
    record = json.loads((checkout / "docs/results/sweep/clan.json").read_text())
    first, second = record["trials"].values()
    assert set(first["settings"]) == set(second["settings"]) == {"alpha", "lambda_adv"}
    assert set(first["miou"]) == {"source", "cityscapes", "mapillary", "kitti"}
    assert record["picks"]["leave_one_domain_out"] == max(
        record["trials"], key=lambda name: record["trials"][name]["miou"]["kitti"]
    )
    more = ash(checkout, "sweep", "clan", "--budget", "3").stdout
    assert "3 of 3 steps (100%) done" in more
    again = json.loads((checkout / "docs/results/sweep/clan.json").read_text())["trials"]
    assert {name: again[name] for name in record["trials"]} == record["trials"]
    assert {path: file_digest(path) for path in before} == before
    assert "steps (" not in ash(checkout, "sweep", "clan", "--budget", "3").stdout


def test_another_budget_is_refused(checkout):
    """Once one experiment has been searched, all others get as many trials."""
    result = ash(checkout, "sweep", "ash", "--budget", "5", check=False)
    assert result.returncode == 2
    assert "clan.json has 3 trials, and budgets are equal for all" in result.stderr
