"""Tests of tables: what is laid out, and what a browser does with it."""

import pytest

from kdprobe.report.blocks import analysis_block
from kdprobe.report.build import render
from kdprobe.report.table_view import capital, table_view
from kdprobe.results.schema import AnalysisResult, Column, Table
from tests.report import documents
from tests.report.browsing import Reader

COLUMNS = (
    Column(name="part", label="part"),
    Column(name="gap", label="gap", kind="number"),
    Column(name="low", label="interval from", kind="number"),
    Column(name="high", label="to", kind="number"),
    Column(name="p_value", label="p", kind="number"),
    Column(name="q_value", label="q", kind="number"),
    Column(name="remark", label="remark"),
    Column(name="n", label="n", kind="count"),
)
ROWS = (
    ("a", -0.25, -0.5, 0.125, 0.5, 0.75, None, 10),
    ("b", 0.5, None, None, None, None, "", 1200),
)


def test_intervals_and_q_stand_under_their_numbers_and_empty_columns_vanish():
    """Two columns for the ends of an interval push the examples off the screen."""
    view = table_view(COLUMNS, ROWS)
    assert [(head.label, head.small) for head in view.heads] == [
        ("Part", ""),
        ("Gap", "interval"),
        ("p", "q"),
        ("n", ""),
    ]
    assert [(cell.shown, cell.small) for cell in view.rows[0]] == [
        ("a", ()),
        ("−0.250", ("[−0.500, 0.125]",)),
        (".500", ("q = .750",)),
        ("10", ()),
    ]
    assert [(cell.shown, cell.small) for cell in view.rows[1]] == [
        ("b", ()),
        ("0.500", ()),
        ("–", ()),
        ("1,200", ()),
    ]


def test_the_ends_of_a_share_are_percents_as_the_share_is():
    """65.1 % [0.621, 0.680] mixes two units in one cell."""
    columns = [Column(name=name, label=name, kind="share") for name in ("share", "low", "high")]
    (row,) = table_view(columns, [(0.651, 0.621, 0.68)]).rows
    assert (row[0].shown, row[0].small) == ("65.1 %", ("[62.1, 68.0] %",))


def test_columns_that_only_look_like_an_interval_stay():
    """A column called low without a high, or after a text, is a column of its own."""
    text = [Column(name="a", label="a"), Column(name="low", label="low", kind="number"),
            Column(name="high", label="high", kind="number")]  # fmt: skip
    assert [head.label for head in table_view(text, [("x", 0.1, 0.2)]).heads] == [
        "a",
        "Low",
        "High",
    ]
    alone = [Column(name="x", label="gap", kind="number"), Column(name="low", label="low")]
    assert [head.label for head in table_view(alone, [(0.1, "y")]).heads] == ["Gap", "Low"]


def test_heads_begin_upper_case_and_names_stay():
    """A model called bert-base is not called Bert-base."""
    assert [
        capital(label) for label in ("best layer", "p", "q after Holm", "bert-base", "s2 x")
    ] == [
        "Best layer",
        "p",
        "q after Holm",
        "bert-base",
        "s2 x",
    ]


def test_a_table_of_no_column_with_a_value_has_no_row():
    """An empty grid under a heading looks like a fault."""
    view = table_view(COLUMNS[-2:-1], [(None,)])
    assert view.heads == ()


def sheet(rows: int = 12) -> str:
    columns = (
        Column(name="name", label="name"),
        Column(name="value", label="value", kind="number"),
        Column(name="low", label="low", kind="number"),
        Column(name="high", label="high", kind="number"),
    )
    values = [0.5, -0.25, None, 12.0, 0.125, 1234.5, -3.0, 0.75, 0.0, 99.0, 7.5, -0.5]
    cells = tuple(
        (f"row {i}", v, None if v is None else v - 1, None if v is None else v + 1)
        for i, v in enumerate(values[:rows])
    )
    table = Table(name="t", title="Sorted & copied: 50 %_of | it", columns=columns, rows=cells)
    document = documents.build(n=20)
    result = document.analyses[0].model_copy(
        update={"name": "later", "estimates": (), "tables": (table,), "curves": (), "matrices": ()}
    )
    return render(document.model_copy(update={"analyses": (result,), "examples": ()}))


VALUES = """() => [...document.querySelectorAll('#later tbody tr')]
  .filter((row) => row.checkVisibility()).map((row) => row.cells[0].textContent)"""


def test_a_table_sorts_by_click_and_by_key_and_keeps_its_length(reader: Reader):
    """Text sorting puts −3 beside 3 and 1,234 before 2; a dash is no smallest number."""
    page = reader.open("tables", text=sheet()).page
    assert page.evaluate(VALUES) == [f"row {i}" for i in range(8)]
    page.click("#later th:nth-child(2) button")
    assert page.get_attribute("#later th:nth-child(2)", "aria-sort") == "descending"
    assert page.evaluate(VALUES) == [
        "row 5", "row 9", "row 3", "row 10", "row 7", "row 0", "row 4", "row 8"
    ]  # fmt: skip
    page.focus("#later th:nth-child(2) button")
    page.keyboard.press("Enter")
    assert page.get_attribute("#later th:nth-child(2)", "aria-sort") == "ascending"
    assert page.evaluate(VALUES)[:4] == ["row 6", "row 11", "row 1", "row 8"]
    page.click("#later .rest summary")
    assert page.evaluate(VALUES)[-1] == "row 2"
    page.focus("#later th:nth-child(1) button")
    page.keyboard.press("Space")
    assert page.evaluate(VALUES)[-3:] == ["row 9", "row 10", "row 11"]
    assert page.locator("#later th[aria-sort]").count() == 1


@pytest.mark.parametrize("way", ["Markdown", "LaTeX"])
def test_a_table_is_copied_whole(reader: Reader, way: str):
    """A copy of the open rows only, or one that a percent sign ends, is a wrong table."""
    page = reader.open("tables", text=sheet()).page
    page.evaluate(
        "navigator.clipboard.writeText = (text) => {"
        " window.copied = text; return Promise.resolve(); }"
    )
    page.click(f"#later .copies button:has-text('{way}')")
    text = page.evaluate("window.copied")
    lines = text.splitlines()
    if way == "Markdown":
        assert lines[0] == "Sorted & copied: 50 %_of | it"
        assert lines[2] == "| Name | Value interval |"
        assert lines[3] == "| --- | ---: |"
        assert lines[4] == "| row 0 | 0.500 \\[−0.500, 1.500\\] |"
        assert len(lines) == 16
    else:
        assert lines[2] == r"\caption{Sorted \& copied: 50 \%\_of $|$ it}"
        assert lines[3] == r"\begin{tabular}{lr}"
        assert r"  row 0 & 0.500 [$-$0.500, 1.500] \\" in lines
        assert r"  row 2 & -- \\" in lines
        assert sum(line.endswith(r"\\") for line in lines) == 13
    page.wait_for_selector("#later .copies button:has-text('copied')")


def test_a_table_is_copied_without_a_clipboard_too(reader: Reader):
    """A page opened from a file has no clipboard in some browsers."""
    page = reader.open("tables", text=sheet()).page
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.evaluate("document.execCommand = (what) => { window.copied = what; return true; }")
    page.click("#later .copies button:has-text('Markdown')")
    assert page.evaluate("window.copied") == "copy"
    assert page.locator("textarea").count() == 0


def test_no_table_of_three_models_is_wider_than_the_page(reader: Reader):
    """A cut column is a number nobody reads."""
    page = reader.open("usual", unfold=False).page
    page.click("#unfold")
    assert page.locator(".tablebox .scroll").last.is_visible()
    wide = page.evaluate(
        "() => [...document.querySelectorAll('.tablebox .scroll')]"
        ".filter((box) => box.scrollWidth > box.clientWidth + 1).map((box) => box.ariaLabel)"
    )
    assert wide == []


def test_only_what_scrolls_is_a_stop_of_the_keyboard(reader: Reader):
    """A hundred stops that do nothing stand between a reader and the first field."""
    page = reader.open("usual").page
    boxes = (
        "[...document.querySelectorAll('main .scroll')].filter((box) => box.checkVisibility())"
        ".map((box) => [box.tabIndex === 0, box.scrollWidth > box.clientWidth + 1"
        " || box.scrollHeight > box.clientHeight + 1])"
    )
    # Boxes are looked at after the page is laid out, which a busy machine does late.
    page.wait_for_function(f"() => {boxes}.every(([stop, scrolls]) => stop === scrolls)")
    assert page.evaluate(f"() => {boxes}")


def test_every_body_row_has_a_head_and_no_head_is_lower_case():
    """Without row heads a screen reader reads numbers without their names."""
    columns = (Column(name="a", label="example", kind="example"), Column(name="b", label="why"))
    table = Table(name="t", title="T", columns=columns, rows=(("1", "x"),))
    held = AnalysisResult(name="a", version=1, title="A", tables=(table,))
    document = documents.build(n=3).model_copy(update={"analyses": (held,)})
    text = analysis_block(document, "a") or ""
    assert '<th scope="row"><a href="#ex-1">1</a>' in text
    assert '<th scope="col">Example</th><th scope="col">Why</th>' in text
