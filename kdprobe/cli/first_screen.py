"""The report's first screen on a terminal of any width.

Does: lay the same columns out beside each other as far as the width goes, and below each other
beyond it; no word is cut. Does not: choose columns or numbers; `results/screen.py` does.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from kdprobe.plain_text import printable
from kdprobe.results.screen import Screen, ScreenCell, ScreenColumn, ScreenRow

if TYPE_CHECKING:
    from rich.console import RenderableType

SIDE_BY_SIDE = 3
"""Up to so many students a column each is easier to compare."""
_BETWEEN = 3  # what rich sets between two columns
_LONGEST_NAME = 24
_LONGEST_REASON = 20
_NARROW = 17


class _Block(NamedTuple):
    """A column of a table: its heading, its cells with their line breaks, and what it needs."""

    heading: str
    cells: tuple[str, ...]
    width: int


def _lines(cell: ScreenCell, *, broken: bool = False) -> str:
    """Write a cell's lines below each other, foreign text made safe; a reason where it has none."""
    lines = [cell.reason] if cell.reason else [] if cell == ScreenCell() else [*cell.lines]
    lines = [part for line in lines for part in printable(line).split("; ")]
    if broken:
        parts = [part for line in lines for part in line.replace(" [", "\n[").split("\n")]
        lines = [row for part in parts for row in _wrapped(part)]
    return "\n".join(lines)


def _wrapped(line: str) -> list[str]:
    """Break a line between words, an interval nowhere."""
    return [line] if line.startswith("[") else textwrap.wrap(line, _NARROW, break_long_words=False)


def _name(row: ScreenRow, *, longest: int) -> str:
    """Write a model's name and, where the name does not say it, its role; broken at its dashes."""
    role = "" if row.role in ("student", row.name) else f" ({row.role})"
    return "\n".join(textwrap.wrap(printable(row.name) + role, longest)) or "\ufffd"


def _column(heading: str, cells: Sequence[str], *, longest: int | None = None) -> _Block:
    """Measure a column: its longest line, or what foreign text may take, and any heading word."""
    from rich.cells import cell_len

    lines = [cell_len(line) for cell in cells for line in cell.split("\n")]
    need = max(lines, default=0)
    words = max((cell_len(word) for word in heading.split()), default=0)
    return _Block(heading, tuple(cells), max(words, min(need, longest or need)))


def _label(column: ScreenColumn) -> str:
    return f"{column.label}, {column.hint}" if column.key == "score_pearson" else column.label


def _by_model(shown: Screen, *, broken: bool) -> list[_Block]:
    """A column a model, a line a number; `broken`: with intervals in lines of their own."""
    models = [
        _column(
            _name(row, longest=_LONGEST_NAME), [_lines(cell, broken=broken) for cell in row.cells]
        )
        for row in shown.rows
    ]
    return [_column("", [_label(column) for column in shown.columns]), *models]


def _by_number(shown: Screen) -> list[_Block]:
    """A column a number, a line a model."""
    columns = [_column("", [_name(row, longest=_LONGEST_NAME) for row in shown.rows])]
    for place, column in enumerate(shown.columns):
        cells = [row.cells[place] for row in shown.rows]
        longest = _LONGEST_REASON if any(cell.reason for cell in cells) else None
        columns.append(_column(_label(column), [_lines(cell) for cell in cells], longest=longest))
    return columns


def _needs(blocks: Sequence[_Block]) -> int:
    return sum(block.width for block in blocks) + _BETWEEN * (len(blocks) - 1)


def tables(title: str, shown: Screen, *, width: int) -> list[RenderableType]:
    """Lay the first screen out.

    Args:
        title: above the first table.
        shown: the screen.
        width: of the terminal, in characters.

    Returns:
        One table, or several below each other, each as wide as the terminal or narrower where its
        words allow.
    """
    for broken in (False, True) if len(shown.rows) <= SIDE_BY_SIDE + 1 else ():
        beside = _by_model(shown, broken=broken)
        if _needs(beside) <= width:
            return [_table(title, beside, ruled=True)]
    first, *rest = _by_number(shown)
    groups: list[list[_Block]] = []
    for block in rest:
        if groups and _needs([first, *groups[-1], block]) <= width:
            groups[-1].append(block)
        else:
            groups.append([block])
    ruled = any("\n" in cell for block in rest for cell in block.cells)
    return [
        _table(title if place == 0 else "", [first, *group], ruled=ruled)
        for place, group in enumerate(groups)
    ] or [_table(title, [first], ruled=False)]


def _table(title: str, blocks: Sequence[_Block], *, ruled: bool) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    grid = Table(
        title=Text(printable(title)) if title else None, title_justify="left", show_edge=False,
        pad_edge=False, show_lines=ruled,
    )  # fmt: skip
    for block in blocks:
        grid.add_column(Text(block.heading), width=block.width, overflow="fold")
    for cells in zip(*(block.cells for block in blocks), strict=True):
        grid.add_row(*map(Text, cells))
    return grid
