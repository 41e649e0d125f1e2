"""Predictions files as they stand: rows of texts and what a model said of them.

Does: read .tsv, .csv, .jsonl and .parquet, find the columns of outputs, turn probabilities into
log-probabilities, and refuse a bad row with its line. Does not: join rows to examples (`file.py`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kdprobe.errors import CheckpointError
from kdprobe.models.handle import label_order
from kdprobe.models.labels import match_labels
from kdprobe.models.predictions.numbers import (
    SUM_TOLERANCE,
    WrittenNumbers,
    read_numbers,
    to_log_probabilities,
    to_probabilities,
)
from kdprobe.observations.predictions import Scale
from kdprobe.plain_files import expanded
from kdprobe.stats.arrays import FARTHEST, Floats
from kdprobe.tasks.gold import read_gold, read_labels, refuse_nested
from kdprobe.tasks.readers import SUFFIXES, read_table
from kdprobe.tasks.table import Cells, ColumnTable
from kdprobe.tasks.task import Labels, Task

TEXT_NAMES = ("text", "sentence", "text_a")
HARD_NAMES = ("prediction", "predicted")
_EXPECTED = (
    "logits or probabilities (a list), one column logit:LABEL or prob:LABEL for each label, "
    "or a column prediction"
)


@dataclass(frozen=True)
class PredictionsTable:
    """What a predictions file holds, checked row by row.

    Args:
        table: the rows as read; names the line of each.
        ids: the column `id`, or None.
        texts: the first text of each row, or None when the file has only ids.
        pairs: the second text of each row, or None.
        labels: the gold labels the file claims, or None.
        values: float64 `[n, c]` in the task's label order; what they are is said by `scale`.
        scale: `logits`, `log-probabilities`, `labels` or `scores`.
        notes: what the reader of the report must know.
    """

    table: ColumnTable
    ids: tuple[str, ...] | None
    texts: tuple[str, ...] | None
    pairs: tuple[str, ...] | None
    labels: Labels | None
    values: Floats
    scale: Scale
    notes: tuple[str, ...]


def is_output(column: str) -> bool:
    """Return whether a column of a predictions file holds outputs of the model.

    >>> is_output("prob:yes"), is_output("prediction"), is_output("genre")
    (True, True, False)
    """
    named = ("score", "logits", "probabilities", *HARD_NAMES)
    return column in named or column.startswith(("logit:", "prob:"))


def is_predictions_file(path: str) -> bool:
    """Return whether a path is meant as a predictions file, by its ending; folders are none.

    >>> is_predictions_file("out/teacher.tsv"), is_predictions_file("out/teacher")
    (True, False)
    """
    place = expanded(path)
    return place.suffix.lower() in SUFFIXES and not place.is_dir()


def read_predictions(
    path: Path, task: Task, label_map: Mapping[str, str] | None = None
) -> PredictionsTable:
    """Read a predictions file for a task.

    Columns: `text` (or `sentence`, `text_a`) with `text_b` for pairs, or `id`, or both; `label`
    (name or index, may be missing); and the outputs: `logits`, `probabilities`, `logit:LABEL`,
    `prob:LABEL`, `prediction`; for a regression `score` or `prediction`. What `label_map` says of
    the LABELs of columns is as `match_labels` takes it.

    Raises:
        CheckpointError: no rows, no texts or outputs, an id twice, a wrong number of classes, a
            number that is none or not finite, probabilities that do not sum to 1.
        TaskError: a malformed line, or a label the task does not have.
    """
    table = read_table(path)
    if not table.lines:
        raise CheckpointError(
            table.shown, found="holds no rows", expected="one row for each example"
        )
    ids = _unique_ids(table)
    texts, pairs = _texts(table, task, has_ids=ids is not None)
    values, scale, notes = _outputs(table, task, label_map)
    labels = read_gold(table, task, column="label", labelled=False).labels
    return PredictionsTable(table, ids, texts, pairs, labels, values, scale, (*notes, *table.notes))


def _unique_ids(table: ColumnTable) -> tuple[str, ...] | None:
    if "id" not in table.columns:
        return None
    first: dict[str, int] = {}
    for row, cell in enumerate(table.columns["id"]):
        key = (cell or "").strip()
        if not key or key in first:
            raise CheckpointError(
                table.where(row),
                found=f"id {key!r} stands at {table.where(first[key])} too" if key else "no id",
                expected="one row for each example, of one model",
                remedy="correct it, or leave the id column out: rows are then joined by text",
            )
        first[key] = row
    return tuple(first)


def _texts(
    table: ColumnTable, task: Task, *, has_ids: bool
) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
    name = next((name for name in TEXT_NAMES if name in table.columns), None)
    if name is None:
        if has_ids:
            return None, None
        raise CheckpointError(
            table.shown,
            found=f"neither texts nor ids, only the columns {', '.join(table.columns)}",
            expected="a column text (or sentence; pairs: text_a and text_b), or id",
            remedy="rows are never matched by their order",
        )
    if task.has_pairs and "text_b" not in table.columns:
        raise CheckpointError(
            table.shown,
            found="no column text_b",
            expected=f"text_a and text_b, as {task.name} is about pairs of texts",
        )
    for row, cell in enumerate(table.columns[name]):
        if not (cell or "").strip():
            raise CheckpointError(table.where(row), found="the text is empty", expected="a text")
    for column in (name, "text_b") if task.has_pairs else (name,):
        refuse_nested(table, column, "text")
    texts = tuple(cell or "" for cell in table.columns[name])
    if not task.has_pairs:
        return texts, None
    return texts, tuple(cell or "" for cell in table.columns["text_b"])


def _outputs(
    table: ColumnTable, task: Task, label_map: Mapping[str, str] | None
) -> tuple[Floats, Scale, tuple[str, ...]]:
    if task.kind == "regression":
        return _scores(table, task), "scores", ()
    for word, family in (("logit", "logits"), ("prob", "probabilities")):
        notes: tuple[str, ...] = ()
        if family in table.columns:
            values, written = _listed(table, task, family)
            order = f"the numbers of its column {family} were taken in the order "
            notes = (order + ", ".join(task.labels[:5]) + (", …" if task.labels[5:] else ""),)
        elif any(name.startswith(f"{word}:") for name in table.columns):
            values, written, notes = _by_class(table, task, word, label_map)
        else:
            continue
        if word == "logit":
            values = _finite(values, table, "logits")
            _check_prediction(values, table, task)
            return values, "logits", notes
        meant = to_probabilities(values, written, table)
        _check_prediction(meant.values, table, task)
        logarithms, note = to_log_probabilities(meant.values)
        return logarithms, "log-probabilities", (*notes, *meant.notes, note)
    hard = next((name for name in HARD_NAMES if name in table.columns), None)
    if hard is None:
        raise CheckpointError(
            table.shown,
            found=f"no outputs, only the columns {', '.join(table.columns)}",
            expected=_EXPECTED,
        )
    predicted = read_labels(table, task, column=hard)
    note = "only its predicted labels are known; numbers that need probabilities are left out"
    return np.asarray(predicted, dtype=np.float64).reshape(-1, 1), "labels", (note,)


def _scores(table: ColumnTable, task: Task) -> Floats:
    name = next((name for name in ("score", *HARD_NAMES) if name in table.columns), None)
    if name is None:
        raise CheckpointError(
            table.shown,
            found=f"no outputs, only the columns {', '.join(table.columns)}",
            expected=f"a column score, as {task.name} asks for a number",
        )
    cells = enumerate(table.columns[name])
    rows = [read_numbers(cell, table, row, one=True).values for row, cell in cells]
    return _finite(_rectangular(rows, table, task), table, f"column {name}")


def _listed(table: ColumnTable, task: Task, name: str) -> tuple[Floats, list[WrittenNumbers]]:
    """Read one column of lists of numbers."""
    written = [read_numbers(cell, table, row) for row, cell in enumerate(table.columns[name])]
    return _rectangular([cell.values for cell in written], table, task), written


def _rectangular(rows: list[list[float]], table: ColumnTable, task: Task) -> Floats:
    for row, numbers in enumerate(rows):
        if len(numbers) != task.outputs:
            labels = f" ({', '.join(task.labels[:5])}{', …' if task.labels[5:] else ''})"
            raise CheckpointError(
                table.where(row),
                found=f"{len(numbers)} outputs",
                expected=f"{task.outputs}, as {task.name} has{labels if task.labels else ''}",
                remedy="are these predictions for another task? Classes that the rows of a table "
                "do not show are named with `labels=A,B,C`",
            )
    return np.array(rows, dtype=np.float64)


def _by_class(
    table: ColumnTable, task: Task, word: str, label_map: Mapping[str, str] | None
) -> tuple[Floats, list[WrittenNumbers], tuple[str, ...]]:
    """Read one column per class, matched to the task's labels by name."""
    columns = [name for name in table.columns if name.startswith(f"{word}:")]
    names = tuple(name.removeprefix(f"{word}:").strip() for name in columns)
    order = None if label_map else label_order(table.shown, names, task.labels)
    notes: tuple[str, ...] = ()
    if order is None and len(names) == len(task.labels):
        with contextlib.suppress(CheckpointError):  # the message below speaks of columns
            order, notes = match_labels(table.shown, names, task.labels, label_map)
    if order is None:
        raise CheckpointError(
            table.shown,
            found=f"columns {', '.join(columns[:8])}",
            expected=f"one for each label of {task.name}: "
            + ", ".join(f"{word}:{label}" for label in task.labels[:8]),
            remedy="are these predictions for another task? If not, say which label is which with "
            "`label_map`, or name classes that the rows of a table do not show with `labels=A,B,C`",
        )
    written = [_one_number(table, columns[column]) for column in order]
    values = np.array([[cell.values[0] for cell in cells] for cells in written], dtype=np.float64)
    return values.T, [cell for cells in written for cell in cells], notes


def _one_number(table: ColumnTable, name: str) -> list[WrittenNumbers]:
    cells: Cells = table.columns[name]
    written = []
    for row, cell in enumerate(cells):
        number = read_numbers(cell, table, row, one=True)
        if len(number.values) != 1:
            raise CheckpointError(
                table.where(row), found=f"{name} is {cell!r}", expected="one number"
            )
        written.append(number)
    return written


def _first(bad: NDArray[np.bool_]) -> int | None:
    """Return the first row that is bad, or None."""
    return int(np.argmax(bad)) if bad.any() else None


def _finite(values: Floats, table: ColumnTable, what: str) -> Floats:
    row = _first(np.asarray(~(np.abs(values) <= FARTHEST).all(axis=1), dtype=np.bool_))
    if row is not None:
        raise CheckpointError(
            table.where(row),
            found=f"{what}: {values[row].tolist()}",
            expected=f"finite numbers, at most {FARTHEST:g}",
            remedy="a model that overflowed cannot be compared",
        )
    return values


def _check_prediction(values: Floats, table: ColumnTable, task: Task) -> None:
    """Refuse outputs whose largest is not that of the label the file itself calls predicted."""
    name = next((name for name in HARD_NAMES if name in table.columns), None)
    if name is None:
        return
    predicted = np.asarray(read_labels(table, task, column=name), dtype=np.int64)
    row = _first(values[np.arange(len(values)), predicted] < values.max(axis=1) - SUM_TOLERANCE)
    if row is not None:
        raise CheckpointError(
            table.where(row),
            found=f"column {name} says {task.labels[predicted[row]]!r} and the outputs "
            f"{values[row].tolist()} say {task.labels[int(values[row].argmax())]!r}",
            expected=f"outputs in the order {', '.join(task.labels[:5])}",
            remedy=f"name one column for each label, like logit:{task.labels[0]}",
        )
