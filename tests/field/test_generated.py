"""Settings files that commands write beside params.yaml."""

import shutil

import pytest

from ash.config import load
from ash.errors import ConfigError
from ash.field.generated import entries, generate, seeds_of
from tests.conftest import ROOT

WRONG = ["[]", "0,,1", "0 1", "0, 0", "[0, 0]", "-1", "[-1]", "[1.5]", "[true]", "[a]", "[0", "", "[2147483648]"]


@pytest.mark.parametrize("text", WRONG)
def test_other_seeds_are_refused(text):
    """The line shows what was given and what is wanted."""
    with pytest.raises(ConfigError, match=r"^--seeds .*: wanted different whole numbers"):
        seeds_of(text)


@pytest.mark.parametrize("text", ["3,1", "3, 1", "[3, 1]"])
def test_seeds_as_a_list_and_as_params_yaml_has_them(text):
    """In the order in which they are given."""
    assert seeds_of(text) == (3, 1)


def test_the_same_settings_with_other_seeds(tmp_path):
    """An experiment has the same settings in the generated file, and the file that it comes from stays as it was."""
    shutil.copy(ROOT / "params.yaml", tmp_path)
    shutil.copytree(ROOT / "protocols", tmp_path / "protocols")
    params = tmp_path / "params.yaml"
    before, whole = load(params), params.read_bytes()
    trial = {**entries(params)["asm"], "step": 1.0e-5, "tables": {}}
    path, settings = generate(params, "try", seeds_of("[3, 1]"), {"sweep_asm_01": trial})
    assert params.read_bytes() == whole
    assert path == tmp_path / "params.try.yaml"
    assert settings.params.seeds == (3, 1)
    assert "sweep_asm_01" in settings.params.more_experiments
    assert settings.experiment("sweep_asm_01").settings == {**before.experiment("asm").settings, "step": 1.0e-5}
    for name in before.params.experiments:
        assert settings.experiment(name) == before.experiment(name)


def test_git_ignores_what_is_generated():
    """Each command's file has its line."""
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert {f"/params.{word}.yaml" for word in ("try", "sweep", "leaderboard")} <= set(ignored)
