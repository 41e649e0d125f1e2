"""From a table to a split.

Does: take the text, label and slice columns out of a table, by the task file's words, and name file
and line of whatever is wrong. Does not: read files nor choose them; `sources.py` does.
"""

from __future__ import annotations

from dataclasses import dataclass

from kdprobe.config.task import Columns, Derived, Task
from kdprobe.errors import TaskError
from kdprobe.plain_text import printable
from kdprobe.tasks.clusters import table_clusters
from kdprobe.tasks.gold import read_gold, refuse_nested
from kdprobe.tasks.table import ColumnTable
from kdprobe.tasks.task import Split, text_hash
from kdprobe.tasks.written_sets import PRINTED_LIST


class EmptyShareError(TaskError):
    """No row of a file falls into a split that is a share of it: too few rows, not a fault."""


def hash_share(text: str, pair: str | None = None) -> float:
    """Return the place in 0..1 that decides on which side of a split a text falls.

    Definition: the first 64 bits of SHA-256 over the text (and its pair), divided by 2**64. It
    depends on nothing else, so equal texts fall on the same side and no seed moves them.

    >>> 0 <= hash_share("a text") < 1 and hash_share("a text") == hash_share("a text")
    True
    """
    return int(text_hash(text, pair), 16) / 2**64


def join_columns(table: ColumnTable, names: str | tuple[str, ...], *, role: str) -> tuple[str, ...]:
    """Return the texts of one column, or of several joined by a blank.

    Raises:
        TaskError: a column is missing or holds lists, a text is empty, or holds half a surrogate
            pair.
    """
    wanted = (names,) if isinstance(names, str) else names
    parts = [table.column(name, role=role) for name in wanted]
    for name in wanted:
        refuse_nested(table, name, role)
        _refuse_printed_lists(table, name)
    texts = []
    for row, cells in enumerate(zip(*parts, strict=True)):
        for name, cell in zip(wanted, cells, strict=True):
            if cell is None or not cell.strip():
                raise TaskError(
                    table.where(row),
                    found=f"column {name!r} is empty",
                    expected=f"{role} in every row",
                    remedy="fill it, or delete the row",
                )
        text = " ".join(map(str, cells))
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise TaskError(
                table.where(row),
                found=f"column {wanted[0]!r} ({role}) holds half a surrogate pair",
                expected="whole Unicode characters, which any tokenizer can read",
                remedy="correct the row",
            ) from error
        texts.append(text)
    return tuple(texts)


def _refuse_printed_lists(table: ColumnTable, column: str) -> None:
    """Refuse a column whose every cell is a list of words as Python, numpy or JSON print it."""
    cells = [(cell or "").strip() for cell in table.columns[column]]
    if not cells or not all(map(PRINTED_LIST.fullmatch, cells)):
        return
    raise TaskError(
        table.where(0),
        found=f"column {column!r} holds lists of words ({printable(cells[0], limit=60)})",
        expected="text",
        remedy="join the words of each list, as the models shall read them",
    )


def derive_column(cells: tuple[str, ...], rule: Derived) -> tuple[str, ...]:
    """Make a column for slices from another one; see `Derived`."""
    meaning = {old: new for new, olds in rule.values.items() for old in olds}
    return tuple(meaning.get(cell, "other") for cell in cells)


@dataclass(frozen=True)
class SplitPlan:
    """What to take from a table for a split.

    Args:
        columns: the columns of text, label and id, nothing left open.
        extra: columns kept for slices.
        extra_required: whether each of them must be there.
        derived: columns made from the kept ones.
        labelled: whether labels must be there.
        share: the range of `hash_share` to keep, or None for all.
    """

    columns: Columns
    extra: tuple[str, ...] = ()
    extra_required: bool = True
    derived: tuple[Derived, ...] = ()
    labelled: bool = True
    share: tuple[float, float] | None = None


def build_split(
    table: ColumnTable, task: Task, name: str, plan: SplitPlan, *, origin: str
) -> Split:
    """Make a split of a table's rows.

    Raises:
        TaskError: a column is missing, a cell is malformed, or no row is left
            (`EmptyShareError` when that is by the share).
    """
    texts = join_columns(table, plan.columns.text, role="text")
    pairs = None
    if task.has_pairs:
        pairs = join_columns(table, plan.columns.text_pair, role="second text")
    if not texts:
        raise TaskError(
            table.shown, found=f"no row for split {name!r}", expected="at least one example"
        )
    gold = read_gold(table, task, column=plan.columns.label, labelled=plan.labelled)
    split = Split(
        task=task,
        name=name,
        ids=_ids(table, plan.columns.id_column, name),
        texts=texts,
        pairs=pairs,
        labels=gold.labels,
        columns=_slice_columns(table, plan),
        origin=origin + _told_broken(table),
        missing_as=gold.missing_as,
        notes=table.notes,
        clusters=table_clusters(table, plan.columns.cluster) if plan.columns.cluster else None,
        clustered_by=plan.columns.cluster,
    )
    if plan.share is None:
        return split
    low, high = plan.share
    places = [hash_share(t, None if pairs is None else pairs[i]) for i, t in enumerate(texts)]
    rows = [i for i, place in enumerate(places) if low <= place < high or place == high == 1]
    if not rows:
        raise EmptyShareError(
            table.shown,
            found=f"none of its {len(texts)} rows falls into split {name!r} (by a hash of the "
            f"text, {low:g} to {high:g})",
            expected="more rows",
            remedy="add rows, or a column 'split' that says which row belongs where",
        )
    return split.take(rows)


def _ids(table: ColumnTable, column: str, name: str) -> tuple[str, ...]:
    if not column:
        return tuple(f"{name}-{row:05d}" for row in range(1, len(table.lines) + 1))
    first: dict[str, int] = {}
    for row, cell in enumerate(table.column(column, role="id")):
        key = (cell or "").strip()
        if not key or key in first:
            raise TaskError(
                table.where(row),
                found=f"id {key!r} stands at {table.where(first[key])} too" if key else "no id",
                expected=f"another id in each row of column {column!r}",
                remedy="correct it, or leave the id column out: rows are then numbered",
            )
        first[key] = row
    return tuple(first)


def _slice_columns(table: ColumnTable, plan: SplitPlan) -> dict[str, tuple[str, ...]]:
    kept = {}
    for name in plan.extra:
        if name in table.columns or plan.extra_required:
            cells = table.column(name, role="slices")
            kept[name] = tuple(cell or "" for cell in cells)
    for rule in plan.derived:
        if rule.source in kept:
            kept[rule.column] = derive_column(kept[rule.source], rule)
    return kept


def _told_broken(table: ColumnTable) -> str:
    if not table.broken:
        return ""
    count = len(table.broken)
    rows = "row was" if count == 1 else "rows were"
    return f" ({count} broken {rows} left out, the first at line {table.broken[0]})"
