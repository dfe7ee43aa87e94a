"""What `ash new-method` writes, and what it refuses."""

import shutil
import sys

import pytest

from ash import methods
from ash.config import load
from ash.errors import ConfigError
from ash.field import new_method as module
from ash.field.new_method import new_method
from tests.conftest import ROOT

PARAMS = "params.yaml"


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """The current folder: the project's settings and methods, and no other file."""
    for name in ("ash/methods", "protocols"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in (PARAMS, "workflow/resources/search.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(methods, "__path__", [str(tmp_path / "ash/methods")])
    yield tmp_path
    sys.modules.pop("ash.methods.tinted_glass", None)


def texts(folder):
    """Every file by its path."""
    return {path: path.read_text() for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"}


def test_everything_is_there(checkout):
    """The method can be built from its experiment, which stands in no table; no line of an older file is gone."""
    before = texts(checkout)
    told = new_method("tinted_glass", "tinted", checkout / PARAMS)
    settings = load(checkout / PARAMS)
    experiment = settings.experiment("tinted")
    assert experiment.source == settings.experiment("source_only").source
    assert methods.check(experiment).strength == experiment.settings["strength"]
    assert methods.load("tinted_glass").METHOD.__name__ == "TintedGlass"
    assert "tinted" in settings.params.more_experiments
    assert not settings.params.experiments["tinted"].tables
    after = texts(checkout)
    new = {str(path.relative_to(checkout)) for path in after.keys() - before.keys()}
    assert new == {"ash/methods/tinted_glass.py", "tests/methods/test_tinted_glass.py"}
    for path, text in before.items():
        lines = iter(after[path].splitlines())
        assert all(line in lines for line in text.splitlines())
    assert any(line.endswith("params.yaml: added methods.tinted_glass, more_experiments.tinted") for line in told)


def test_paper_scale_has_its_own_loss(checkout):
    """What depends on the scale is stated by each protocol as it is there for source only."""
    new_method("tinted_glass", "tinted_glass", checkout / PARAMS)
    kinds = {
        name: load(checkout / PARAMS, name).experiment("tinted_glass").settings["segmentation_loss"]
        for name in ("miniature", "paper")
    }
    assert kinds == {"miniature": "cross_entropy", "paper": "focal"}


@pytest.mark.parametrize(
    "name", ["Tinted", "class", "tinted-glass", "1st", "", "a b", "../a", "a" * 41, "_hidden", "é"]
)
def test_what_is_no_name_is_refused(checkout, name):
    """In one line, and nothing is written."""
    before = texts(checkout)
    with pytest.raises(ConfigError, match="wanted a-z, 0-9 and _") as caught:
        new_method(name, "mine", checkout / PARAMS)
    assert "\n" not in str(caught.value)
    assert texts(checkout) == before


def test_taken_names_are_refused(checkout):
    """A method, an experiment, and a file that is there already; nothing is written over."""
    (checkout / "tests/methods").mkdir(parents=True)
    (checkout / "tests/methods/test_mine.py").write_text("mine")
    before = texts(checkout)
    for name, experiment, line in (
        ("asm", "mine", "method 'asm': is there already"),
        ("tinted_glass", "clan", "experiment 'clan': is in .*, of method clan; name another"),
        ("mine", "mine", r"tests/methods/test_mine\.py: is there already"),
    ):
        with pytest.raises(ConfigError, match=line) as caught:
            new_method(name, experiment, checkout / PARAMS)
        assert "\n" not in str(caught.value)
    assert texts(checkout) == before


def test_another_checkouts_methods_are_not_taken_for_ours(checkout, monkeypatch):
    """An installation may lead to another checkout than the current folder."""
    monkeypatch.setattr(methods, "__path__", [str(ROOT / "ash/methods")])
    with pytest.raises(ConfigError, match="the methods in use are in .*; run this in that checkout"):
        new_method("tinted_glass", "tinted_glass", checkout / PARAMS)


def test_files_that_do_not_fit_are_as_they_were(checkout, monkeypatch):
    """If the settings are refused once all is written, all of it is taken back."""
    before = texts(checkout)

    def refuse(_):
        raise ConfigError("no")

    monkeypatch.setattr(module.methods, "check_settings", refuse)
    with pytest.raises(ConfigError, match="no"):
        new_method("tinted_glass", "tinted_glass", checkout / PARAMS)
    assert texts(checkout) == before
