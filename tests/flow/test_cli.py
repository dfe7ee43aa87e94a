"""The command line: quick help, faults in one line with exit code 2, progress that suits a log."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer
import yaml

from ash import cli
from ash.cli.app import PANELS, PLAIN_EVERY, _plain, app
from ash.errors import DataError, several
from ash.files.atomic import write_json
from ash.preparation.manifest import build_manifest
from tests.conftest import ROOT, ash, settle
from tests.support.fakes import fill


def test_help_imports_nothing_heavy():
    """`ash --help` must answer at once, so the commands import torch and the like themselves."""
    script = "import sys, ash.cli; print(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {"torch", "h5py", "pandas", "matplotlib", "scipy"} & set(result.stdout.split())


def test_help_lists_every_step(tmp_path):
    """One command a step of the workflow, and those for people."""
    commands = (
        "acquire draw manifest prepare stylizer refit-stylizer features train evaluate montage table metrics figures report"
        " check predict stylise matrix bench"
    )
    words = ash(tmp_path, "--help").stdout.split()
    assert set(commands.split()) <= set(words)


def test_help_groups_every_command(tmp_path):
    """Each command stands under one heading, and the headings follow each other as `PANELS` has them."""
    commands = {**typer.main.get_group(app).commands}
    assert {command.rich_help_panel for command in commands.values()} == set(PANELS)
    heading, shown = None, []
    for line in ash(tmp_path, "--help").stdout.splitlines():
        heading = next((panel for panel in PANELS if line.startswith(f"╭─ {panel} ─")), heading)
        words = line.removeprefix("│ ").split()
        if heading and words and words[0] in commands and line.startswith("│ " + words[0]):
            shown.append((heading, words[0]))
    assert sorted(shown) == sorted((command.rich_help_panel, name) for name, command in commands.items())
    assert list(dict.fromkeys(panel for panel, _ in shown)) == list(PANELS)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["draw", "kitti", "--out", "x.json"], "data set 'kitti' is not in protocol tiny; known: gta5, synthia"),
        (["table", "table9", "--results", ".", "--out", "."], "table 'table9' is not in params.yaml"),
        (
            ["evaluate", "ash", "--seed", "0", "--model", ".", "--out", ".", "--target", "cityscapes"],
            "--target cityscapes: wanted NAME=PREPARED",
        ),
        (["train", "assh", "--seed", "0", "--prepared", "x.h5", "--out", "x"], "experiment 'assh' is not in params"),
        (["stylizer", "none.safetensors", "--out", "x"], "none.safetensors"),
        (["check", "--params", "other.yaml"], "other.yaml: missing"),
        (["acquire", "gta5"], "data set gta5: is drawn in protocol tiny; use `ash draw`"),
    ],
)
def test_wrong_arguments_are_one_line(tmp_path, arguments, line):
    """Exit code 2, one line on stderr that names what was found, and nothing written."""
    folder = settle(tmp_path)
    before = sorted(folder.rglob("*"))
    result = ash(folder, *arguments, check=False)
    assert result.returncode == 2
    assert result.stderr.startswith("ash: ")
    assert len(result.stderr.splitlines()) == 1
    assert line in result.stderr
    assert sorted(folder.rglob("*")) == before


def test_check_of_drawn_sets_is_content(tmp_path):
    """Sets that the workflow draws are not missing."""
    result = ash(settle(tmp_path), "check")
    assert "4 experiments, 1 seed(s)" in result.stdout
    assert result.stderr == ""


def test_every_fault_of_a_set_has_its_line(monkeypatch, capsys):
    """`errors.several` keeps its lines on the way out."""

    def broken():
        raise DataError(several("gta5: 2 fault(s)", ["00001.png: too short", "00002.png: id 41"]))

    monkeypatch.setattr(cli, "app", broken)
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 2
    assert [line.strip() for line in capsys.readouterr().err.splitlines()] == [
        "ash: gta5: 2 fault(s)", "00001.png: too short", "00002.png: id 41",
    ]  # fmt: skip


def test_a_defect_keeps_its_traceback(monkeypatch):
    """Only an AshError is a message; anything else passes through."""

    def defect():
        raise ZeroDivisionError

    monkeypatch.setattr(cli, "app", defect)
    with pytest.raises(ZeroDivisionError):
        cli.main()


def test_progress_in_a_log(monkeypatch, capsys):
    """A line when ten seconds have passed, and one at the end; the rate counts this process's own steps."""
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    show = _plain("train")
    for done in range(61, 101):  # a resumed run: steps 0 to 60 were another process's
        now[0] += PLAIN_EVERY / 20
        show(done, 100)
    assert capsys.readouterr().out.splitlines() == [
        "train: 80/100, 2/s, 10 s left",
        "train: 100/100, 2/s, 0 s left",
    ]


def test_a_record_of_archives_of_another_shape_is_one_line(tmp_path):
    """`--acquired` with JSON that `ash acquire` did not write: the file and the command; no manifest is written."""
    folder = settle(tmp_path)
    for content in ("{}", '{"archives": 5}'):
        (folder / "a.json").write_text(content)
        result = ash(folder, "manifest", "gta5", "--acquired", "a.json", "--out", "m.json", check=False)
        assert result.returncode == 2
        assert result.stderr == "ash: a.json: is no record of archives; give what `ash acquire gta5` wrote\n"
        assert not (folder / "m.json").exists()


def test_a_set_that_changed_since_its_manifest_is_not_scored_on(tmp_path):
    """`ash evaluate-as` on the user's own files: one line says which split is another, before the model is opened."""
    folder = settle(tmp_path)
    protocol = folder / "protocols/tiny.yaml"
    content = yaml.safe_load(protocol.read_text())
    content["datasets"]["mapillary"] |= {"root": "own", "draw": None, "draw_size": None}
    protocol.write_text(yaml.safe_dump(content))
    root = fill("mapillary", folder / "own")
    write_json(folder / "m.json", build_manifest("mapillary", root, 0))
    arguments = ["evaluate-as", "mapillary_native", "ash", "--seed", "0", "--model", "none.safetensors"]
    for change, told in ((lambda path: None, "none.safetensors: missing"), (Path.unlink, "ids of split val are")):
        for path in [*sorted(root.glob("validation/*/*"))[:1], *sorted(root.glob("validation/labels/*"))[:1]]:
            change(path)
        result = ash(folder, *arguments, "--manifest", "m.json", "--out", "x.json", check=False)
        assert result.returncode == 2
        assert told in result.stderr
