"""Rows of a table as plain text: what a fold holds until a reader opens it.

Does: write a row a line, with a tab between cells and two blanks before what stands small below a
number; `packed.js` makes the table of it when its fold opens. Does not: cut; without a script, and
in its print, the text itself is what a reader sees.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import unquote

from markupsafe import Markup, escape

from kdprobe.plain_text import printable
from kdprobe.report.table_view import TableCell, TableHead, TableView

_BELOW = "  "


def _line(cells: Iterable[Iterable[str]]) -> str:
    """Write a row; blanks of foreign text become single ones, as a browser would show them."""
    return "\t".join(
        _BELOW.join(" ".join(printable(part).split()) for part in cell if part) for cell in cells
    )


def _kind(head: TableHead, column: Sequence[TableCell]) -> str:
    """Return how a column is shown: n for numbers, e for examples that are linked, t for text."""
    if any(cell.example for cell in column):
        return "e"
    return "n" if head.numeric else "t"


def _cell(cell: TableCell, addresses: Mapping[str, str]) -> tuple[str, ...]:
    """Name an example as the page does: ids that look alike are told apart there."""
    if cell.example in addresses:
        return (unquote(addresses[cell.example].removeprefix("#ex-")),)
    return (cell.shown, *cell.small)


def packed(view: TableView, addresses: Mapping[str, str], *, start: int = 0) -> Markup:
    r"""Write the rows of a table from one on; from the first on with the heads before them.

    Args:
        view: the table.
        addresses: example id -> its address on the page; its name there stands after `#ex-`.
        start: how many rows stand in the page already.

    >>> view = TableView((TableHead("a", "", False), TableHead("b", "ms", True)),
    ...     ((TableCell("x"), TableCell("0.5", ("[0.4, 0.6]",))),))
    >>> str(packed(view, {})).splitlines()
    ['<pre class="packed" data-kinds="tn">', 'a\tb  ms', 'x\t0.5  [0.4, 0.6]</pre>']
    """
    columns = list(zip(*view.rows, strict=True)) or [()] * len(view.heads)
    kinds = "".join(map(_kind, view.heads, columns))
    lines = [] if start else [_line((head.label, head.small) for head in view.heads)]
    lines += [_line(_cell(cell, addresses) for cell in row) for row in view.rows[start:]]
    text = escape("\n".join(lines))
    linked = Markup(" data-linked") if "e" in kinds and addresses else ""
    return Markup('<pre class="packed" data-kinds="{}"{}>\n{}</pre>').format(kinds, linked, text)
