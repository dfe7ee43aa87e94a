"""A verdict that changes is shown by `dvc metrics diff`."""

import pytest

from ash.files.atomic import write_json
from tests.support.repository import Repository

pytestmark = pytest.mark.dvc


def test_a_changed_verdict_is_shown(tmp_path):
    """Old and new words stand beside each other; a verdict that stays is not named."""
    for name in ("home", "checkout/results"):
        (tmp_path / name).mkdir(parents=True)
    repository = Repository(tmp_path / "checkout", tmp_path / "home")
    repository.run("git", "init", "--quiet", "--initial-branch", "main")
    repository.run("dvc", "init", "--quiet")
    (repository / "dvc.yaml").write_text("metrics: [results/metrics.json]\n")
    metrics = {"ash": {"cityscapes": {"miou19": 21.7}}, "claims": {"noise": "cannot tell", "proof": "holds"}}
    write_json(repository / "results/metrics.json", metrics)
    repository.commit()
    write_json(repository / "results/metrics.json", metrics | {"claims": {"noise": "does not hold", "proof": "holds"}})
    changed = repository.json("dvc", "metrics", "diff")["results/metrics.json"]
    assert set(changed) == {"claims.noise"}
    assert (changed["claims.noise"]["old"], changed["claims.noise"]["new"]) == ("cannot tell", "does not hold")
    assert "does not hold" in repository.run("dvc", "metrics", "diff")
