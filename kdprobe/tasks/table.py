"""Rows of cells that know which line they came from.

Does: hold what any reader read, join shards, leave out rows that were published broken. Does not:
read files (`readers.py` does) nor know labels (`build.py` makes splits of tables).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from kdprobe.errors import TaskError

Cells = tuple[str | None, ...]


@dataclass(frozen=True)
class ColumnTable:
    """Columns of equal length, in the order of the file.

    Args:
        shown: the file's name as the user gave it, for messages.
        columns: cells by column name, None where the file has none.
        lines: the line of each row, from 1.
        broken: the lines of rows that were left out because they were published broken.
        marker: what stands between name and line in a message (parquet and the hub count rows).
        files: the file of each row, when they come from several; else none.
        separator: what stands between the columns of a text file; else empty.
        notes: what the reader has to say of the file, each a sentence for people.
        nested: the columns in which a cell held a list or an object; its JSON stands there.
        class_names: the names of a column's classes in the order of their indices, where the file
            says them; its cells are names then.
    """

    shown: str
    columns: Mapping[str, Cells]
    lines: tuple[int, ...]
    broken: tuple[int, ...] = ()
    marker: str = ":"
    files: tuple[str, ...] = ()
    separator: str = ""
    notes: tuple[str, ...] = ()
    nested: frozenset[str] = frozenset()
    class_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def where(self, row: int) -> str:
        """Return the place of a row: `data/dev.tsv:17`."""
        file = self.files[row] if self.files else self.shown
        return f"{file}{self.marker}{self.lines[row]}"

    def column(self, name: str, *, role: str) -> Cells:
        """Return a column that must be there.

        Raises:
            TaskError: there is no such column; those that are there are listed.
        """
        if name in self.columns:
            return self.columns[name]
        options = "`cluster`" if role == "clusters" else "`text`, `text_pair` and `label`"
        present = ", ".join(repr(column) for column in list(self.columns)[:12])
        raise TaskError(
            f"{self.shown}:1" if self.marker == ":" else self.shown,
            found=f"no column {name!r} for the {role}, only {present or 'none'}",
            expected="a header line that names it" if self.marker == ":" else "",
            remedy="is this the file as it was distributed? For a file of your own, name the "
            f"columns in the task file or with {options}",
        )

    def take(self, rows: list[int]) -> ColumnTable:
        """Return the table of these rows."""
        columns = {name: tuple(cells[i] for i in rows) for name, cells in self.columns.items()}
        return replace(
            self,
            columns=columns,
            lines=tuple(self.lines[i] for i in rows),
            files=tuple(self.files[i] for i in rows) if self.files else (),
        )


def join_tables(tables: list[ColumnTable]) -> ColumnTable:
    """Put several tables of the same columns one after the other (the shards of one split).

    Raises:
        TaskError: their columns differ.
    """
    first = tables[0]
    if len(tables) == 1:
        return first
    for table in tables[1:]:
        if table.class_names != first.class_names:
            raise TaskError(
                table.shown,
                found=f"class names {dict(table.class_names)}",
                expected=f"those of {first.shown}: {dict(first.class_names)}",
            )
        if set(table.columns) != set(first.columns):
            raise TaskError(
                table.shown,
                found=f"columns {', '.join(table.columns)}",
                expected=f"those of {first.shown}: {', '.join(first.columns)}",
            )
    return ColumnTable(
        shown=first.shown,
        columns={
            name: tuple(cell for table in tables for cell in table.columns[name])
            for name in first.columns
        },
        lines=tuple(line for table in tables for line in table.lines),
        broken=tuple(line for table in tables for line in table.broken),
        marker=first.marker,
        files=tuple(table.shown for table in tables for _ in table.lines),
        separator=first.separator,
        notes=tuple(dict.fromkeys(note for table in tables for note in table.notes)),
        nested=frozenset().union(*(table.nested for table in tables)),
        class_names=first.class_names,
    )


def leave_out_empty(table: ColumnTable, names: tuple[str, ...]) -> ColumnTable:
    """Return the table without rows in which one of these columns is empty; it notes them."""
    present = [table.columns[name] for name in names if name in table.columns]
    empty = {i for cells in present for i, cell in enumerate(cells) if not (cell or "").strip()}
    if not empty:
        return table
    kept = table.take([row for row in range(len(table.lines)) if row not in empty])
    broken = tuple(sorted((*table.broken, *(table.lines[row] for row in empty))))
    return replace(kept, broken=broken)
