"""The forest plot says what its numbers are, and no more."""

import pandas as pd
import pytest
from PIL import Image

from ash.errors import StoreError
from ash.report.answers import CONTRAST_FIELDS
from ash.report.drawing import SERIES
from ash.report.forest import edge_of, forest, write_forest


def row(contrast, target, measured, printed=None, by="paper", n=3):
    """A contrast on a target, with an interval of one point to each side."""
    over = "seeds" if n > 1 else "images"
    return dict(
        zip(
            CONTRAST_FIELDS,
            (contrast, by, 19, target, measured, measured - 1, measured + 1, over, n, printed),
            strict=True,
        )
    )


ROWS = [
    row("a - b", "cityscapes", 2.0, printed=1.0),
    row("a - b", "mapillary", -1.0),
    row("c - d", "cityscapes", 0.5, by="project"),
    row("c - d", "mapillary", 0.2, by="project"),
]


def marks(figure, hollow):
    """Where marks are: (x, row), of the paper's values or of ours."""
    lines = [line for line in figure.axes[0].lines if line.get_marker() not in ("None", "", None)]
    return [
        (line.get_xdata()[0], round(line.get_ydata()[0]))
        for line in lines
        if (line.get_markerfacecolor() == "white") == hollow
    ]


def test_a_row_a_contrast():
    """In their order, both targets on it; the paper's value hollow; a line at 0; who claims stands above."""
    figure = forest(pd.DataFrame(ROWS))
    axis = figure.axes[0]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["a - b", "c - d"]
    assert marks(figure, hollow=False) == [(2.0, 0), (-1.0, 0), (0.5, 1), (0.2, 1)]
    assert marks(figure, hollow=True) == [(1.0, 0)]
    assert any(list(line.get_xdata()) == [0, 0] for line in axis.lines)
    texts = [text.get_text() for text in axis.texts]
    assert texts == ["contrasts of the paper's claims", "contrasts of this project's own claims"]


def intervals(figure):
    """Colour and style of each line from the lower to the upper bound."""
    lines = [
        line for line in figure.axes[0].lines if len(set(line.get_xdata())) == 2 and len(set(line.get_ydata())) == 1
    ]
    return {(line.get_color(), line.get_linestyle()) for line in lines if line.get_linewidth() > 1}


def test_several_seeds_have_solid_lines_in_the_targets_colours():
    """And n is said."""
    figure = forest(pd.DataFrame(ROWS))
    assert intervals(figure) == {(SERIES[0], "-"), (SERIES[1], "-")}
    assert figure.axes[0].get_title().startswith("n = 3 seeds")


def test_one_seed_has_grey_dotted_lines():
    """Whatever the interval: over images only, in words and in looks."""
    figure = forest(pd.DataFrame([row("a - b", "cityscapes", 20.0, n=1)]))
    assert intervals(figure) == {("0.6", ":")}
    assert "over images only and say nothing about seeds" in figure.axes[0].get_title()


def test_a_far_value_stands_at_the_edge():
    """The axis reaches as far as most figures do; one beyond is at its edge, with its number."""
    frame = pd.DataFrame([*ROWS * 5, row("e - f", "cityscapes", 0.0, printed=36.9)])
    edge = edge_of(frame)
    assert 2 < edge < 10
    figure = forest(frame)
    assert figure.axes[0].get_xlim() == (-edge, edge)
    assert "+36.9" in [text.get_text() for text in figure.axes[0].texts]
    assert all(abs(x) <= edge for x, _ in marks(figure, hollow=True))


def test_it_is_a_readable_picture(tmp_path):
    """Of a page's width, and of equal bytes each time; also where nothing was measured."""
    frame = pd.DataFrame([row(f"a{k} - b", "cityscapes", k / 10) for k in range(40)])
    for name, some in (("full", frame), ("empty", frame.head(0))):
        some.to_csv(tmp_path / "contrasts.csv", index=False)
        write_forest(tmp_path / "contrasts.csv", tmp_path / f"{name}.png")
        with Image.open(tmp_path / f"{name}.png") as image:
            assert 800 <= image.width <= 2000
    once = (tmp_path / "empty.png").read_bytes()
    write_forest(tmp_path / "contrasts.csv", tmp_path / "empty.png")
    assert (tmp_path / "empty.png").read_bytes() == once


def test_another_file_is_refused(tmp_path):
    """One line with the path and what to do."""
    (tmp_path / "contrasts.csv").write_text("contrast,target\na - b,cityscapes\n")
    with pytest.raises(StoreError, match=r"contrasts.csv: column by: missing; remove it and answer the claims again"):
        write_forest(tmp_path / "contrasts.csv", tmp_path / "forest.png")
