"""Tests of folded rows: text until their fold opens, then the same table as ever."""

from __future__ import annotations

import pytest

from kdprobe.report.build import render
from kdprobe.report.examples import links
from kdprobe.report.packed import packed
from kdprobe.report.table_view import table_view
from kdprobe.results.schema import AnalysisResult, Column, Table
from tests.report import documents
from tests.report.browsing import Reader

HOSTILE = "<img src=x onerror=alert(1)>\t  two  blanks\n</pre>"
COLUMNS = (
    Column(name="example", label="example", kind="example"),
    Column(name="text", label="text"),
    Column(name="x", label="value", kind="number"),
    Column(name="low", label="low", kind="number"),
    Column(name="high", label="high", kind="number"),
)
ROWS = tuple(
    (str(i), HOSTILE if i == 9 else f"a text that is longer than a word {i}", *ends)
    for i in range(12)
    for ends in [(i / 10, i / 10 - 1, i / 10 + 1) if i != 11 else (None, None, None)]
)


def page() -> str:
    """Two tables: the first stands open to eight rows, the second is folded whole."""
    tables = tuple(Table(name=n, title=n, columns=COLUMNS, rows=ROWS) for n in ("alpha", "omega"))
    held = AnalysisResult(name="later", version=1, title="Later", tables=tables)
    return render(documents.build(n=20).model_copy(update={"analyses": (held,)}))


GRID = """(box) => [...box.querySelectorAll('tr')].map((row) => [...row.cells].map((cell) => [
  cell.tagName, cell.className,
  ...[...cell.childNodes].map((part) => part.textContent)]))"""


def test_both_ways_of_writing_a_table_give_the_same_cells(reader: Reader):
    """A folded table that lost a column, a sign or its alignment would be another table."""
    visit = reader.open("packed", text=page())
    opened = visit.page
    one, two = (
        opened.locator(f"#later .tablebox:has-text('{name}')") for name in ("alpha", "omega")
    )
    assert two.locator("table").count() == 0
    opened.click("#later summary:has-text('All numbers')")
    two.locator("table").wait_for()
    opened.evaluate("document.querySelectorAll('#later .rest').forEach((d) => { d.open = true; })")
    opened.wait_for_function("!document.querySelector('#later pre.packed')")
    standing, folded = one.evaluate(GRID), two.evaluate(GRID)
    assert len(standing) == 13
    assert standing == folded
    assert standing[1][0][:3] == ["TH", "", "0"]
    assert standing[1][2] == ["TD", "num", "0.000", "[−1.000, 1.000]"]
    assert standing[12][2] == ["TD", "none", "–"]
    assert visit.faults == []


def test_a_folded_row_is_text_and_never_markup(reader: Reader):
    """Foreign text with a tab, a newline or a tag would move cells or run."""
    visit = reader.open("packed", text=page())
    visit.page.click("#later .tablebox .rest summary >> nth=0")
    row = visit.page.locator("#later tbody tr").nth(9)
    row.wait_for()
    assert row.locator("td").first.text_content() == (
        "<img src=x onerror=alert(1)> two blanks </pre>"
    )
    assert row.locator("a").get_attribute("href") == "#ex-9"
    assert row.locator("small").first.text_content()
    assert visit.page.locator("#later img").count() == 0
    assert visit.faults == []


def test_a_sorted_table_is_sorted_whole(reader: Reader):
    """Rows that still wait in their fold would be missing from the order."""
    opened = reader.open("packed", text=page()).page
    opened.click("#later th:nth-child(3) button")
    first = opened.locator("#later tbody tr").first
    assert first.locator("td").nth(1).text_content() == "1.000[0.000, 2.000]"
    assert opened.locator("#later .tablebox").first.locator("tbody tr").count() == 12
    assert opened.locator("#later tbody tr:visible").count() == 8


def test_without_a_script_the_rows_are_read_as_text(reader: Reader):
    """An archive that runs no script must not lose the proof."""
    opened = reader.open("packed", text=page(), scripts=False).page
    opened.emulate_media(media="print")
    text = opened.locator("#later pre.packed").last
    assert text.is_visible()
    lines = (text.text_content() or "").splitlines()
    assert lines[0] == "Example\tText\tValue  interval"
    assert lines[1] == "0\ta text that is longer than a word 0\t0.000  [−1.000, 1.000]"
    assert len(lines) == 13


def test_printing_makes_the_tables(reader: Reader):
    """A printed page shows tables, not the text they are kept as."""
    opened = reader.open("packed", text=page()).page
    opened.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert opened.locator("pre.packed").count() == 0
    assert opened.locator("#later table").count() == 2


@pytest.mark.parametrize("start", [0, 5, 12])
def test_every_row_is_written_once(start: int):
    """One row fewer under "more rows" is a row nobody sees."""
    document = documents.build(n=20)
    text = str(packed(table_view(COLUMNS, ROWS), links(document), start=start))
    lines = text.removesuffix("</pre>").split("\n")[1:]
    assert len(lines) == 12 - start + (start == 0) or (start == 12 and lines == [""])
