"""docs/methods is what the code says."""

import sys
from functools import cache

import pytest

from ash import methods
from ash.config import load
from ash.documentation.pages import INDEX, MARK, check_pages, method_pages, plain, prose, write_pages
from ash.documentation.words import bounds, kind
from ash.errors import ConfigError
from ash.methods import clan
from tests.conftest import ROOT, ash, settle

PARAMS = ROOT / "params.yaml"
DROPPED = '''"""Toy: a method that was dropped into the folder.

    L = L_seg(G(x), y)      -> losses.segmentation
"""

from pydantic import Field

from ash.config import Section


class Settings(Section):
    weight: float = Field(ge=0, le=3, description="how much")
'''


@cache
def current() -> dict[str, str]:
    """The pages as the code has them, untouched by any test."""
    return method_pages(PARAMS)


@pytest.fixture
def folder(tmp_path):
    """The current pages, written."""
    write_pages(current(), tmp_path)
    return tmp_path


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """A further file in ash/methods."""
    place = tmp_path / "dropped"
    place.mkdir()
    monkeypatch.setattr(methods, "__path__", [*methods.__path__, str(place)])
    yield place / "toy.py"
    sys.modules.pop("ash.methods.toy", None)
    vars(methods).pop("toy", None)


def test_committed_pages_are_current():
    """docs/methods equals what the code generates."""
    check_pages(current(), ROOT / "docs/methods")


def test_every_method_has_a_page_and_a_place_in_the_index():
    """One page a file, all linked from the index."""
    pages = current()
    assert set(pages) == {INDEX, *(f"{name}.md" for name in methods.names())}
    assert all(f"]({name}.md)" in pages[INDEX] for name in methods.names())


@pytest.mark.parametrize("name", methods.names())
def test_every_setting_stands_on_its_page(name):
    """One row a setting, and one for each experiment of the method."""
    page = current()[f"{name}.md"]
    users = [e for e, entry in load(PARAMS).params.experiments.items() if entry.method == name]
    wanted = [*methods.load(name).Settings.model_fields, *users]
    assert [row for row in wanted if f"\n| `{row}` | " not in page] == []


def test_values_and_bounds_of_a_setting():
    """alpha of CLAN: 0.8 in the miniature, 0.5 in the paper's protocol, within 0 and 1."""
    row = next(line for line in current()["clan.md"].splitlines() if line.startswith("| `alpha`"))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells == [
        "`alpha`", "number", ">= 0, <= 1", "share of the style in the decoded features", "", "`0.8`", "`0.5`",
    ]  # fmt: skip


def test_needs_are_those_of_the_built_method():
    """CLAN reads a painting for each image, or target images; ASM has the attention head and the VAE."""
    pages = current()
    assert "| a painting for each source image | `clan`, `clan_noise`, `synthia_clan`" in pages["clan.md"]
    assert "| unlabelled target images | `clan_target` |" in pages["clan.md"]
    assert "`attention`" in pages["asm.md"]
    assert "the VAE of style statistics" in pages["asm.md"]


def test_an_edited_description_is_noticed(folder, monkeypatch):
    """One line that names the page and the command."""
    monkeypatch.setattr(clan.Settings.model_fields["alpha"], "description", "something else")
    with pytest.raises(ConfigError, match=r"^[^\n]*: out of date: clan\.md; run `ash method-pages --out [^\n]*`$"):
        check_pages(method_pages(PARAMS), folder)


def test_an_edited_setting_is_noticed(tmp_path):
    """A value of params.yaml stands on the pages, so `--check` ends with code 2 and one line."""
    for part in ("protocols", "docs"):
        (tmp_path / part).symlink_to(ROOT / part)
    text = PARAMS.read_text().replace("smoothing: 0.1 ", "smoothing: 0.2 ")
    (tmp_path / "params.yaml").write_text(text)
    result = ash(tmp_path, "method-pages", "--out", "docs/methods", "--check", check=False)
    assert result.returncode == 2
    assert result.stderr == "ash: docs/methods: out of date: ash.md; run `ash method-pages --out docs/methods`\n"


def test_a_dropped_method_gets_its_page(folder, toy):
    """A new file in ash/methods: noticed, and written by the same command, though no experiment uses it."""
    toy.write_text(DROPPED)
    with pytest.raises(ConfigError, match=r"out of date: README\.md, toy\.md;"):
        check_pages(method_pages(PARAMS), folder)
    write_pages(method_pages(PARAMS), folder)
    page = (folder / "toy.md").read_text()
    assert "| `weight` | number | >= 0, <= 3 | how much |" in page
    assert "ash/segmentation/losses.py" in page
    assert "No experiment of params.yaml uses it." in page


def test_a_page_without_its_method_is_removed(folder):
    """Ours go, a page written by hand stays."""
    (folder / "gone.md").write_text(f"{MARK}\n")
    (folder / "notes.md").write_text("by hand\n")
    with pytest.raises(ConfigError, match=r"out of date: gone\.md;"):
        check_pages(method_pages(PARAMS), folder)
    write_pages(method_pages(PARAMS), folder)
    assert not (folder / "gone.md").exists()
    assert (folder / "notes.md").exists()


def test_a_function_that_is_not_there_is_named(toy):
    """A docstring may not point at what its file does not have."""
    toy.write_text(DROPPED.replace("losses.segmentation", "losses.segmentatoin"))
    with pytest.raises(ConfigError, match=r"ash/methods/toy\.py: its docstring names losses\.segmentatoin"):
        method_pages(PARAMS)


def test_other_settings_files_have_pages_too(tmp_path):
    """The columns are the protocols beside params.yaml."""
    page = method_pages(settle(tmp_path) / "params.yaml")["ash.md"]
    assert "| setting | type | bounds | meaning | params.yaml | tiny |" in page


@pytest.mark.parametrize(
    ("stated", "text"),
    [
        (1e-8, "1.0e-08"),
        (None, "null"),
        (True, "true"),
        ({"gta5": 40.0, "a": [1]}, "{gta5: 40.0, a: [1]}"),
        ("rgb", "rgb"),
    ],
)
def test_values_are_written_as_params_has_them(stated, text):
    """YAML on one line."""
    assert plain(stated) == text


def test_kinds_and_bounds_in_words():
    """Choices, a number or null, sizes."""
    fields = methods.load("ash").Settings.model_fields
    assert kind(fields["modulation"].annotation) == "`global`, `local`"
    assert kind(fields["bound"].annotation) == "number or null"
    assert kind(fields["stylised_map"].annotation) == "2 x number or null"
    assert kind(tuple[int, ...]) == "list of integer"
    assert bounds(fields["smoothing"]) == ">= 0, < 1"


def test_equations_stay_as_they_are():
    """Indented lines are code in Markdown; in sentences a tag is no tag."""
    assert prose("a <b> `<c>`\n\n    1 - <p, q>") == "a \\<b> `<c>`\n\n    1 - <p, q>"
