"""Outputs of several labels at once: a probability, a log-odds, or 0 and 1 for each.

Does: turn probabilities of independent labels into log-odds, and sets of labels by name into rows
of 0 and 1. Does not: read files or arrays; `outputs.py` and `array_outputs.py` do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from kdprobe.config.kinds import PRIMARY_SCORES
from kdprobe.config.task import Task
from kdprobe.errors import ConfigError
from kdprobe.models.predictions.array_values import as_numbers, class_index, is_missing
from kdprobe.models.predictions.numbers import PROBABILITY_FLOOR
from kdprobe.observations.predictions import Scale
from kdprobe.stats.arrays import Floats, Ints
from kdprobe.tasks.task import NO_LABEL

HARD = "only its sets of labels are known; numbers that need probabilities are left out"


def log_odds(probabilities: Floats) -> tuple[Floats, str]:
    """Return log(p / (1 - p)), p kept `PROBABILITY_FLOOR` away from 0 and 1, and a note.

    >>> log_odds(np.array([[0.5, 0.75]]))[0].round(4).tolist()
    [[0.0, 1.0986]]
    """
    held = np.clip(probabilities, PROBABILITY_FLOOR, 1.0 - PROBABILITY_FLOOR)
    ends = int((held != probabilities).sum())
    note = "its probabilities are those of each label by itself, more than .5 for yes"
    if ends:
        note += f" ({ends} nearer to 0 or 1 than {PROBABILITY_FLOOR:g} were taken as that)"
    return np.log(held) - np.log1p(-held), note


def label_matrix(
    array: Any, where: str, *, logits: bool, row_name: Callable[[int], str]
) -> tuple[Floats, Scale, str]:
    """Return numbers for each label as what they are.

    Definition: whole numbers, truth values, and where `logits` floats that are all 0 or 1, are sets
    of labels; other floats from 0 to 1 are probabilities; the rest are log-odds, where `logits`.

    Args:
        array: `[n, L]`.
        where: whose they are, for messages.
        logits: whether numbers beyond 0..1 are taken for log-odds.
        row_name: what a row is called in messages.

    Raises:
        ConfigError: numbers that are none of these.
    """
    numbers = as_numbers(array, where)
    ends = bool(((numbers == 0) | (numbers == 1)).all())
    whole = np.asarray(array).dtype.kind in "biu"
    if ends and (whole or logits):
        return numbers, "label sets", HARD
    inside = ((numbers >= 0) & (numbers <= 1)).all(axis=1)
    if inside.all() and not whole:
        values, note = log_odds(numbers)
        return values, "label logits", note
    if not logits or whole:
        row = int(np.argmin(inside)) if not inside.all() else 0
        raise ConfigError(
            where, found=f"{row_name(row)} is {numbers[row].tolist()}",
            expected=f"{numbers.shape[1]} probabilities from 0 to 1, one of each label by itself",
        )  # fmt: skip
    return numbers, "label logits", ""


def named_sets(
    rows: Sequence[Any], names: Sequence[str], where: str, *, row_name: Callable[[int], str]
) -> Ints:
    """Return sets of labels as rows of 0 and 1, int64 `[n, L]`; of what is missing a row of -1.

    Args:
        rows: an iterable of names or indices for each example, or None.
        names: the labels, in order.
        where: whose they are, for messages.
        row_name: what a row is called in messages.

    Raises:
        ConfigError: a row that is no set, or a name that is no label.

    >>> named_sets([["b"], [], None], ["a", "b"], "`y`", row_name=str).tolist()
    [[0, 1], [0, 0], [-1, -1]]
    """
    places = {name: place for place, name in enumerate(names)}
    held = np.zeros((len(rows), len(names)), dtype=np.int64)
    for row, each in enumerate(rows):
        if is_missing(each):
            held[row] = NO_LABEL
            continue
        for value in each if isinstance(each, Iterable) and not isinstance(each, str) else (each,):
            place = places.get(value) if isinstance(value, str) else class_index(value)
            if place is None or not 0 <= place < len(names):
                raise ConfigError(
                    where, found=f"{row_name(row)} holds {value!r}",
                    expected=f"a set of {', '.join(names)}",
                )  # fmt: skip
            held[row, place] = 1
    return held


def are_sets(values: Any) -> bool:
    """Whether values are sets of labels by name: lists of text, an empty one among them perhaps.

    >>> are_sets([["a"], []]), are_sets([[0.5, 0.5]]), are_sets(["a", "b"])
    (True, False, False)
    """
    if hasattr(values, "shape") and len(values.shape) != 1:
        return False
    rows = [each for each in values if not is_missing(each)] if len(values) else []
    return bool(rows) and all(
        isinstance(each, list | tuple | set | frozenset)
        or (hasattr(each, "shape") and len(each.shape) == 1)
        for each in rows
    ) and any(isinstance(one, str) for each in rows for one in each)  # fmt: skip


class GoldSets(NamedTuple):
    """A multi-label task, and its gold labels, 0 or 1 or -1, int64 `[n, L]`."""

    task: Task
    labels: Ints


def gold_sets(y_true: Any, labels: Sequence[str] | None, first: Any) -> GoldSets | None:
    """Return gold labels of several at once, or None where they are of another kind.

    Args:
        y_true: what a person hands over: two axes of 0 and 1, a frame with a column a label, or
            lists of names.
        labels: the names of the labels; None: the columns of a frame, else the names that are
            there, sorted, else `0`, `1` ….
        first: the teacher's outputs, whose columns name labels too.

    Raises:
        ConfigError: numbers other than 0 and 1, or another number of columns than labels.

    >>> gold_sets([["b"], ["a", "b"]], None, [[0, 1], [1, 1]]).labels.tolist()
    [[0, 1], [1, 1]]
    """
    where = "`y_true`"
    if y_true is None:
        return None
    frame = hasattr(y_true, "columns")
    if not frame and are_sets(y_true):
        shown = {str(one) for each in y_true if not is_missing(each) for one in each}
        names = tuple(labels or getattr(first, "columns", ()) or sorted(shown))
        held = named_sets(list(y_true), names, where, row_name=lambda row: f"row {row + 1}")
        return GoldSets(_task(names), held)
    if not frame and np.ndim(np.asarray(y_true, dtype=object)) != 2:
        return None
    names = tuple(labels or (map(str, y_true.columns) if frame else ()))
    numbers = as_numbers(y_true[list(names)] if frame else y_true, where)
    names = names or tuple(str(place) for place in range(numbers.shape[1]))
    unknown = np.isnan(numbers).any(axis=1)
    held = np.where(unknown[:, None], NO_LABEL, np.nan_to_num(numbers)).astype(np.int64)
    fits = numbers.shape[1] == len(names) and bool(
        (unknown[:, None] | (numbers == 0) | (numbers == 1)).all()
    )
    if not fits:
        raise ConfigError(
            where, found=f"an array of shape {numbers.shape}",
            expected=f"0 or 1 in each place, a column for each of {len(names)} labels",
        )  # fmt: skip
    return GoldSets(_task(names), held)


def _task(names: tuple[str, ...]) -> Task:
    return Task("arrays", 1, "multilabel", names, PRIMARY_SCORES["multilabel"][0])
