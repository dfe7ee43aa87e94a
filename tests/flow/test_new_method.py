"""A method is one file and one entry: dropped into a checkout, it is trained, scored and shown, and nothing else is touched."""

import csv
import shutil

import pytest
import yaml

from ash.files.atomic import file_digest
from tests.conftest import ash, snakemake

pytestmark = pytest.mark.workflow

METHOD = '''"""Sharpening: cross-entropy, and a little less entropy on the source itself."""

from typing import ClassVar

from pydantic import Field

from ash.config import Section
from ash.contract import Method, Needs, Update
from ash.segmentation import losses


class Settings(Section):
    """One number."""

    needs: ClassVar[Needs] = Needs(heads="single")
    lambda_sharp: float = Field(ge=0, description="weight of the entropy")


class Sharpening(Method):
    """The segmenter alone."""

    def __init__(self, settings, networks):
        self.settings, self.segmenter = settings, networks.segmenter
        self.players = {"segmenter": self.segmenter}

    def updates(self, batch, progress):
        """Yield the one update."""
        heads = self.segmenter(batch.image)
        log_p = heads[0].float().log_softmax(1)
        entropy = -(log_p.exp() * log_p).sum(1).mean()
        segmentation = losses.segmentation(heads, batch.label, "cross_entropy")
        yield Update("segmenter", {"segmentation": segmentation, "entropy": self.settings.lambda_sharp * entropy})


METHOD = Sharpening
'''


@pytest.fixture(scope="module")
def checkout(built, tmp_path_factory):
    """A built checkout, with the method's file and its entry in params.yaml, and no other edit."""
    folder = tmp_path_factory.mktemp("method") / "world"
    shutil.copytree(built, folder)
    (folder / "ash/methods/sharpening.py").write_text(METHOD)
    params = yaml.safe_load((folder / "params.yaml").read_text())
    params["experiments"]["sharp"] = {
        "recipe": "sharpening", "source": "gta5", "label": "Sharpened", "lambda_sharp": 0.1, "tables": {"table5": None},
    }  # fmt: skip
    (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    return folder


def test_the_new_row_is_in_its_table(checkout):
    """Trained, scored and shown by the workflow; the older runs stay as they were, and its own loss is in its history."""
    models = {path: file_digest(path) for path in checkout.glob("results/models/*/*/model.safetensors")}
    assert len(models) == 4
    output = snakemake(checkout, "results/tables/table5.md")
    assert output.count("rule train:") == 1
    with (checkout / "results/tables/table5.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert "Sharpened" in (checkout / "results/tables/table5.md").read_text()
    assert [row for row in rows if "Sharpened" in row.values()]
    assert {path: file_digest(path) for path in models} == models
    history = (checkout / "results/models/sharp/seed0/history.csv").read_text()
    assert history.startswith("step,segmenter.segmentation,segmenter.entropy,rate\n")


def test_its_settings_are_checked_like_any_others(checkout, tmp_path):
    """`ash check` knows the method and a misspelt setting of it."""
    assert "5 experiments" in ash(checkout, "check").stdout
    text = (checkout / "params.yaml").read_text().replace("lambda_sharp", "lamda_sharp")
    (checkout / "other.yaml").write_text(text)
    result = ash(checkout, "check", "--params", "other.yaml", check=False)
    assert result.returncode == 2
    assert "experiments.sharp: method sharpening: 2 fault(s)" in result.stderr
    assert "lamda_sharp: unknown key" in result.stderr
