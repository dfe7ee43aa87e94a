"""The Makefile works below any folder, and from any folder, and runs nothing that a folder's name says."""

import re
import shutil
import subprocess

import pytest

from tests.conftest import ROOT

TARGETS = re.findall(r"^([a-z]+):.*##", (ROOT / "Makefile").read_text(), re.M)
NAMES = ("two words", 'it\'s; $(touch hit) "q"', "a'$(touch hit)'b", "`touch hit`", "#é\\n&")


def make(folder, *words):
    """Run make in a folder; gives what it printed."""
    result = subprocess.run(["make", *words], cwd=folder, capture_output=True, text=True, check=True)
    return result.stdout + result.stderr


@pytest.fixture(params=NAMES)
def checkout(request, tmp_path):
    """What make needs, below a folder of that name, as if everything were installed."""
    folder = tmp_path / request.param
    (folder / ".venv/bin").mkdir(parents=True)
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, folder)
    for name in (".run", ".test", ".mutants"):
        (folder / ".venv/bin" / name).touch()
    yield folder
    assert not [*tmp_path.rglob("hit")]


def test_every_target_can_be_planned(checkout):
    """Also with `make -C` and `make -f` from elsewhere; the list of targets comes from the Makefile that was named."""
    assert "reproduce" in make(checkout, "help")
    plan = make(checkout, "-n", *TARGETS)
    assert "snakemake --cores all\n" in plan
    subprocess.run(["bash", "-c", next(line for line in plan.splitlines() if "Report:" in line)], check=True)
    for words in (("-C", str(checkout)), ("-f", str(checkout / "Makefile"))):
        assert "the whole paper" in make(checkout.parent, *words, "help")


def test_clean_empties_its_own_folder(checkout):
    """`make -f` from another folder removes nothing there; raw data of real streets and the project's settings stay."""
    for folder in (checkout, checkout.parent):
        for part in ("logs", "results", "data/prepared"):
            (folder / part).mkdir(parents=True)
    kept = [checkout / "protocols/mine.yaml", checkout / "street/data/raw/carla/1.png"]
    gone = [
        checkout / "street" / part for part in ("results/report.html", "protocols/street.yaml", "data/refit/x.json")
    ]
    for path in (*kept, *gone):
        path.parent.mkdir(parents=True)
        path.touch()
    make(checkout.parent, "-f", str(checkout / "Makefile"), "clean")
    assert [path.exists() for path in (*kept, *gone)] == [True, True, False, False, False]
    assert (checkout.parent / "logs").exists()
    assert (checkout.parent / "data/prepared").exists()
    assert not (checkout / "logs").exists()
    assert not (checkout / "data/prepared").exists()
