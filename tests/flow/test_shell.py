"""Paths of settings in the commands of the workflow: whatever they hold is a path, and no command."""

import shutil

import pytest
import yaml

from ash.style.stylizer import load_stylizer
from tests.conftest import ROOT, settle, snakemake

pytestmark = pytest.mark.workflow
PAIR = ROOT / "ash/style/weights/miniature.safetensors"
HOSTILE = 'it\'s `touch A` $(touch B); touch C & "touch D" | touch E > F'


def edit(folder, section, key, value):
    """Change a setting of the tiny protocol."""
    path = folder / "protocols/tiny.yaml"
    content = yaml.safe_load(path.read_text())
    content[section][key] = value
    path.write_text(yaml.safe_dump(content))


def test_a_path_is_a_path(tmp_path):
    """Quotes, blanks, `$()`, backticks and redirections in the pair's path: the right file is read, and nothing is run."""
    folder = settle(tmp_path)
    shutil.copy(PAIR, folder / f"{HOSTILE}.safetensors")
    edit(folder, "stylizer", "weights", f"{HOSTILE}.safetensors")
    before = {path.name for path in folder.iterdir()}
    snakemake(folder, "--", "data/networks/stylizer.safetensors")
    made = load_stylizer(folder / "data/networks/stylizer.safetensors")
    assert made.digest == load_stylizer(PAIR).digest
    assert {path.name for path in folder.iterdir()} - before <= {".snakemake", "benchmarks", "data", "logs"}


def test_a_path_of_a_parameter_is_a_path(tmp_path):
    """The same for a path that reaches its command as a parameter: the step finds no checkpoint in it, and runs nothing."""
    folder = settle(tmp_path)
    (folder / f"{HOSTILE}.pth").write_text("no checkpoint")
    edit(folder, "segmenter", "weights", f"{HOSTILE}.pth")
    before = {path.name for path in folder.iterdir()}
    told = snakemake(folder, "--", "data/networks/segmenter.safetensors", check=False)
    assert "ash: it's `touch A`" in told
    assert {path.name for path in folder.iterdir()} - before <= {".snakemake", "benchmarks", "data", "logs"}


@pytest.mark.parametrize("name", ["x; touch PWNED #", "x$(touch PWNED)", "--out=PWNED", "../PWNED", "PWNED\n"])
def test_a_name_that_is_none_stops_the_workflow(tmp_path, name):
    """Names of sets become files, rules and words of commands; one line, before any job."""
    folder = settle(tmp_path)
    path = folder / "protocols/tiny.yaml"
    content = yaml.safe_load(path.read_text())
    content["datasets"][name] = content["datasets"]["gta5"]
    path.write_text(yaml.safe_dump(content))
    told = snakemake(folder, "-n", check=False)
    assert f"datasets.{name.splitlines()[0]}"[:12] in told or "holds a control character" in told
    assert "Traceback" not in told
    assert not list(folder.rglob("*PWNED*"))
