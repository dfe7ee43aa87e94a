"""The report page: whole, self-contained, and its words follow its numbers."""

import re
from html.parser import HTMLParser

import pytest
from PIL import Image

from ash.config import load
from ash.errors import StoreError
from ash.files.atomic import write_json
from ash.report.answers import write_claims
from ash.report.claims import load_claims
from ash.report.cost import write_cost
from ash.report.page import CAPTIONS, build_report, forest_caption
from ash.report.tables import heading, write_tables
from ash.report.verdicts import World
from tests.report.conftest import COST, GROUPS, ROOT


class Tags(HTMLParser):
    """Collects start tags, ids, links and unclosed elements."""

    VOID = frozenset({"meta", "img", "link", "br", "hr"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags, self.open = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_nothing_is_loaded_from_elsewhere(page):
    """Images are data URIs; style and script stand in the page; there is no frame or CSS import."""
    tags = Tags(page).tags
    sources = [attributes["src"] for _, attributes in tags if "src" in attributes]
    assert sources
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    assert [attributes["href"] for tag, attributes in tags if tag == "link"] == ["data:,"]
    assert not {tag for tag, _ in tags} & {"iframe", "object", "base"}
    assert not re.search(r"@import|url\(", page)


def test_elements_are_closed_in_order(page):
    """Every element that is opened is closed, and none is left."""
    assert Tags(page).open == []


def test_links_lead_somewhere(page):
    """Every anchor of the navigation is an id of the page, and no id is there twice."""
    tags = Tags(page).tags
    ids = [attributes["id"] for _, attributes in tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert all(attributes["href"][1:] in ids for tag, attributes in tags if tag == "a")


def test_every_table_and_figure_is_there(page, world):
    """Tables of the paper and the controls, by title and by class; every figure with its caption."""
    settings, _ = world(1)
    shown = [heading(settings, name) for name, table in settings.params.tables.items() if table.group in GROUPS]
    assert shown[0].startswith("Table 1. GTA5")
    for title in shown:
        assert f"<h3>{title}</h3>" in page
        assert f"<h3>{title}: IoU of each class, per cent</h3>" in page
    assert page.count("<table>") == 2 * len(shown) + 2  # and the tables of claims and costs
    assert page.count("<figure ") == len(CAPTIONS) + 1  # and the forest plot


def test_a_miniature_is_said_to_be_one(page):
    """Before any number."""
    assert page.index("These runs are a miniature, not the paper.") < page.index("<table>")


def test_misprints_and_machine_are_there(page):
    """Notes of the paper's rows, and what the runs were made with."""
    assert "building is printed as 7.30; 77.30 gives exactly the printed mean" in page
    assert "torch 2.13.0" in page
    assert "cpu Z80" in page


def test_claims_come_first(page):
    """Before any other table or figure: the claims, a row each with its verdict as data, and the forest plot below them."""
    assert page.index('<h2 id="claims">') == page.index("<h2")
    assert page.index("<h3>Claims:") == page.index("<h3>")
    assert page.index('<figure id="forest">') == page.index("<figure ")
    rows = re.findall(r'<tr data-verdict="([a-z ]+)">.*?<td class=left>(\w+)</td></tr>', page)
    assert {verdict for verdict, _ in rows} == {"holds", "does not hold", "cannot tell"}
    claims = load_claims(ROOT / "workflow/resources/claims.yaml", load(ROOT / "params.yaml"))
    assert sorted(name for _, name in rows) == sorted(claims)


def test_one_seed_is_told_from_nothing(page):
    """With n = 1 the page says of no row that it is better or worse, and of no claim that seeds decide that it holds."""
    assert not re.search(r"(better|worse) than the reference|significant|told apart", page)
    held = re.findall(r'<tr data-verdict="(?:holds|does not hold)">(.*?)</tr>', page)
    counts = [re.findall(r"<td class=right>(.*?)</td>", row)[2] for row in held]
    assert counts
    assert set(counts) == {"-"}
    assert "no contrast is told from 0 here" in page


@pytest.mark.parametrize(("seeds", "words"), [(1, "over images only"), (3, "of n = 3 seeds (Student's t)")])
def test_the_caption_says_what_lines_are(seeds, words):
    """The forest plot's lines are over seeds only where there are several."""
    assert words in forest_caption(seeds)


@pytest.mark.parametrize(
    "gone", ["table3.table.json", "table3_classes.table.json", "cost.table.json", "claims.table.json"]
)
def test_a_missing_table_is_named(world, paper, tmp_path, gone):
    """One line with the path, and what to run."""
    settings, runs = world(1)
    for name in settings.tables(GROUPS):
        write_tables(settings, name, runs, paper, tmp_path)
    write_json(tmp_path / "cost.json", COST)
    write_cost(settings, tmp_path / "cost.json", tmp_path)
    write_claims({}, World(settings, runs, [], tmp_path / "cost.json"), tmp_path)
    given = (tmp_path, tmp_path, tmp_path / "claims.table.json", tmp_path / "forest.png")
    for name in (*CAPTIONS, "forest"):
        Image.new("RGB", (1, 1)).save(tmp_path / f"{name}.png")
    (tmp_path / gone).unlink()
    with pytest.raises(StoreError, match=f"/{re.escape(gone)}: missing; write the tables first"):
        build_report(settings, GROUPS, runs, *given, tmp_path / "report.html")
