"""Predictions files as they stand: rows of texts and what a model said of them.

Does: read .tsv, .csv, .jsonl and .parquet, find the columns of outputs, turn probabilities into
log-probabilities, and refuse a bad row with its line. Does not: join rows to a task's examples;
`predictions_file.py` does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kdprobe.errors import CheckpointError
from kdprobe.models.handle import label_order
from kdprobe.observations import Floats, Scale
from kdprobe.tasks.build import read_labels
from kdprobe.tasks.readers import SUFFIXES, read_table
from kdprobe.tasks.table import Cells, Table
from kdprobe.tasks.task import Labels, Task

SUM_TOLERANCE = 1e-3
"""How far the probabilities of a row may sum from 1 (files are often rounded to three digits)."""

PROBABILITY_FLOOR = 1e-12
"""What a probability of 0 is taken as, so that its logarithm is finite."""

_TEXT_NAMES = ("text", "sentence", "text_a")
_HARD_NAMES = ("prediction", "predicted")
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

    table: Table
    ids: tuple[str, ...] | None
    texts: tuple[str, ...] | None
    pairs: tuple[str, ...] | None
    labels: Labels | None
    values: Floats
    scale: Scale
    notes: tuple[str, ...]


def is_predictions_file(path: str) -> bool:
    """Say whether a path is meant as a predictions file, by its ending; folders are none.

    >>> is_predictions_file("out/teacher.tsv"), is_predictions_file("out/teacher")
    (True, False)
    """
    place = Path(path).expanduser()
    return place.suffix.lower() in SUFFIXES and not place.is_dir()


def read_predictions(path: Path, task: Task) -> PredictionsTable:
    """Read a predictions file for a task.

    Columns: `text` (or `sentence`, `text_a`) with `text_b` for pairs, or `id`, or both; `label`
    (name or index, may be missing); and the outputs: `logits`, `probabilities`, `logit:LABEL`,
    `prob:LABEL`, `prediction`; for a regression `score` or `prediction`.

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
    values, scale, notes = _outputs(table, task)
    labels = read_labels(table, task, column="label", labelled=False)
    return PredictionsTable(table, ids, texts, pairs, labels, values, scale, notes)


def _unique_ids(table: Table) -> tuple[str, ...] | None:
    if "id" not in table.columns:
        return None
    seen: dict[str, int] = {}
    for row, cell in enumerate(table.columns["id"]):
        key = (cell or "").strip()
        if not key or key in seen:
            raise CheckpointError(
                table.where(row),
                found=f"id {key!r} stands at {table.where(seen[key])} too" if key else "no id",
                expected="one row for each example, of one model",
                remedy="correct it, or leave the id column out: rows are then joined by text",
            )
        seen[key] = row
    return tuple(seen)


def _texts(
    table: Table, task: Task, *, has_ids: bool
) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
    name = next((name for name in _TEXT_NAMES if name in table.columns), None)
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
    texts = tuple(cell or "" for cell in table.columns[name])
    if not task.has_pairs:
        return texts, None
    return texts, tuple(cell or "" for cell in table.columns["text_b"])


def _outputs(table: Table, task: Task) -> tuple[Floats, Scale, tuple[str, ...]]:
    notes: tuple[str, ...] = ()
    if task.kind == "regression":
        return _scores(table, task), "scores", ()
    for word, family in (("logit", "logits"), ("prob", "probabilities")):
        if family in table.columns:
            rows = [_numbers(cell, table, row) for row, cell in enumerate(table.columns[family])]
            values = _rectangular(rows, table, task)
            order = f"the numbers of its column {family} were taken in the order "
            notes = (order + ", ".join(task.labels[:5]) + (", …" if task.labels[5:] else ""),)
        elif any(name.startswith(f"{word}:") for name in table.columns):
            values = _by_class(table, task, word)
        else:
            continue
        _check_prediction(values, table, task)
        if word == "logit":
            return _finite(values, table, "logits"), "logits", notes
        logarithms, note = _log_probabilities(values, table)
        return logarithms, "log-probabilities", (*notes, note)
    hard = next((name for name in _HARD_NAMES if name in table.columns), None)
    if hard is None:
        raise CheckpointError(
            table.shown,
            found=f"no outputs, only the columns {', '.join(table.columns)}",
            expected=_EXPECTED,
        )
    predicted = read_labels(table, task, column=hard, labelled=True)
    note = "only its predicted labels are known; numbers that need probabilities are left out"
    return np.asarray(predicted, dtype=np.float64).reshape(-1, 1), "labels", (note,)


def _scores(table: Table, task: Task) -> Floats:
    name = next((name for name in ("score", *_HARD_NAMES) if name in table.columns), None)
    if name is None:
        raise CheckpointError(
            table.shown,
            found=f"no outputs, only the columns {', '.join(table.columns)}",
            expected=f"a column score, as {task.name} asks for a number",
        )
    rows = [_numbers(cell, table, row) for row, cell in enumerate(table.columns[name])]
    return _finite(_rectangular(rows, table, task), table, f"column {name}")


def _numbers(cell: str | None, table: Table, row: int) -> list[float]:
    """Read a list as JSON, as numbers between commas, or as numpy prints it."""
    text = (cell or "").strip().removeprefix("[").removesuffix("]").strip()
    try:
        return [float(part) for part in re.split(r"\s*,\s*|\s+", text)]
    except ValueError as error:
        raise CheckpointError(
            table.where(row),
            found=f"{cell!r} is no list of numbers" if text else "no outputs",
            expected="numbers between commas, like -1.25,0.5",
        ) from error


def _rectangular(rows: list[list[float]], table: Table, task: Task) -> Floats:
    for row, numbers in enumerate(rows):
        if len(numbers) != task.outputs:
            labels = f" ({', '.join(task.labels[:5])}{', …' if task.labels[5:] else ''})"
            raise CheckpointError(
                table.where(row),
                found=f"{len(numbers)} outputs",
                expected=f"{task.outputs}, as {task.name} has{labels if task.labels else ''}",
                remedy="are these predictions for another task?",
            )
    return np.array(rows, dtype=np.float64)


def _by_class(table: Table, task: Task, word: str) -> Floats:
    """Read one column per class, matched to the task's labels by name."""
    columns = [name for name in table.columns if name.startswith(f"{word}:")]
    names = [name.removeprefix(f"{word}:") for name in columns]
    order = label_order(table.shown, names, task.labels)
    if order is None:
        raise CheckpointError(
            table.shown,
            found=f"columns {', '.join(columns[:8])}",
            expected=f"one for each label of {task.name}: "
            + ", ".join(f"{word}:{label}" for label in task.labels[:8]),
            remedy="are these predictions for another task?",
        )
    return np.column_stack([_one_number(table, columns[column]) for column in order])


def _one_number(table: Table, name: str) -> Floats:
    cells: Cells = table.columns[name]
    values = np.empty(len(cells), dtype=np.float64)
    for row, cell in enumerate(cells):
        numbers = _numbers(cell, table, row)
        if len(numbers) != 1:
            raise CheckpointError(
                table.where(row), found=f"{name} is {cell!r}", expected="one number"
            )
        values[row] = numbers[0]
    return values


def _first(bad: NDArray[np.bool_]) -> int | None:
    """Give the first row that is bad, or None."""
    return int(np.argmax(bad)) if bad.any() else None


def _finite(values: Floats, table: Table, what: str) -> Floats:
    row = _first(np.asarray(~np.isfinite(values).all(axis=1), dtype=np.bool_))
    if row is not None:
        raise CheckpointError(
            table.where(row),
            found=f"{what}: {values[row].tolist()}",
            expected="finite numbers",
            remedy="a model that overflowed cannot be compared",
        )
    return values


def _log_probabilities(values: Floats, table: Table) -> tuple[Floats, str]:
    sums = values.sum(axis=1)
    inside = np.isfinite(values) & (values >= 0) & (values <= 1 + SUM_TOLERANCE)
    good = inside.all(axis=1) & (np.abs(sums - 1) <= SUM_TOLERANCE)
    row = _first(np.asarray(~good, dtype=np.bool_))
    if row is not None:
        raise CheckpointError(
            table.where(row),
            found=f"probabilities {values[row].tolist()}, which sum to {sums[row]:.6g}",
            expected=f"numbers from 0 to 1 that sum to 1 within {SUM_TOLERANCE:g}",
            remedy="name the column logits if that is what they are",
        )
    zeros = int((values < PROBABILITY_FLOOR).sum())
    note = "its probabilities were turned into log-probabilities"
    if zeros:
        note += f" ({zeros} below {PROBABILITY_FLOOR:g} were taken as {PROBABILITY_FLOOR:g})"
    return np.log(np.maximum(values, PROBABILITY_FLOOR)), note


def _check_prediction(values: Floats, table: Table, task: Task) -> None:
    """Refuse outputs whose largest is not that of the label the file itself calls predicted."""
    name = next((name for name in _HARD_NAMES if name in table.columns), None)
    if name is None:
        return
    predicted = np.asarray(read_labels(table, task, column=name, labelled=True), dtype=np.int64)
    chosen = values[np.arange(len(values)), predicted]
    row = _first(chosen < values.max(axis=1) - SUM_TOLERANCE)
    if row is not None:
        raise CheckpointError(
            table.where(row),
            found=f"column {name} says {task.labels[predicted[row]]!r} and the outputs "
            f"{values[row].tolist()} say {task.labels[int(values[row].argmax())]!r}",
            expected=f"outputs in the order {', '.join(task.labels[:5])}",
            remedy=f"name one column for each label, like logit:{task.labels[0]}",
        )
