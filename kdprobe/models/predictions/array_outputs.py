"""A model's outputs as arrays, frames or lists: what scikit-learn, torch and pandas give.

Does: tell probabilities, logits, labels and scores apart, and refuse what is none of them in one
message. Does not: read files; `table.py` does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from kdprobe.errors import ConfigError
from kdprobe.models.predictions.array_values import as_array, as_numbers, class_index, is_missing
from kdprobe.models.predictions.label_numbers import HARD, are_sets, label_matrix, named_sets
from kdprobe.models.predictions.numbers import SUM_TOLERANCE, to_log_probabilities
from kdprobe.observations.predictions import Scale
from kdprobe.stats.arrays import Floats, Ints
from kdprobe.tasks.task import NO_LABEL, Task


class ArrayOutputs(NamedTuple):
    """Outputs as float64 `[n, c]` or `[n, 1]`, what they are, and what the reader must know."""

    values: Floats
    scale: Scale
    notes: tuple[str, ...]


def numbered(row: int) -> str:
    """Name a row of an array that is nothing but a place."""
    return f"row {row + 1}"


def read_outputs(
    values: Any,
    task: Task,
    n: int,
    where: str,
    *,
    logits: bool = True,
    row_name: Callable[[int], str] = numbered,
) -> ArrayOutputs:
    """Read the outputs of one model.

    Args:
        values: `[n, c]` logits, or probabilities (rows from 0 to 1 that sum to 1 within 0.001:
            float16 keeps three digits); a frame with a column a label; `[n]` class indices or label
            names; of two classes also `[n]` probabilities of the second, some between 0 and 1; of
            a regression `[n]` numbers; of several labels at once `[n, L]` log-odds, probabilities
            of each by itself or 0 and 1, or a list of sets of names.
        task: what they speak of; columns of an array are in the order of its labels.
        n: the number of examples.
        where: whose they are, for messages.
        logits: whether rows that are no probabilities are taken for logits, and one number a row
            for the second's probability: what both need is all rows at once.
        row_name: what a row is called in messages.

    Raises:
        ConfigError: another shape, another number of rows, or values that are none of these.

    >>> task = Task("t", 1, "classification", ("no", "yes"), "accuracy")
    >>> read_outputs(["yes", "no"], task, 2, "`m`").values.tolist()
    [[1.0], [0.0]]
    >>> read_outputs([[0.5, 0.25]], task, 1, "`m`", logits=False)
    Traceback (most recent call last):
    kdprobe.errors.ConfigError: `m`: row 1 is [0.5, 0.25], expected 2 probabilities, which sum to 1
    """
    names = task.labels
    if hasattr(values, "columns"):
        columns = frame_columns(values, where)
        if sorted(columns) != sorted(names):
            raise ConfigError(
                where, found=f"columns {', '.join(columns)}", expected=", ".join(names)
            )
        values = values.rename(columns=str)[list(names)]
    if task.kind == "multilabel":
        return _of_labels(values, task, n, where, logits=logits, row_name=row_name)
    array = as_array(values, where, axes=(1, 2))
    if len(array) != n:
        raise ConfigError(
            where, found=f"an array of shape {array.shape}", expected=f"a row for each of {n}"
        )
    if task.kind == "regression":
        if array.size != n:
            raise ConfigError(where, found=f"{array.shape[1]} columns", expected="one number a row")
        return ArrayOutputs(as_numbers(array.reshape(n, 1), where), "scores", ())
    if array.ndim == 1 or array.shape[1] == 1 < len(names):
        if logits and len(names) == 2 and _is_probability(array):
            second = as_numbers(array.reshape(-1), where)
            read = _distributions(
                np.stack([1.0 - second, second], axis=1), where, logits=True, row_name=row_name
            )
            note = f"one number a row was read as the probability of {names[1]}"
            return read._replace(notes=(note, *read.notes))
        note = "only its predicted labels are known; numbers that need probabilities are left out"
        classes = read_classes(array.reshape(-1), names, where, row_name=row_name)
        if (classes == NO_LABEL).any():
            row = row_name(int(np.argmax(classes == NO_LABEL)))
            raise ConfigError(where, found=f"{row} is missing", expected="a label")
        return ArrayOutputs(classes[:, None].astype(np.float64), "labels", (note,))
    if array.shape[1] != len(names):
        raise ConfigError(
            where, found=f"{array.shape[1]} columns", expected=f"{len(names)}, one a label"
        )
    return _distributions(as_numbers(array, where), where, logits=logits, row_name=row_name)


def _of_labels(
    values: Any, task: Task, n: int, where: str, *, logits: bool, row_name: Callable[[int], str]
) -> ArrayOutputs:
    """Read outputs of several labels at once; see `label_numbers.py`."""
    if are_sets(values):
        sets = named_sets(list(values), task.labels, where, row_name=row_name)
        if len(sets) != n or (sets == NO_LABEL).any():
            shape = f"{len(sets)} rows" if len(sets) != n else "a row is missing"
            raise ConfigError(where, found=shape, expected=f"a set of labels for each of {n}")
        return ArrayOutputs(sets.astype(np.float64), "label sets", (HARD,))
    array = as_array(values, where, axes=(2,))
    if array.shape != (n, len(task.labels)):
        raise ConfigError(
            where, found=f"an array of shape {array.shape}",
            expected=f"{(n, len(task.labels))}, a row an example and a column a label",
        )  # fmt: skip
    numbers, scale, note = label_matrix(array, where, logits=logits, row_name=row_name)
    return ArrayOutputs(numbers, scale, (note,) if note else ())


def _is_probability(array: Any) -> bool:
    """Whether numbers lie in 0..1, and not all on its ends: those are classes."""
    if array.dtype.kind != "f":
        return False
    return bool(((array >= 0) & (array <= 1)).all() and (array % 1 > 0).any())


def _distributions(
    numbers: Floats, where: str, *, logits: bool, row_name: Callable[[int], str]
) -> ArrayOutputs:
    """Return probabilities as their logarithms; what is none as logits, where that may be."""
    sums = numbers.sum(axis=1)
    good = (numbers >= 0).all(axis=1) & (np.abs(sums - 1.0) <= SUM_TOLERANCE)
    if good.all():
        logarithms, note = to_log_probabilities(numbers / sums[:, None])
        return ArrayOutputs(logarithms, "log-probabilities", (note,))
    if not logits:
        row = int(np.argmin(good))
        raise ConfigError(
            where, found=f"{row_name(row)} is {numbers[row].tolist()}",
            expected=f"{numbers.shape[1]} probabilities, which sum to 1",
        )  # fmt: skip
    return ArrayOutputs(numbers, "logits", ())


def frame_columns(frame: Any, where: str) -> list[str]:
    """Return the names of a frame's columns, each of which is a label.

    Raises:
        ConfigError: no columns, or two of one name.
    """
    columns = [str(name) for name in frame.columns]
    if not columns or len(set(columns)) < len(columns):
        listed = f"the columns {', '.join(columns)}" if columns else "no columns"
        raise ConfigError(where, found=listed, expected="a column a label, each once")
    return columns


def read_classes(
    array: Any,
    names: tuple[str, ...],
    where: str,
    *,
    row_name: Callable[[int], str] = numbered,
) -> Ints:
    """Return class indices `[n]` of indices or names; what is missing is `NO_LABEL`.

    Raises:
        ConfigError: a value that is neither.
    """
    places = {name: index for index, name in enumerate(names)}
    classes = np.full(len(array), NO_LABEL, dtype=np.int64)
    for row, value in enumerate(array.tolist()):
        if is_missing(value):
            continue
        index = places.get(value) if isinstance(value, str) else class_index(value)
        if index is None or not 0 <= index < len(names):
            raise ConfigError(
                where,
                found=f"{row_name(row)} is {value!r}",
                expected=f"0 to {len(names) - 1}, or one of {', '.join(names)}",
            )
        classes[row] = index
    return classes
