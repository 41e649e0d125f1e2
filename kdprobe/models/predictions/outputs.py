"""The outputs that a predictions file holds, row by row.

Does: find the columns of outputs, turn probabilities into log-probabilities, and refuse a bad row
with its line; a row without an answer is none of these, and told apart. Does not: read answers in
words (`answers.py`) or tokens (`token_probabilities.py`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kdprobe.errors import CheckpointError
from kdprobe.models.handle import label_order
from kdprobe.models.labels import POSITIONAL, match_labels
from kdprobe.models.predictions.answers import (
    HARD_NAMES,
    TOKENS,
    Lack,
    empty_rows,
    read_answers,
)
from kdprobe.models.predictions.label_numbers import HARD, log_odds
from kdprobe.models.predictions.numbers import (
    SUM_TOLERANCE,
    WrittenNumbers,
    read_numbers,
    to_log_probabilities,
    to_probabilities,
    to_shares,
)
from kdprobe.models.predictions.token_probabilities import token_probabilities
from kdprobe.observations.predictions import Scale, scale_of
from kdprobe.stats.arrays import FARTHEST, Floats, Ints
from kdprobe.tasks.gold import read_labels
from kdprobe.tasks.table import Cells, ColumnTable
from kdprobe.tasks.task import Task

_EXPECTED = (
    "logits or probabilities (a list), one column logit:LABEL or prob:LABEL for each label, "
    "logprobs (an object), or a column prediction"
)


class TableOutputs(NamedTuple):
    """The outputs of the rows of a file.

    Args:
        values: float64 `[n, c]` in the task's label order, NaN where a row holds no answer.
        scale: what they are.
        notes: what the reader of the report must know.
        lacking: the rows that hold no answer, and why.
    """

    values: Floats
    scale: Scale
    notes: tuple[str, ...]
    lacking: Mapping[int, Lack]


def table_outputs(
    table: ColumnTable, task: Task, label_map: Mapping[str, str] | None
) -> TableOutputs:
    """Read the outputs of a predictions file; see `table.read_predictions`.

    Raises:
        CheckpointError: no column of outputs, a bad number, or no row with an answer.
    """
    columns = _columns(table, task)
    answers = read_answers(table, task, label_map)
    lacking = {**empty_rows(table, columns, task), **answers.lacking}
    if columns == (TOKENS,):
        tokens = token_probabilities(table, task, label_map, skip=lacking)
        lacking |= tokens.lacking
    rows = [row for row in range(len(table.lines)) if row not in lacking]
    if not rows:
        row, lack = min(lacking.items())
        raise CheckpointError(
            table.shown,
            found=f"none of its {len(table.lines)} rows holds an answer, the first is "
            f"{lack.words} ({table.where(row)})",
            expected=f"one of {', '.join(task.labels[:8])}" if task.labels else "numbers",
            remedy="`label_map` says which label an answer means" if task.labels else "",
        )
    kept = answers.table if len(rows) == len(table.lines) else answers.table.take(rows)
    if columns == (TOKENS,):
        _check_prediction(tokens.values[rows], kept, task)
        read: tuple[Floats, Scale, tuple[str, ...]] = (
            tokens.values[rows], "log-probabilities", tokens.notes
        )  # fmt: skip
    else:
        read = _outputs(kept, task, label_map)
    values = np.full((len(table.lines), read[0].shape[1]), np.nan)
    values[rows] = read[0]
    return TableOutputs(values, read[1], (*answers.notes, *read[2]), lacking)


def _columns(table: ColumnTable, task: Task) -> tuple[str, ...]:
    """Return the columns that outputs are read from.

    Raises:
        CheckpointError: there are none.
    """
    hard = [name for name in HARD_NAMES if name in table.columns][:1]
    if task.kind == "regression":
        named = [name for name in ("score", *hard) if name in table.columns][:1]
        expected = f"a column score, as {task.name} asks for a number"
    else:
        named, expected = hard, _EXPECTED
        for word, family in (("logit", "logits"), ("prob", "probabilities")):
            by_class = [name for name in table.columns if name.startswith(f"{word}:")]
            if family in table.columns or by_class:
                return (family,) if family in table.columns else tuple(by_class)
        if TOKENS in table.columns and task.kind == "multilabel":
            raise CheckpointError(
                table.shown,
                found="log-probabilities of one answer's tokens (logprobs)",
                expected=f"a column prob:LABEL for each label of {task.name}, or sets of labels in "
                "a column prediction",
                remedy="tokens of one answer exclude each other, and several labels may hold at "
                "once: ask the model about each label, or write the sets that it named",
            )
        if TOKENS in table.columns:
            return (TOKENS,)
    if not named:
        raise CheckpointError(
            table.shown,
            found=f"no outputs, only the columns {', '.join(table.columns)}",
            expected=expected,
        )
    return tuple(named)


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
            return values, scale_of(task), notes
        if task.kind == "multilabel":
            values, note = log_odds(to_shares(values, written, table))
            _check_prediction(values, table, task)
            return values, "label logits", (*notes, note)
        meant = to_probabilities(values, written, table)
        _check_prediction(meant.values, table, task)
        logarithms, note = to_log_probabilities(meant.values)
        return logarithms, "log-probabilities", (*notes, *meant.notes, note)
    predicted = read_labels(table, task, column=_hard(table))
    if task.kind == "multilabel":
        return np.asarray(predicted, dtype=np.float64), "label sets", (HARD,)
    note = "only its predicted labels are known; numbers that need probabilities are left out"
    return np.asarray(predicted, dtype=np.float64).reshape(-1, 1), "labels", (note,)


def _hard(table: ColumnTable) -> str:
    return next(name for name in HARD_NAMES if name in table.columns)


def _scores(table: ColumnTable, task: Task) -> Floats:
    (name,) = _columns(table, task)
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
    if label_map and label_map != POSITIONAL:  # it may speak of answers too
        label_map = {name: label_map[name] for name in names if name in label_map}
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
    if task.kind == "multilabel":
        _check_sets(values, predicted, table, task)
        return
    row = _first(values[np.arange(len(values)), predicted] < values.max(axis=1) - SUM_TOLERANCE)
    if row is not None:
        raise CheckpointError(
            table.where(row),
            found=f"column {name} says {task.labels[predicted[row]]!r} and the outputs "
            f"{values[row].tolist()} say {task.labels[int(values[row].argmax())]!r}",
            expected=f"outputs in the order {', '.join(task.labels[:5])}",
            remedy=f"name one column for each label, like logit:{task.labels[0]}",
        )


def _check_sets(values: Floats, predicted: Ints, table: ColumnTable, task: Task) -> None:
    """Refuse a set in which a label stands whose log-odds are below 0, or lacks one above."""
    wrong = np.where(predicted == 1, values < -SUM_TOLERANCE, values > SUM_TOLERANCE)
    row = _first(np.asarray(wrong.any(axis=1)))
    if row is not None:
        label = task.labels[int(np.argmax(wrong[row]))]
        raise CheckpointError(
            table.where(row),
            found=f"column {_hard(table)} and the outputs differ on {label!r}",
            expected="a predicted label where its probability is more than .5",
            remedy=f"name one column for each label, like prob:{label}; sets that were cut at "
            "another threshold are compared without the probabilities",
        )
