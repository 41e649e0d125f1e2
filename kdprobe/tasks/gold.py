"""Gold labels as files write them, and examples that have none.

Does: turn the cells of a label column into class indices or scores, and say which examples have no
gold label and how the file writes that. Does not: guess a task's labels; `guess_labels.py` does.

What means that an example has no gold label, in a task whose labels are known:

- an empty field, null, or NaN as JSON and parquet have it;
- what the task file lists under `missing`;
- `-` (SNLI and MNLI: the annotators did not agree) and `-1` (the hub: secret or none), when that is
  the name of none of the task's labels, nor a score in the range of a regression;
- `nan`, `NA`, `N/A`, `null`, `None` or `<NA>` where all labels of the task are numbers.

Everything else is a label or an error.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from kdprobe.config.task import Task
from kdprobe.errors import TaskError
from kdprobe.plain_text import printable
from kdprobe.tasks.label_names import fold, folded
from kdprobe.tasks.table import ColumnTable
from kdprobe.tasks.task import NO_LABEL, Labels
from kdprobe.tasks.written_sets import label_columns, read_columns, read_set

_SHOWN = 60  # characters of a list that a message quotes
NO_CONSENSUS = ("-", "-1")
NO_NUMBER = ("nan", "na", "n/a", "null", "none", "<na>")
"""Words for a missing number, in small letters."""


class Gold(NamedTuple):
    """The gold labels of a table, and the ways in which it writes that there is none."""

    labels: Labels | None
    missing_as: tuple[str, ...]


def is_number(name: str) -> bool:
    """Whether a label is written as a finite number.

    >>> is_number("-1.5"), is_number("nan"), is_number("A-")
    (True, False, False)
    """
    try:
        return math.isfinite(float(name))
    except ValueError:
        return False


def read_gold(table: ColumnTable, task: Task, *, column: str, labelled: bool) -> Gold:
    """Turn the label column into class indices or scores, missing ones as `NO_LABEL` or NaN.

    A cell is matched by name (see `label_names.fold`), or as an index when no name is itself a
    number. Which cells mean that there is no label stands above.

    Returns:
        int64 `[n]` indices or float64 `[n]` scores, of several labels at once 0 or 1 for each,
        int64 `[n, L]`; None where no row has a label; and the ways in which missing ones are
        written, in the order of the rows.

    Raises:
        TaskError: no such column though there should be labels, or a cell that is no label.
    """
    if task.kind == "multilabel":
        return _read_sets(table, task, column=column, labelled=labelled)
    if column not in table.columns and not labelled:
        return Gold(None, ())
    cells = table.column(column, role="label" if task.kind == "classification" else "score")
    refuse_nested(table, column, "label")
    values: list[float] = []
    ways: dict[str, None] = {}
    classes = ClassNames(task, table.class_names.get(column, ()))
    for row, cell in enumerate(cells):
        name = (cell or "").strip()
        value = _score(name, table, task) if task.kind == "regression" else classes.index(name)
        if value is None and is_missing(name, task):
            ways[name] = None
            value = math.nan if task.kind == "regression" else NO_LABEL
        elif value is None:
            raise _unknown(cell, table, row, task)
        values.append(value)
    if len(values) and all(is_missing((cell or "").strip(), task) for cell in cells):
        return Gold(None, tuple(ways))
    if task.kind == "regression":
        return Gold(np.array(values, dtype=np.float64), tuple(ways))
    return Gold(np.array(values, dtype=np.int64), tuple(ways))


def _read_sets(table: ColumnTable, task: Task, *, column: str, labelled: bool) -> Gold:
    """Read the labels of a task of several at once; see `written_sets.py` for how they stand."""
    columns = label_columns(table, column, task.labels)
    if not columns:
        if column not in table.columns and not labelled:
            return Gold(None, ())
        table.column(column, role="label")
    classes = ClassNames(task, table.class_names.get(column, ()))
    labels = np.zeros((len(table.lines), len(task.labels)), dtype=np.int64)
    ways: dict[str, None] = {}
    for row in range(len(table.lines)):
        cell = None if columns else table.columns[column][row]
        held = read_columns(table, columns, row) if columns else read_set(cell)
        if held is None or isinstance(held, str):
            shown = cell if held is None else table.columns[held][row]
            raise _no_set(table, row, task, shown, column if held is None else held)
        whole = (cell or "").strip()
        if not held.known or (whole and is_missing(whole, task)):
            labels[row] = NO_LABEL
            ways[whole] = None
            continue
        for word in held.words:
            place = classes.index(word)
            if place is None:
                raise _unknown(word, table, row, task)
            labels[row, place] = 1
    if len(labels) and (labels == NO_LABEL).all():
        return Gold(None, tuple(ways))
    return Gold(labels, tuple(ways))


def _no_set(table: ColumnTable, row: int, task: Task, cell: str | None, column: str) -> TaskError:
    return TaskError(
        table.where(row),
        found=f"column {column!r} holds {printable(cell or '', limit=_SHOWN)!r}",
        expected=f"0 or 1, or a set of labels of {task.name}: a list, or names with | between",
        remedy="correct the row; [] says that none of the labels applies, an empty field that "
        "nothing is known",
    )


def read_labels(table: ColumnTable, task: Task, *, column: str) -> Labels:
    """Turn a column that must name a label or a score in every row into indices or scores.

    Raises:
        TaskError: no such column, or a cell that is no label; see `read_gold`.
    """
    gold = read_gold(table, task, column=column, labelled=True)
    for row, cell in enumerate(table.columns[column]):
        if is_missing((cell or "").strip(), task):
            raise _unknown(cell, table, row, task)
    assert gold.labels is not None  # no cell is missing
    return gold.labels


def is_missing(name: str, task: Task) -> bool:
    """Whether a cell says that there is no gold label.

    >>> snli = Task("snli", 1, "classification", ("entailment", "neutral"), "accuracy")
    >>> is_missing("-", snli), is_missing("", snli), is_missing("other", snli)
    (True, True, False)
    >>> polar = Task("polar", 1, "classification", ("-1", "1"), "accuracy")
    >>> is_missing("-1", polar), is_missing("nan", polar)
    (False, True)
    """
    if not name or name in task.missing:
        return True
    if task.kind == "regression":
        low = -math.inf if task.score_range is None else task.score_range[0]
        outside = name == "-" or (is_number(name) and float(name) == -1 < low)
        return outside or name.casefold() in NO_NUMBER
    if name in task.labels:
        return False
    of_numbers = bool(task.labels) and all(map(is_number, task.labels))
    return name in NO_CONSENSUS or (of_numbers and name.casefold() in NO_NUMBER)


def refuse_nested(table: ColumnTable, column: str, role: str) -> None:
    """Refuse a column of lists or objects, of which kdprobe would read the JSON.

    Raises:
        TaskError: a cell of it holds one.
    """
    if column not in table.nested:
        return
    cells = enumerate(table.columns[column])
    row, cell = next((n, cell) for n, cell in cells if (cell or "").startswith(("[", "{")))
    shown = printable(cell or "", limit=_SHOWN)
    raise TaskError(
        table.where(row),
        found=f"column {column!r} holds lists or objects ({shown})",
        expected="one label in each row" if role == "label" else "text",
        remedy="write one label for each example"
        if role == "label"
        else "join the words of each list, as the models shall read them",
    )


class ClassNames:
    """The names and indices of a task's classes as cells write them: as they are, or folded.

    Args:
        task: the task.
        class_names: what a file calls the classes of the column.
    """

    def __init__(self, task: Task, class_names: tuple[str, ...]) -> None:
        self.exact = {name: index for index, name in enumerate(task.labels)}
        if not any(name.lstrip("+-").isdecimal() for name in task.labels):
            self.exact = {str(index): index for index in range(len(task.labels))} | self.exact
        self.folded = folded(task.labels)
        # A task that knows the file's classes by other names knows them by their indices.
        self.indices = {name: str(index) for index, name in enumerate(class_names)}

    def index(self, name: str) -> int | None:
        """Return the index of a class, or None; `1.0` is the index 1."""
        plain = fold(name)
        index = self.exact.get(name, self.folded.get(plain))
        if index is None and is_number(name):
            index = self.exact.get(plain)
        return self.exact.get(self.indices.get(name, "")) if index is None else index


def _score(name: str, table: ColumnTable, task: Task) -> float | None:
    low, high = task.score_range or (-math.inf, math.inf)
    # Where semicolons separate, the program that wrote the file writes 2,5 for two and a half.
    written = name.replace(",", ".") if table.separator == ";" else name
    if not is_number(written) or not low <= float(written) <= high:
        return None
    return float(written)


def _unknown(cell: str | None, table: ColumnTable, row: int, task: Task) -> TaskError:
    where = table.where(row)
    if task.kind == "regression":
        low, high = task.score_range or (-math.inf, math.inf)
        return TaskError(
            where,
            found=f"score {cell!r}",
            expected=f"a number from {low:g} to {high:g}"
            if task.score_range
            else "a finite number",
            remedy="correct the row",
        )
    shown = ", ".join(task.labels[:8]) + (", …" if len(task.labels) > 8 else "")
    return TaskError(
        where,
        found="the label is empty" if not (cell or "").strip() else f"label {cell!r}",
        expected=f"one of the {len(task.labels)} labels of {task.name} ({shown}) or its index",
        remedy="correct the row, or give the labels in a task file of your own",
    )
