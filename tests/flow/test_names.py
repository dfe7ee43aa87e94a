"""What the command line is given as a name is one that the settings have: exit code 2, one line, nothing written."""

import pytest
from typer.testing import CliRunner

from ash.cli.app import app
from ash.errors import AshError
from tests.conftest import settle

WRONG = [
    ("metrics --group nope --out m.json --iou i.csv", "group 'nope' has no table in params.yaml; known: paper"),
    ("metrics --group paper --group papr --out m.json --iou i.csv", "did you mean 'paper'?"),
    ("plots --group nope --out plots", "group 'nope' has no table"),
    ("report --group nope --tables t --figures f --claims c --forest p --out r.html", "group 'nope' has no table"),
    ("report --group ../x --tables t --figures f --claims c --forest p --out r.html", "group '../x' has no table"),
    ("table table11 --out t", "table 'table11' is not in params.yaml; known: table1, table2, table5; did you mean"),
    ("table ../table1 --out t", "table '../table1' is not in params.yaml"),
    ("contrast ash clam", "experiment 'clam' is not in params.yaml; known: source_only, clan, ash"),
    ("train ../ash --seed 0 --prepared x.h5 --out x", "experiment '../ash' is not in params.yaml"),
    ("train ash --seed 0 --prepared x.h5 --out x --steps 5 --params other.yaml", "other.yaml: missing"),
    ("evaluate ash --seed 0 --model m --out o --target ../../x=f.h5", "--target ../../x=f.h5: '../../x' is not a data set"),
    ("evaluate ash --seed 0 --model m --out o --target /tmp/x=f.h5", "'/tmp/x' is not a data set of the protocol; known: gta5"),
    ("evaluate ash --seed 0 --model m --out o --target cityscape=f.h5", "did you mean 'cityscapes'?"),
    ("evaluate ash --seed 0 --model m --out o --target cityscapes=", "--target cityscapes=: wanted NAME=PREPARED"),
    ("evaluate ash --seed 0 --model m --out o --target =f.h5", "--target =f.h5: wanted NAME=PREPARED"),
    ("evaluate ash --seed 0 --model m --out o --target source=a.h5 --target source=b.h5", "source is named twice"),
    ("evaluate-model m --out o --target ../x=f.h5", "'../x' is not a data set"),
    ("draw ../gta5 --out m.json", "data set '../gta5' is not in protocol tiny"),
    ("manifest gta --out m.json", "data set 'gta' is not in protocol tiny; known: gta5"),
    ("acquire ../weights", "data set '../weights' is not in protocol tiny"),
    ("score p l --dataset ../cityscapes", "../cityscapes"),
    ("score p l --protocol nope", "nope"),
    ("bench step ash --synthetic 64x32 --protocol ../tiny", "protocol '../tiny': wanted a name of a-z, 0-9 and _; known: tiny"),
    ("bench step ash --synthetic 64x32 --protocol tinny", "did you mean 'tiny'?"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "told"), WRONG, ids=[line[:50] for line, _ in WRONG])
def test_a_name_that_is_not_there(tmp_path, monkeypatch, line, told):
    """Unknown groups, tables, experiments, sets, targets and protocols, and paths in their place."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(settle(tmp_path / "here"))
    before = sorted(tmp_path.rglob("*"))
    result = CliRunner().invoke(app, line.split())
    assert isinstance(result.exception, AshError), result.output
    assert told in str(result.exception)
    assert len(str(result.exception).splitlines()) == 1
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "line",
    [
        "train ash --seed -1 --prepared x.h5 --out x",
        "evaluate ash --seed 99999999999 --model m --out o --target source=f.h5",
        "train ash --seed 0 --steps 0 --prepared x.h5 --out x",
        "draw gta5 --out m.json --workers 0",
        "import-checkpoint a b --branches 0",
    ],
)
def test_a_number_out_of_bounds(tmp_path, monkeypatch, line):
    """Exit code 2 and the bound."""
    monkeypatch.chdir(settle(tmp_path))
    result = CliRunner().invoke(app, line.split())
    assert result.exit_code == 2
    assert "Error" in result.output
    assert "than or equal to" in " ".join(result.output.replace("│", " ").split())


def test_a_split_that_no_set_has(tmp_path, monkeypatch):
    """`ash prepare` names the two there are."""
    monkeypatch.chdir(settle(tmp_path))
    (tmp_path / "m.json").write_text("{}")
    result = CliRunner().invoke(app, ["prepare", "gta5", "../train", "--manifest", "m.json", "--out", "x.h5"])
    assert "split '../train': wanted one of train and val" in str(result.exception)
