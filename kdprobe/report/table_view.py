"""A table as a page shows it: short heads, intervals under their numbers, no empty column.

Does: put the ends of an interval and a q-value under the number they belong to, leave out columns
that are empty for all rows, begin heads upper-case, write cells by the kind of their column.
Does not: write HTML; `parts.html` does.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from kdprobe.report.lettering import extent
from kdprobe.results.numbers import show_cell, show_count, show_interval, show_p
from kdprobe.results.schema import Cell, Column, Table

OPEN_ROWS = 8
"""Rows that stand open; the others are folded, and take part in sorting and copying."""
MOST_CELLS = 25_000
"""Of a table so many stand in a page: 100 kB. All are in results.json."""

_P = ("p", "p_value")
_Q = ("q", "q_value")
_LONG, _WORD = 24, 16
_NAMES, _LARGER = 120.0, 1.25
"""Letters from which a cell counts as long, of the longest word that is not broken, the least
width of a column of words in CSS pixels, and a table's letters against those of charts."""


@dataclass(frozen=True)
class TableHead:
    """A column's heading, with what stands small below it; numbers are aligned right."""

    label: str
    small: str
    numeric: bool


@dataclass(frozen=True)
class TableCell:
    """A cell: what is shown, the lines that stand small below it, its example, its class."""

    shown: str
    small: tuple[str, ...] = ()
    example: str = ""
    kind: str = ""


@dataclass(frozen=True)
class TableView:
    """The heads and rows of a table, rectangular."""

    heads: tuple[TableHead, ...]
    rows: tuple[tuple[TableCell, ...], ...]

    @property
    def wide(self) -> float:
        """Estimate the least width at which its first rows are not cut, in CSS pixels.

        >>> TableView((TableHead("ab", "", True),), ((TableCell("0.123"),),)).wide
        54.5
        """
        columns = list(zip(*self.rows[:OPEN_ROWS], strict=True)) or [()] * len(self.heads)
        return sum(map(_least, self.heads, columns))


def capital(label: str) -> str:
    """Begin a head upper-case; a single letter and a name with digits or dashes stay as they are.

    >>> capital("best layer"), capital("p"), capital("bert-base"), capital("q after Holm")
    ('Best layer', 'p', 'bert-base', 'q after Holm')
    """
    first = re.match(r"[a-z]{2,}(?![\w-])", label)
    return label[0].upper() + label[1:] if first else label


def _least(head: TableHead, column: Sequence[TableCell]) -> float:
    """Estimate the width of a column: a number is not broken, words are at blanks."""
    words = [_LARGER * extent(word) for word in head.label.split()]
    for cell in column:
        whole = head.numeric and cell.kind == "num"
        shown = [cell.shown] if whole else [word[:_WORD] for word in cell.shown.split()]
        words += [_LARGER * extent(word) for word in shown]
        words += [extent(line) for line in cell.small if whole]
    room = max(words, default=0.0) + 12
    return room if head.numeric else max(room, _NAMES)


def _unit(column: Column) -> str:
    shown = ("share", "count", column.label.lower())
    return column.unit if column.unit not in shown else ""


def _numeric(column: Column) -> bool:
    return column.kind not in ("text", "example")


def _ends(columns: Sequence[Column], place: int) -> bool:
    """Whether the two columns after a number are the ends of its interval."""
    low, high = (columns[at].name if at < len(columns) else "" for at in (place + 1, place + 2))
    stem = low.removesuffix("low")
    return _numeric(columns[place]) and low.endswith("low") and high == f"{stem}high"


def _cell(value: Cell, column: Column) -> TableCell:
    if value is None:
        return TableCell("–", kind="none")
    if column.name in (*_P, *_Q) and isinstance(value, float | int) and 0 <= value <= 1:
        return TableCell(show_p(float(value)).removeprefix("= "), kind="num")
    shown = show_cell(value, column.kind, column.unit)
    if column.kind == "example":
        return TableCell(shown, example=shown)
    if _numeric(column):
        return TableCell(shown, kind="num")
    return TableCell(shown, kind="long" if len(shown) > _LONG else "")


def _under(cell: TableCell, low: Cell, high: Cell, kind: str) -> TableCell:
    if not (isinstance(low, float | int) and isinstance(high, float | int)):
        return cell
    if kind == "share":
        ends = f"[{100 * low:.1f}, {100 * high:.1f}] %".replace("-", "−")
        return replace(cell, small=(ends,))
    return replace(cell, small=(show_interval(float(low), float(high)),))


def _q_under(cell: TableCell, value: Cell) -> TableCell:
    if not isinstance(value, float | int):
        return cell
    return replace(cell, small=(f"q {show_p(float(value))}",))


def _column(
    columns: Sequence[Column], rows: Sequence[Sequence[Cell]], place: int
) -> tuple[TableHead, list[TableCell], int]:
    """Lay out one column with what belongs under it; the last is how many columns that took."""
    column = columns[place]
    head = TableHead(capital(column.label), _unit(column), _numeric(column))
    cells = [_cell(row[place], column) for row in rows]
    if _ends(columns, place):
        pairs = zip(cells, rows, strict=True)
        cells = [_under(c, row[place + 1], row[place + 2], column.kind) for c, row in pairs]
        return replace(head, small=head.small or "interval"), cells, 3
    after = columns[place + 1].name if place + 1 < len(columns) else ""
    if column.name in _P and after in _Q and any(row[place + 1] is not None for row in rows):
        cells = [_q_under(cell, row[place + 1]) for cell, row in zip(cells, rows, strict=True)]
        return replace(head, small=columns[place + 1].label), cells, 2
    return head, cells, 1


def table_view(columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> TableView:
    """Lay a table out.

    Definition: columns called `low` and `high` (`X_low`, `X_high`) that follow a number become
    the small line under it, and so does a q-value that follows its p-value. A column in which no
    row has anything is left out.

    Args:
        columns: of the table.
        rows: as wide as the columns.

    >>> number = [Column(name=n, label=n, kind="number") for n in ("gap", "low", "high")]
    >>> view = table_view([*number, Column(name="x", label="x")], [(0.2, 0.1, 0.3, None)])
    >>> [head.label for head in view.heads], view.rows[0][0].small
    (['Gap'], ('[0.100, 0.300]',))
    """
    heads, laid, place = [], [], 0
    while place < len(columns):
        head, cells, taken = _column(columns, rows, place)
        if any(cell.kind != "none" and cell.shown for cell in cells):
            heads.append(head)
            laid.append(cells)
        place += taken
    return TableView(tuple(heads), tuple(zip(*laid, strict=True)))


def shortened(table: Table) -> Table:
    """Return what a page holds of a table: of very many rows the first, and a sentence.

    >>> rows = Table(name="t", title="t", columns=[Column(name="n", label="n")] * 5,
    ...     rows=[(1, 2, 3, 4, 5)] * 6_000)
    >>> len(shortened(rows).rows), shortened(rows).caption
    (5000, 'The first 5,000 of 6,000 rows; all are in results.json.')
    """
    most = max(OPEN_ROWS, MOST_CELLS // max(1, len(table.columns)))
    if len(table.rows) <= most:
        return table
    held, of = show_count(most), show_count(len(table.rows))
    cut = f"{table.caption} The first {held} of {of} rows; all are in results.json."
    return table.model_copy(update={"rows": table.rows[:most], "caption": cut.strip()})
