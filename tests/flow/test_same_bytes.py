"""`ash same-bytes`: code that was only moved gives the same bytes, code that computes something else does not."""

import re

import pytest

from tests.support.repository import create

pytestmark = pytest.mark.dvc


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """Code and settings of two experiments, committed, nothing built."""
    folder = tmp_path_factory.mktemp("same")
    return create(folder / "checkout", folder / "home")


def test_a_moved_function_changes_nothing_and_another_number_does(repository):
    """A helper in a module of its own and another slope of H: ASH differs; source only, and the data, do not.

    Both edits are in the working tree, uncommitted; nothing else is left in it, and no run is recorded.
    """
    module = repository / "ash/style/hallucination.py"
    text = module.read_text()
    start, end = text.index("def smooth("), text.index("@torch.no_grad()\ndef class_contributions")
    helper = f'"""Label smoothing."""\n\nfrom torch import Tensor\n\n\n{text[start:end]}'
    (repository / "ash/style/smoothing.py").write_text(helper)
    text = text.replace(text[start:end], "").replace("SLOPE = 0.1", "SLOPE = 0.2")
    module.write_text(text.replace("from ash.errors", "from ash.style.smoothing import smooth\nfrom ash.errors", 1))
    output = repository.run("ash", "same-bytes", "HEAD", "--steps", "3", code=2)
    assert "working tree: building in" in output
    different = {line.strip() for line in output.splitlines() if line.startswith("  ")}
    assert "ash/seed0/model.safetensors: differs" in different
    assert {line.split("/")[0] for line in different} == {"ash"}
    found = int(re.search(r"(\d+) files of data and runs compared", output)[1])
    assert found > 2 * len(different)
    changed = set(repository.run("git", "status", "--porcelain", "--untracked-files=all").split("\n"))
    assert changed == {" M ash/style/hallucination.py", "?? ash/style/smoothing.py", ""}


def test_a_name_that_is_no_revision(repository):
    """One line that names it, exit code 2."""
    output = repository.run("ash", "same-bytes", "nowhere", code=2)
    assert "ash: nowhere: " in output
    assert "name a revision of this repository" in output
    assert "Traceback" not in output
