"""A person's own sentences, to be explained: a text file with one a line, or a table.

Does: read the file and give its sentences as a split of the task. Does not: guess a task; the
sentences are put to models of a task that is known.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from kdprobe.errors import TaskError
from kdprobe.tasks.build import join_columns
from kdprobe.tasks.gold import read_gold
from kdprobe.tasks.guess import PAIRS, TEXTS
from kdprobe.tasks.readers import is_table, read_lines, read_table
from kdprobe.tasks.table import ColumnTable
from kdprobe.tasks.task import Split, Task

OWN = "own sentences"


def read_own(path: Path, task: Task) -> Split:
    """Read sentences to be explained.

    A table (.tsv .csv .jsonl .parquet) has a column `text` (or `sentence` …; pairs: `text_a` and
    `text_b` …) and may have a column `label`. Any other file is text: one sentence a line, a pair
    as two texts with a tab between; blank lines are skipped.

    Args:
        path: the file.
        task: what the models answer.

    Returns:
        A split with ids `own-1` … in the file's order, without labels where the file has none.

    Raises:
        TaskError: the file cannot be read, holds no sentence, lacks a column or the second text of
            a pair, or has a label that the task does not have.
    """
    table = _table(path, task) if is_table(path) else _lines(path, task)
    if not table.lines:
        raise TaskError(str(path), found="holds no sentence", expected="at least one")
    gold = read_gold(table, task, column="label", labelled=False)
    return Split(
        task=task,
        name=OWN,
        ids=tuple(f"own-{number}" for number in range(1, len(table.lines) + 1)),
        texts=join_columns(table, "text_a", role="text"),
        pairs=join_columns(table, "text_b", role="second text") if task.has_pairs else None,
        labels=gold.labels,
        origin=path.name,
        missing_as=gold.missing_as,
        notes=table.notes,
    )


def _table(path: Path, task: Task) -> ColumnTable:
    """Read a table and give its texts the names `text_a` and `text_b`."""
    table = read_table(path)
    names = {name.casefold(): name for name in table.columns}
    pair = next(((a, b) for a, b in PAIRS if a in names and b in names), None)
    single = next((name for name in (*TEXTS, "text_a") if name in names), None)
    used = pair if task.has_pairs else (single,) if single is not None else None
    if used is None:
        wanted = "text_a and text_b" if task.has_pairs else f"one of {', '.join(TEXTS)}"
        raise TaskError(
            table.shown,
            found="no column of texts, only " + ", ".join(map(repr, list(table.columns)[:12])),
            expected=f"a header line with {wanted}",
        )
    called = ("text_a", "text_b")[: len(used)]
    texts = {new: table.columns[names[one]] for new, one in zip(called, used, strict=True)}
    label = {"label": table.columns[names["label"]]} if "label" in names else {}
    nested = {new for new, one in zip(called, used, strict=True) if names[one] in table.nested}
    return replace(table, columns={**texts, **label}, nested=frozenset(nested))


def _lines(path: Path, task: Task) -> ColumnTable:
    kept = [(number, line) for number, line in enumerate(read_lines(path), 1) if line.strip()]
    numbers = tuple(number for number, _ in kept)
    if not task.has_pairs:
        return ColumnTable(path.name, {"text_a": tuple(line for _, line in kept)}, numbers)
    parts = [line.split("\t") for _, line in kept]
    for number, cells in zip(numbers, parts, strict=True):
        if len(cells) != 2:
            raise TaskError(
                f"{path.name}:{number}",
                found=f"{len(cells)} texts",
                expected=f"two with a tab between, as {task.name} is about pairs of texts",
            )
    columns = {"text_a": tuple(c[0] for c in parts), "text_b": tuple(c[1] for c in parts)}
    return ColumnTable(path.name, columns, numbers)
