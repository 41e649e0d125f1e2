"""Predictions files as they stand: rows of texts and what a model said of them.

Does: read tables, tell the examples of rows, and refuse a bad row with its line. Does not: read
outputs (`outputs.py`), or join rows to examples (`file.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kdprobe.errors import CheckpointError
from kdprobe.models.predictions.answers import HARD_NAMES, TOKENS, Lack
from kdprobe.models.predictions.outputs import table_outputs
from kdprobe.observations.predictions import Scale
from kdprobe.plain_files import expanded
from kdprobe.stats.arrays import Floats
from kdprobe.tasks.gold import read_gold, refuse_nested
from kdprobe.tasks.readers import is_table, read_table
from kdprobe.tasks.table import ColumnTable
from kdprobe.tasks.task import Labels, Task

TEXT_NAMES = ("text", "sentence", "text_a")


@dataclass(frozen=True)
class PredictionsTable:
    """What a predictions file holds, checked row by row.

    Args:
        table: the rows as read; names the line of each.
        ids: the column `id`, or None.
        texts: the first text of each row, or None when the file has only ids.
        pairs: the second text of each row, or None.
        labels: the gold labels the file claims, or None.
        values: float64 `[n, c]` in the task's label order, NaN where a row holds no answer; what
            they are is said by `scale`.
        scale: `logits`, `log-probabilities`, `labels` or `scores`.
        notes: what the reader of the report must know.
        lacking: the rows that hold no answer, and why.
    """

    table: ColumnTable
    ids: tuple[str, ...] | None
    texts: tuple[str, ...] | None
    pairs: tuple[str, ...] | None
    labels: Labels | None
    values: Floats
    scale: Scale
    notes: tuple[str, ...]
    lacking: Mapping[int, Lack]


def is_output(column: str) -> bool:
    """Return whether a column of a predictions file holds outputs of the model.

    >>> is_output("prob:yes"), is_output("prediction"), is_output("genre")
    (True, True, False)
    """
    named = ("score", "logits", "probabilities", TOKENS, *HARD_NAMES)
    return column in named or column.startswith(("logit:", "prob:"))


def is_predictions_file(path: str) -> bool:
    """Return whether a path is meant as a predictions file, by its ending; folders are none.

    >>> is_predictions_file("out/teacher.tsv"), is_predictions_file("out/teacher")
    (True, False)
    """
    place = expanded(path)
    return is_table(place) and not place.is_dir()


def read_predictions(
    path: Path, task: Task, label_map: Mapping[str, str] | None = None
) -> PredictionsTable:
    """Read a predictions file for a task.

    Columns: `text` (or `sentence`, `text_a`) with `text_b` for pairs, or `id`, or both; `label`
    (name or index, may be missing); and the outputs: `logits`, `probabilities`, `logit:LABEL`,
    `prob:LABEL`, `logprobs`, `prediction`; for a regression `score` or `prediction`. What
    `label_map` says of the LABELs of columns is as `match_labels` takes it; answers are read by it
    too. Rows without an answer, or with one that is no label, are `lacking`.

    Raises:
        CheckpointError: no rows, no texts or outputs, an id twice, a wrong number of classes, a
            number that is none or not finite, probabilities that do not sum to 1.
        TaskError: a malformed line, or a gold label the task does not have.
    """
    table = read_table(path)
    if not table.lines:
        raise CheckpointError(
            table.shown, found="holds no rows", expected="one row for each example"
        )
    ids = _unique_ids(table)
    texts, pairs = _texts(table, task, has_ids=ids is not None)
    read = table_outputs(table, task, label_map)
    labels = read_gold(table, task, column="label", labelled=False).labels
    notes = (*read.notes, *table.notes)
    return PredictionsTable(
        table, ids, texts, pairs, labels, read.values, read.scale, notes, read.lacking
    )


def _unique_ids(table: ColumnTable) -> tuple[str, ...] | None:
    if "id" not in table.columns:
        return None
    keys = tuple((cell or "").strip() for cell in table.columns["id"])
    different = frozenset(keys)
    if len(different) < len(keys) or "" in different:
        _refuse_ids(table, keys)
    return keys


def _refuse_ids(table: ColumnTable, keys: Sequence[str]) -> None:
    """Refuse the first row without an id, or with one that stands above it."""
    first: dict[str, int] = {}
    for row, key in enumerate(keys):
        if not key or key in first:
            raise CheckpointError(
                table.where(row),
                found=f"id {key!r} stands at {table.where(first[key])} too" if key else "no id",
                expected="one row for each example, of one model",
                remedy="correct it, or leave the id column out: rows are then joined by text",
            )
        first[key] = row


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
