"""From rows of fields to columns with names.

Does: take the header, leave out the index that pandas and R write, and the blank rows that
spreadsheets leave at the end; refuse a column without a name, a name that stands twice, a row with
another number of columns. Does not: split lines into fields; `separated.py` does.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter
from pathlib import Path

from kdprobe.errors import TaskError
from kdprobe.tasks.separated import NAMES, Rows, Separated
from kdprobe.tasks.table import Cells, ColumnTable


def name_columns(
    path: Path, split: Separated, names: tuple[str, ...] | None, *, skip_broken: bool
) -> ColumnTable:
    """Make a table of the rows of a file.

    Args:
        path: the file, for messages.
        split: its rows.
        names: the names of its columns; None: they stand in its first row.
        skip_broken: leave out rows with a wrong number of columns instead of refusing them.

    Raises:
        TaskError: no header, a column without a name or two of one name, a row with another number
            of columns.
    """
    rows, notes = split.rows, split.notes
    if names is None:
        if not rows:
            raise TaskError(str(path), found="is empty", expected="a header line and rows")
        line, names = rows[0][0], tuple(name.strip() for name in rows[0][1])
        names, rows, index_note = _without_index(names, _without_blank(rows[1:]))
        notes += index_note
        check_header(f"{path}:{line}", names)
    separator = NAMES.get(split.separator, split.separator)
    columns, lines, broken = _assemble(path, names, rows, separator, skip_broken)
    return ColumnTable(str(path), columns, lines, broken, separator=split.separator, notes=notes)


def _without_blank(rows: Rows) -> Rows:
    """Leave out lines of nothing but blanks, and empty rows at the end, as spreadsheets write."""
    kept = [row for row in rows if len(row[1]) > 1 or row[1][0].strip()]
    while kept and not any(cell.strip() for cell in kept[-1][1]):
        kept.pop()
    return kept


def _without_index(
    names: tuple[str, ...], rows: Rows
) -> tuple[tuple[str, ...], Rows, tuple[str, ...]]:
    """Leave out a first column that has no name and numbers the rows: pandas' or R's index.

    R gives the header one name fewer than the rows have columns.
    """
    short = bool(rows) and all(len(cells) == len(names) + 1 for _, cells in rows)
    if not (short or (names and not names[0])):
        return names, rows, ()
    numbers = [cells[0].strip() for _, cells in rows]
    if len(set(numbers)) < len(numbers) or not all(map(str.isdecimal, numbers)):
        return names, rows, ()
    note = "its first column has no name and numbers the rows, as pandas writes its index: left out"
    return names if short else names[1:], [(n, cells[1:]) for n, cells in rows], (note,)


def check_header(where: str, names: Iterable[str]) -> None:
    """Refuse a column without a name, and two columns of one name.

    Raises:
        TaskError: there is one.
    """
    listed = list(names)
    for number, name in enumerate(listed, 1):
        if not name:
            raise TaskError(
                where,
                found=f"column {number} of {len(listed)} has no name",
                expected="a header line with a name for each column",
                remedy="name it, or delete the column; an index that pandas wrote is left out "
                "where it is the first column and numbers the rows (to_csv(index=False) writes "
                "none)",
            )
        if listed.count(name) > 1:
            raise TaskError(
                where,
                found=f"column {name!r} stands twice",
                expected="a header line with a name for each column",
                remedy="add or correct the header line",
            )


def _assemble(
    path: Path, names: tuple[str, ...], rows: Rows, separator: str, skip_broken: bool
) -> tuple[dict[str, Cells], tuple[int, ...], tuple[int, ...]]:
    kept, lines, broken = [], [], []
    for line, cells in rows:
        if len(cells) == len(names):
            kept.append(cells)
            lines.append(line)
        elif skip_broken:
            broken.append(line)
        else:
            count = f"{len(cells)} {separator}-separated column{'s' if len(cells) > 1 else ''}"
            raise TaskError(
                f"{path}:{line}",
                found=count,
                expected=f"{len(names)} ({', '.join(names)})",
                remedy=_why_uneven(cells),
            )
    columns: dict[str, Cells] = {
        name: tuple(map(itemgetter(position), kept)) for position, name in enumerate(names)
    }
    return columns, tuple(lines), tuple(broken)


def _why_uneven(cells: list[str]) -> str:
    if any("\r" in cell for cell in cells):
        return "a carriage return stands in the line: are the line ends of two systems mixed?"
    return "was the file re-saved by another program?"
