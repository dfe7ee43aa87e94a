"""`ash claims`, `ash forest`, `ash claims-reading` and `ash metrics` one after another, in the tiny world."""

import json

import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner

from ash.cli.app import app
from ash.config import load
from ash.errors import ConfigError, StoreError
from ash.files.atomic import write_json
from tests.conftest import settle
from tests.report.conftest import COST, invent

CLAIMS = "claims --claims claims.yaml --cost cost.json --out tables"


def run(line):
    """A command in the current folder: its output; what it raises is raised here."""
    result = CliRunner().invoke(app, line.split(), catch_exceptions=False)
    return result.output


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The tiny settings with three seeds, and made-up runs of all their experiments."""
    settle(tmp_path)
    params = yaml.safe_load((tmp_path / "params.yaml").read_text()) | {"seeds": [0, 1, 2]}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    invent(load(tmp_path / "params.yaml"), tmp_path / "results")
    write_json(tmp_path / "cost.json", COST)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_from_runs_to_words(folder):
    """Each claim has its verdict in the table, in the metrics and in the words; the plot is drawn."""
    run(CLAIMS)
    frame = pd.read_csv(folder / "tables/claims.csv").set_index("id")
    assert list(frame.index) == ["stylised", "sky", "training_alone"]
    assert frame.loc[["stylised", "sky"], "over"].tolist() == ["seeds", "seeds"]
    run("forest --contrasts tables/contrasts.csv --out forest.png")
    assert (folder / "forest.png").stat().st_size > 5000
    run("metrics --group paper --claims tables/claims.csv --out metrics.json --iou iou.csv")
    assert json.loads((folder / "metrics.json").read_text())["claims"] == frame["verdict"].to_dict()
    words = run("claims-reading tables/claims.csv")
    assert all(f"`{name}`: " in words for name in frame.index)
    (folder / "page.md").write_text(
        "<!-- claims: written by `ash claims-reading`, not by hand -->\n<!-- end of claims -->\n"
    )
    run("claims-reading tables/claims.csv --into page.md")
    assert words.strip() in (folder / "page.md").read_text()


def test_another_number_of_seeds(folder):
    """The first seed alone: the same rows, and no verdict on what seeds decide."""
    params = yaml.safe_load((folder / "params.yaml").read_text()) | {"seeds": [0]}
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    run(CLAIMS)
    frame = pd.read_csv(folder / "tables/claims.csv").set_index("id")
    assert frame["verdict"].to_dict() == {"stylised": "cannot tell", "sky": "cannot tell", "training_alone": "holds"}


def test_more_experiments_are_of_the_run_of_everything(folder):
    """An experiment of `more_experiments` is not trained in the default run, and is with --everything."""
    params = yaml.safe_load((folder / "params.yaml").read_text())
    more = {name: params["experiments"].pop(name) for name in ("source_only",)}
    params["tables"] = {"table1": params["tables"]["table1"], "table2": params["tables"]["table2"]}
    for entry in (*more.values(), *params["experiments"].values()):
        entry["tables"] = {name: row for name, row in entry["tables"].items() if name in params["tables"]}
    (folder / "params.yaml").write_text(yaml.safe_dump(params | {"more_experiments": more}))
    (folder / "results/more/models").mkdir(parents=True)
    (folder / "results/scores/source_only").rename(_made(folder / "results/more/scores") / "source_only")
    run(CLAIMS)
    assert pd.read_csv(folder / "tables/claims.csv")["why"][0] == "not trained in this run: source_only"
    run(f"{CLAIMS} --everything")
    assert pd.read_csv(folder / "tables/claims.csv")["n"][0] == 3


def _made(path):
    path.mkdir(parents=True)
    return path


def test_missing_scores_are_named(folder):
    """A run that should be there and is not is an error, not a verdict."""
    (folder / "results/scores/ash/seed1/cityscapes.json").unlink()
    with pytest.raises(StoreError, match=r"ash/seed1/cityscapes.json: missing; evaluate the experiment first"):
        run(CLAIMS)


def test_an_unknown_experiment_is_named(folder):
    """Before anything is read or written."""
    text = (folder / "claims.yaml").read_text()
    (folder / "claims.yaml").write_text(text.replace("second: source_only", "second: source_onyl"))
    with pytest.raises(ConfigError, match=r"stylised.experiments: 'source_onyl' .* did you mean 'source_only'"):
        run(CLAIMS)
    assert not (folder / "tables").exists()
