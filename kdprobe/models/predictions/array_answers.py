"""Which rows of arrays and frames hold no answer of a model.

Does: tell rows that are missing, or hold words that are no label, from those that can be read. Does
not: read the others; `array_outputs.py` does.
"""

from __future__ import annotations

from typing import Any, Literal

from kdprobe.models.predictions.answers import Lack
from kdprobe.models.predictions.array_values import as_array, is_missing
from kdprobe.tasks.task import Task


def lacking_rows(
    values: Any, task: Task, where: str, *, missing: Literal["refuse", "drop"]
) -> dict[int, Lack]:
    """Return the rows of an array or a frame that hold no answer, and why.

    Definition: a row is missing where it is None or NaN, of several columns in each of them; where
    such rows may be dropped, words that are no label of the task are no answer either, as in a
    predictions file. A row of which a part is missing is read, and refused.

    Args:
        values: as `read_outputs` takes them.
        task: what they speak of.
        where: whose they are, for messages.
        missing: whether rows without an answer may be dropped.

    >>> task = Task("t", 1, "classification", ("no", "yes"), "accuracy")
    >>> lacking_rows(["yes", None, "I cannot"], task, "`m`", missing="drop")
    {1: Lack(answer=''), 2: Lack(answer='I cannot')}
    >>> lacking_rows([[0.5, 0.5], [float("nan")] * 2], task, "`m`", missing="refuse")
    {1: Lack(answer='')}
    """
    rows = as_array(values, where, axes=(1, 2), dtype=object)
    lacking: dict[int, Lack] = {}
    for row, value in enumerate(rows.tolist()):
        cells = value if isinstance(value, list) else [value]
        if cells and all(map(is_missing, cells)):
            lacking[row] = Lack()
        elif missing == "drop" and task.labels and len(cells) == 1:
            answer = cells[0]
            if isinstance(answer, str) and answer not in task.labels:
                lacking[row] = Lack(answer.strip())
    return lacking
