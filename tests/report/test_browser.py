"""The report's page in a browser: what its script does, and what can be read of it where."""

import re
import shutil
from itertools import cycle, pairwise

import pytest
from playwright import sync_api

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
WIDTHS = {"phone": 390, "desk": 1280}
LEAST = 4.5  # contrast of text that WCAG 2.2 wants (1.4.3)
VERDICTS = ("holds", "does not hold", "cannot tell")

# Every text that is shown, with the contrast of its colour with what lies behind it.
CONTRASTS = """() => {
  const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (colour) => parts(colour).slice(0, 3).map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, k) => sum + v * [0.2126, 0.7152, 0.0722][k], 0.05);
  const behind = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const colour = getComputedStyle(one).backgroundColor;
      if ((parts(colour)[3] ?? 1) > 0) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = new Map();
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.getClientRects().length) continue;
    const colours = [getComputedStyle(element).color, behind(element)];
    const [high, low] = colours.map(light).sort((a, b) => b - a);
    found.set(colours.join(" on "), high / low);
  }
  return [...found];
}"""

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on the PATH"),
    pytest.mark.xdist_group("browser"),
]


@pytest.fixture(scope="module")
def chromium():
    """The machine's own browser, without a window."""
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, headless=True)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def file(page, tmp_path_factory):
    """The page; rows of its first table have a verdict each, so that there is one to filter in any report."""
    head, body = page.split("<tbody>", 1)
    rows = cycle(VERDICTS)
    body, rest = body.split("</tbody>", 1)
    body = re.sub("<tr[^>]*>", lambda _: f'<tr data-verdict="{next(rows)}">', body)
    path = tmp_path_factory.mktemp("browser") / "report.html"
    path.write_text(f"{head}<tbody>{body}</tbody>{rest}", encoding="utf-8")
    return path


@pytest.fixture
def show(chromium, file):
    """A function that opens the page at a width and in a scheme of colours, and fails if the browser complains of it."""
    complaints, fetched, contexts = [], [], []

    def give(width="desk", scheme="light"):
        context = chromium.new_context(viewport={"width": WIDTHS[width], "height": 844}, color_scheme=scheme)
        contexts.append(context)
        tab = context.new_page()
        tab.on("console", lambda message: complaints.append(message.text))
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.on("request", lambda request: fetched.append(request.url))
        tab.goto(file.as_uri())
        return tab

    yield give
    for context in contexts:
        context.close()
    assert not complaints
    assert not [url for url in fetched if not url.startswith(("data:", file.as_uri()))]


def column(table, number):
    """The texts of a column, from top to bottom, of the rows that are shown."""
    return table.locator(f"tbody tr:visible td:nth-child({number + 1})").all_inner_texts()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read(show, scheme):
    """The contrast of every text with its ground is that of WCAG's level AA, and the two schemes are two."""
    tab = show(scheme=scheme)
    contrasts = dict(tab.evaluate(CONTRASTS))
    assert len(contrasts) > 3
    assert not {pair: value for pair, value in contrasts.items() if value < LEAST}
    ground = re.findall(r"\d+", tab.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert (sum(map(int, ground)) > 384) == (scheme == "light")


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_wider_than_the_window(show, width):
    """A table that is wider than a phone scrolls in a box of its own, beside its first column; so do settings."""
    tab = show(width)
    tab.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert tab.evaluate("document.documentElement.scrollWidth") <= WIDTHS[width]
    assert tab.evaluate("document.body.scrollWidth") <= WIDTHS[width]
    boxes = tab.evaluate(
        "[...document.querySelectorAll('.scroll')].map((box) => [box.scrollWidth - box.clientWidth,"
        " box.querySelector('th').offsetWidth / box.clientWidth])"
    )
    assert any(hidden > 0 for hidden, _ in boxes)
    assert all(share <= 0.6 for hidden, share in boxes if hidden > 0)


def test_every_picture_is_loaded(show):
    """Each has pixels, is no wider than the page, and says in words what it shows."""
    pictures = show("phone").evaluate("[...document.images].map((p) => [p.complete && p.naturalWidth, p.width, p.alt])")
    assert len(pictures) > 3
    for pixels, width, words in pictures:
        assert pixels
        assert width <= WIDTHS["phone"]
        assert words


def test_tables_are_sorted_by_a_click(show):
    """Upwards, downwards, and back to the page's order; the header says which, and one header alone does."""
    table = show().locator("#table1 table").first
    before = column(table, 0)
    header, other = table.locator("th").nth(1), table.locator("th").nth(2)
    for order, up in (("ascending", True), ("descending", False)):
        header.get_by_role("button").click()
        assert header.get_attribute("aria-sort") == order
        values = [float(text.split()[0]) for text in column(table, 1) if text != "-"]
        assert len(values) > 3 and all(a <= b if up else a >= b for a, b in pairwise(values))
    header.get_by_role("button").click()
    assert (header.get_attribute("aria-sort"), column(table, 0)) == ("none", before)
    header.get_by_role("button").click()
    other.get_by_role("button").click()
    assert (header.get_attribute("aria-sort"), other.get_attribute("aria-sort")) == ("none", "ascending")


def test_rows_without_a_figure_are_sorted_last(show):
    """A dash stands below all figures, upwards and downwards; so in the paper's column of a table that it has in part."""
    table = show().locator("#table1 table").first
    gaps = [k for k in range(table.locator("th").count()) if "-" in (texts := column(table, k)) and len(set(texts)) > 2]
    assert gaps
    for _ in ("ascending", "descending"):
        table.locator("th").nth(gaps[0]).get_by_role("button").click()
        texts = column(table, gaps[0])
        assert texts[-texts.count("-") :] == ["-"] * texts.count("-")


def test_tables_are_sorted_by_the_keyboard(show):
    """The tabulator key reaches each header in turn, the enter key and the space bar press it."""
    tab = show()
    table = tab.locator("#table1 table").first
    table.get_by_role("button").first.focus()
    tab.keyboard.press("Enter")
    assert column(table, 0) == sorted(column(table, 0), key=str.lower)
    tab.keyboard.press("Tab")
    tab.keyboard.press("Space")
    assert table.locator("th").nth(1).get_attribute("aria-sort") == "ascending"
    assert tab.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_rows_are_filtered_by_verdict(show):
    """Of each verdict as many rows as the choice says, in the chosen order; by the keyboard too, and all again."""
    tab = show()
    table = tab.locator("table:has(tr[data-verdict])").first
    every = table.locator("tbody tr").count()
    tab.get_by_role("radio", name=re.compile("^cannot tell")).first.check()
    assert {row.get_attribute("data-verdict") for row in table.locator("tbody tr:visible").all()} == {"cannot tell"}
    shown = table.locator("tbody tr:visible").count()
    assert 0 < shown < every
    assert tab.get_by_role("radio", name=f"cannot tell ({shown})", exact=True).count()
    table.locator("th").first.get_by_role("button").click()
    assert table.locator("tbody tr:visible").count() == shown
    tab.get_by_role("radio", name=re.compile("^cannot tell")).first.press("ArrowRight")
    assert tab.get_by_role("radio", name=f"all ({every})", exact=True).is_checked()
    assert table.locator("tbody tr:visible").count() == every
