"""One Table value: as a file, as Markdown and as HTML it holds the same cells."""

from html.parser import HTMLParser

import pytest

from ash.errors import StoreError
from ash.files.atomic import write_json
from ash.report.cost import build_cost, cost_table
from ash.report.html import html
from ash.report.markdown import grid, markdown
from ash.report.table import Column, Table, columns, read, write
from ash.report.tables import class_frame, class_table, miou_frame, miou_table

SMALL = Table(
    "Rows & columns",
    (Column("name", "left"), Column("size"), Column("kind", "left")),
    (("a|b", "1.0", "<b>"), ("c", "-", "x")),
    ("`a` is < b", "plain"),
)


class Cells(HTMLParser):
    """Collects the title, the rows, their sides and the notes of one table."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.title, self.rows, self.sides, self.notes, self.codes, self.open = "", [], [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
            self.sides.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
            self.sides[-1].append(dict(attrs)["class"])
        elif tag == "li":
            self.notes.append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "h3" in self.open:
            self.title += data
        elif self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data
        elif "li" in self.open:
            self.notes[-1] += data
            self.codes += [data] if self.open[-1] == "code" else []


def cells_of(text: str) -> tuple[str, list[list[str]], list[str]]:
    """Title, rows and notes of a Markdown table in which no cell has a vertical bar."""
    lines = text.splitlines()
    head, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]
    notes = [line.removeprefix("* ").replace("`", "") for line in lines if line.startswith("* ")]
    return lines[0].removeprefix("### "), [head, *rows], notes


def tables_of(settings, runs, paper, folder):
    """Every table of the project, by name."""
    for name in settings.params.tables:
        yield miou_table(settings, name, miou_frame(settings, name, runs, paper), paper, runs)
        yield class_table(settings, name, class_frame(settings, name, runs, paper), paper)
    row = {
        "experiment": "clan_noise",
        "forward": 2.0,
        "backward": 2.5,
        "least_ms": 80.0,
        "clock": "wall",
        "precision": "fp32",
    }
    write_json(folder / "cost.json", [row])
    yield cost_table(build_cost(settings, folder / "cost.json"))


def test_markdown_and_html_show_the_same_cells(world, paper, tmp_path):
    """Title, header, every cell and every note of every table, one by one."""
    settings, runs = world(3)
    for table in tables_of(settings, runs, paper, tmp_path):
        page = Cells(str(html(table)))
        assert (page.title, page.rows, page.notes) == cells_of(markdown(table))
        assert page.rows[1:] == [list(row) for row in table.rows]
        assert page.open == []


def test_a_table_comes_back_from_its_file(world, paper, tmp_path):
    """Written and read, it is equal."""
    settings, runs = world(1)
    for table in (SMALL, *tables_of(settings, runs, paper, tmp_path)):
        write(table, tmp_path / "x.table.json")
        assert read(tmp_path / "x.table.json") == table


def test_html_is_escaped_and_set_to_sides():
    """Markup in a title, a cell or a note is text; what stands between backticks is code."""
    text = str(html(SMALL))
    page = Cells(text)
    assert "<b>" not in text
    assert page.title == SMALL.title
    assert page.rows[1] == list(SMALL.rows[0])
    assert page.sides == [["left", "right", "left"]] * 3
    assert (page.notes, page.codes) == (["a is < b", "plain"], ["a"])


def test_markdown_by_hand():
    """A bar in a cell is escaped, columns are set to their sides, notes stand below."""
    assert markdown(SMALL) == (
        "### Rows & columns\n\n"
        "| name | size | kind |\n"
        "| --- | ---: | --- |\n"
        "| a\\|b | 1.0 | <b> |\n"
        "| c | - | x |\n"
        "\n* `a` is < b\n* plain\n"
    )


def test_rows_carry_a_cell_as_data():
    """A column with `data` gives each row an attribute of that name, escaped; the header row has none."""
    table = Table("t", (Column("a"), Column("verdict", "left", "verdict")), (("1", 'holds "so"'),))
    text = str(html(table))
    assert '<tr data-verdict="holds &#34;so&#34;"><td class=right>1</td>' in text
    assert "<thead><tr><th" in text


def test_a_grid_takes_its_cells_as_markdown():
    """A bar that is escaped already stays as it is."""
    assert grid(columns(["a", "b"]), [[r"x \| y", "1"]]) == "| a | b |\n| --- | ---: |\n| x \\| y | 1 |"


def test_a_row_has_a_cell_for_each_column():
    """A ragged row is refused when the table is made."""
    with pytest.raises(ValueError, match="has 1 cells, wanted 2"):
        Table("t", columns(["a", "b"]), (("x",),))


@pytest.mark.parametrize("content", ["[]", "not JSON", '{"title": "t", "columns": [], "rows": [["x"]], "notes": []}'])
def test_another_file_is_refused(tmp_path, content):
    """One line with the path and what to do."""
    path = tmp_path / "table1.table.json"
    path.write_text(content)
    with pytest.raises(StoreError, match=r"table1\.table\.json: .*; remove it and write the tables again"):
        read(path)
