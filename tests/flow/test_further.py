"""Further targets and the held-out set: drawn, prepared and scored for the rows of a table that asks, and for nothing else."""

import json
import shutil

import pandas as pd
import pytest
import yaml

from ash.files.atomic import file_digest
from tests.conftest import ROOT, ash, snakemake

pytestmark = pytest.mark.workflow
SET = {"image_size": [64, 32], "label_size": [64, 32], "draw_size": [64, 32]}
SETS = {
    "kitti": SET | {"root": "data/miniature/kitti", "validation": 3, "draw": {"train": 4}},
    "acdc_fog": SET | {"root": "data/miniature/acdc_fog", "validation": 0, "draw": {"val": 3}},
}
FAR = {"title": "Far", "classes": 19, "targets": ["cityscapes"], "reference": "clan", "group": "far", "further": True}


def edit(path, change):
    """Change a YAML file."""
    content = yaml.safe_load(path.read_text())
    change(content)
    path.write_text(yaml.safe_dump(content, sort_keys=False))


@pytest.fixture(scope="module")
def folder(built, tmp_path_factory):
    """A built world whose settings have got two further sets, and a table of two of its experiments that shows them."""
    copy = tmp_path_factory.mktemp("further") / "world"
    shutil.copytree(built, copy)

    def describe(protocol):
        protocol["datasets"] |= SETS
        protocol |= {"held_out": "kitti", "further_targets": ["acdc_fog"]}

    def show(params):
        params["tables"]["far"] = FAR
        for name in ("clan", "source_only"):
            params["experiments"][name]["tables"]["far"] = None

    edit(copy / "protocols/tiny.yaml", describe)
    edit(copy / "params.yaml", show)
    return copy


def test_only_what_a_table_asks_for_is_made(folder):
    """Two models are scored on two more sets; none is trained, and no file changes that the default target made."""
    before = {path: file_digest(path) for path in sorted(folder.rglob("*.safetensors")) + sorted(folder.rglob("*.h5"))}
    assert "data/more" not in snakemake(folder, "-n")
    output = snakemake(folder, "far")
    assert "rule train:" not in output
    assert output.count("rule evaluate_further:") == 2
    assert {path: file_digest(path) for path in before} == before
    made = {str(path.relative_to(folder)) for path in (folder / "data/more").rglob("*.h5")}
    assert made == {"data/more/prepared/kitti_val.h5", "data/more/prepared/acdc_fog_val.h5"}
    scored = {path.parent.parent.name for path in (folder / "results/more/scores").rglob("kitti.json")}
    assert scored == {"clan", "source_only"}
    frame = pd.read_csv(folder / "results/tables/far.csv")
    assert list(frame.loc[frame["experiment"] == "clan", "target"]) == ["cityscapes", "kitti", "acdc_fog"]
    assert frame["ours_mean"].between(0, 100).all()


def test_the_scores_can_be_selected_by(folder):
    """`ash select` reads them; where one is missing its line names the file."""
    snakemake(folder, "far")
    shown = ash(folder, "select", "clan", "source_only").stdout
    assert [line.split("|")[1].strip() for line in shown.splitlines() if line.startswith("| ")][2:] == [
        "last (default)", "source_validation", "leave_one_domain_out", "oracle (looks at the targets)"
    ]  # fmt: skip
    result = ash(folder, "select", "clan", "ash", check=False)
    assert result.returncode == 2
    assert "results/more/scores/ash/seed0/kitti.json" in result.stderr
    assert json.loads((folder / "results/more/scores/clan/seed0/kitti.json").read_text())["target"] == "kitti"


def test_the_projects_default_run_is_not_longer(tmp_path):
    """With its own settings: no further set is drawn or scored, and the group that asks scores its own rows on them."""
    shutil.copytree(ROOT / "protocols", tmp_path / "protocols")
    shutil.copy(ROOT / "params.yaml", tmp_path)
    default = snakemake(tmp_path, "-n")
    assert "data/more" not in default
    assert "evaluate_further" not in default
    assert "_strong" not in default
    asked = snakemake(tmp_path, "-n", "regimes")
    assert asked.count("rule evaluate_further:") == 12
    assert "data/more/manifests/acdc_snow.json" in asked
    assert "results/more/scores/advent/" not in asked
