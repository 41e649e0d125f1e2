"""A model known only by what it parsed: a predictions file as a `ModelHandle`.

Does: join the rows of a file to a task's examples by id or by text, never by order, tell examples
without an answer, and make examples of a file when a task's data are nowhere. Does not: answer
about texts that are not in it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from kdprobe.errors import CheckpointError, MisalignedError
from kdprobe.models.handle import Capability, Outputs, ProgressCall
from kdprobe.models.predictions.table import (
    PredictionsTable,
    is_output,
    is_predictions_file,
    read_predictions,
)
from kdprobe.models.predictions.unanswered import Unanswered
from kdprobe.plain_files import expanded
from kdprobe.plain_text import printable
from kdprobe.tasks.packed import stem
from kdprobe.tasks.task import NO_LABEL, Split, Task, text_hash

__all__ = ["PredictionsFile", "is_predictions_file", "split_from_file"]

SAME = 1e-4
"""How far outputs for one text may differ and still be the same, as probabilities."""

_SHOWN = 60
"""Characters of a text that a message quotes."""


class PredictionsFile:
    """What a file says a model parsed; see `models.handle.ModelHandle` for the properties.

    Args:
        path: a .tsv, .csv, .jsonl or .parquet file; see `read_predictions`.
        name: the name people gave it.
        task: what its outputs speak of.
        label_map: what the user said of its labels and answers; see `read_predictions`.
        by_text: join rows to texts, where it has texts, though it has ids too.

    Raises:
        UsageError: the file cannot be read, or a row of it is bad; the line is named.
    """

    source: Literal["predictions file"] = "predictions file"
    architecture: str = ""
    parameters: int | None = None
    disk_bytes: int | None = None
    reading: str = ""
    capabilities: frozenset[Capability] = frozenset()
    lacks: Mapping[Capability, str] = MappingProxyType(
        {
            "logits": "new texts cannot be put to a predictions file",
            "hidden_states": "no layers can be read, as of a predictions file",
            "attentions": "no attention can be read, as of a predictions file",
            "texts": "new texts cannot be put to a predictions file",
            "gradients": "a predictions file has no gradients",
        }
    )
    repeats: bool = False
    alarms: tuple[str, ...] = ()

    def __init__(
        self,
        path: str | Path,
        *,
        name: str,
        task: Task,
        label_map: Mapping[str, str] | None = None,
        by_text: bool = False,
    ) -> None:
        place = expanded(path)
        parsed = read_predictions(place, task, label_map)
        by_id = not (by_text and parsed.texts is not None)
        self._parsed = parsed if by_id else replace(parsed, ids=None)
        self.name, self.folder = name, place.name
        self.fingerprint: str = hashlib.sha256(place.read_bytes()).hexdigest()
        self.labels: tuple[str, ...] = task.labels
        self.notes: tuple[str, ...] = self._parsed.notes
        self.shown = f"{name} ({self._parsed.table.shown})"

    def outputs(self, split: Split, *, batch_size: int, advance: ProgressCall) -> Outputs:
        """Look up what the model parsed of every example; `batch_size` changes nothing.

        Rows are joined by id when the file shares an id with the split, else by text. Rows of the
        file that are no example of the split are counted in `notes`, which speak of the last split
        that was asked about.

        Raises:
            MisalignedError: an example has no answer, or a text, a label or a second row
                contradicts.
        """
        rows = _join(self._parsed, split, self.name)
        lacking = self._lacking(split, rows)
        if lacking.count:
            raise lacking.refusal(self.shown, split)
        _compare_labels(self._parsed, split, rows, self.name)
        extra = len(self._parsed.table.lines) - len(np.unique(rows))
        extra_note = (
            f"{extra} rows of its file are no examples of {split.name} and were left out",
        )
        unchecked = ("its rows were joined by id alone; it has no texts to check",)
        self.notes = (
            *self._parsed.notes,
            *(extra_note if extra else ()),
            *(unchecked if self._parsed.texts is None else ()),
        )
        advance(len(split))
        values = self._parsed.values[rows]
        return Outputs(values, self._parsed.scale, np.zeros(len(split), dtype=np.bool_))

    def unanswered(self, split: Split) -> Unanswered:
        """Return the examples that it did not answer, joined as `outputs` joins them.

        Raises:
            MisalignedError: a text or a second row contradicts.
        """
        return self._lacking(split, _join(self._parsed, split, self.name))

    def _lacking(self, split: Split, rows: NDArray[np.int64]) -> Unanswered:
        parsed = self._parsed
        mask = np.array([row < 0 or row in parsed.lacking for row in rows.tolist()], dtype=np.bool_)
        lacks = [parsed.lacking.get(row) for row in rows[mask].tolist()]
        if not lacks:
            return Unanswered(mask, ())
        first = int(np.argmax(mask))
        row = int(rows[first])
        by_id = parsed.texts is None or _shares_ids(parsed, split)
        shown = f"id {split.ids[first]!r}" if by_id else _quoted(_example(split, first))
        return Unanswered(mask, lacks, shown if row < 0 else f"{shown} ({parsed.table.where(row)})")


def split_from_file(path: Path, task: Task) -> Split:
    """Make the examples of a task from a predictions file, for when its data are nowhere.

    Ids are the file's, or hashes of text and label, so that two files of the same rows in another
    order give the same ids. Columns that hold neither texts, labels nor outputs are kept for
    slices.

    Raises:
        CheckpointError: the file has no texts, or cannot be used; see `read_predictions`.
    """
    parsed = read_predictions(expanded(path), task)
    if parsed.texts is None:
        raise CheckpointError(
            str(path),
            found=f"no texts, and the data of {task.name} were not found",
            expected="a column text",
            remedy="say where the data are with `data_dir`",
        )
    used = {"id", "text", "sentence", "text_a", "text_b", "label"}
    columns = {
        name: tuple(cell or "" for cell in cells)
        for name, cells in parsed.table.columns.items()
        if name not in used and not is_output(name)
    }
    return Split(
        task=task,
        name=stem(path),
        ids=parsed.ids or _content_ids(parsed),
        texts=parsed.texts,
        pairs=parsed.pairs,
        labels=parsed.labels,
        columns=columns,
        origin=path.name,
    )


def _content_ids(parsed: PredictionsTable) -> tuple[str, ...]:
    counts: Counter[str] = Counter()
    ids = []
    for row in range(len(parsed.table.lines)):
        text, pair = _text_of(parsed, row)
        label = "" if parsed.labels is None else str(parsed.labels[row].item())
        key = text_hash(f"{label}\x1e{text}", pair)
        counts[key] += 1
        ids.append(key if counts[key] == 1 else f"{key}-{counts[key]}")
    return tuple(ids)


def _text_of(parsed: PredictionsTable, row: int) -> tuple[str, str | None]:
    assert parsed.texts is not None  # every caller has checked
    return parsed.texts[row].strip(), None if parsed.pairs is None else parsed.pairs[row].strip()


def _example(split: Split, row: int) -> tuple[str, str | None]:
    pair = None if split.pairs is None else split.pairs[row].strip()
    return split.texts[row].strip(), pair


def _join(parsed: PredictionsTable, split: Split, name: str) -> NDArray[np.int64]:
    """Return the row of the file for each example, -1 where it has none."""
    if parsed.ids is not None and _shares_ids(parsed, split):
        return _join_by_id(parsed, parsed.ids, split)
    if parsed.texts is None:
        raise MisalignedError(
            name,
            found=f"its file has no texts and none of the ids of {split.task.name} {split.name}",
            expected=f"ids like {split.ids[0]!r}, or a column text",
        )
    return _join_by_text(parsed, split)


def _shares_ids(parsed: PredictionsTable, split: Split) -> bool:
    return parsed.ids is not None and not set(parsed.ids).isdisjoint(split.ids)


def _join_by_id(parsed: PredictionsTable, ids: tuple[str, ...], split: Split) -> NDArray[np.int64]:
    place = {key: row for row, key in enumerate(ids)}
    rows = np.array([place.get(key, -1) for key in split.ids], dtype=np.int64)
    if parsed.texts is not None:
        for example, row in enumerate(rows):
            if row < 0:
                continue
            ours, theirs = _example(split, example), _text_of(parsed, int(row))
            if ours != theirs:
                raise MisalignedError(
                    parsed.table.where(int(row)),
                    found=f"id {split.ids[example]!r} stands for {_quoted(theirs)}",
                    expected=f"{_quoted(ours)}, as in {split.task.name} {split.name}",
                    remedy="leave the id column out to join by text, if the ids count other rows",
                )
    return rows


def _join_by_text(parsed: PredictionsTable, split: Split) -> NDArray[np.int64]:
    places: dict[tuple[str, str | None], list[int]] = {}
    for row in range(len(parsed.table.lines)):
        places.setdefault(_text_of(parsed, row), []).append(row)
    chosen = [
        _choose(parsed, split, row, places.get(_example(split, row), []))
        for row in range(len(split))
    ]
    return np.array(chosen, dtype=np.int64)


def _choose(parsed: PredictionsTable, split: Split, example: int, rows: list[int]) -> int:
    """Choose among the rows of one text: by label, and then only when they all say the same.

    Rows without an answer stand back; -1: there is no row. Outputs of one text in two batches
    differ by rounding: the first row stands for all where no probability (or score, relative to
    its size above 1) differs by more than `SAME`.
    """
    if len(rows) > 1 and parsed.labels is not None and split.labels is not None:
        label = split.labels[example]
        rows = [row for row in rows if parsed.labels[row] == label] or rows
    rows = [row for row in rows if row not in parsed.lacking] or rows[:1]
    for row in rows[1:]:
        if not _are_same(parsed, row, rows[0]):
            raise MisalignedError(
                parsed.table.where(row),
                found=f"{_quoted(_text_of(parsed, row))} stands at {parsed.table.where(rows[0])} "
                "too, with other outputs",
                expected=f"equal outputs for equal texts and labels, but for {SAME:g}",
                remedy="add the task's ids in a column id, so that the rows can be told apart",
            )
    return rows[0] if rows else -1


def _are_same(parsed: PredictionsTable, one: int, other: int) -> bool:
    first, second = parsed.values[one], parsed.values[other]
    if parsed.scale == "labels":
        return bool(np.array_equal(first, second))
    if parsed.scale == "scores":
        return bool(np.abs(first - second).max() <= SAME * max(1.0, np.abs(first).max()))
    return bool(np.abs(softmax(first) - softmax(second)).max() <= SAME)


def _compare_labels(
    parsed: PredictionsTable, split: Split, rows: NDArray[np.int64], name: str
) -> None:
    if parsed.labels is None or split.labels is None:
        return
    theirs = parsed.labels[rows].astype(np.float64)
    ours = split.labels.astype(np.float64)
    if split.task.kind == "classification":
        theirs, ours = (np.where(gold == NO_LABEL, np.nan, gold) for gold in (theirs, ours))
    differ = np.abs(theirs - ours) > 1e-6  # False where one of the two has no label
    if not differ.any():
        return
    example = int(np.argmax(differ))

    def shown(value: float) -> str:
        return repr(split.task.labels[int(value)]) if split.task.labels else f"{value:g}"

    raise MisalignedError(
        parsed.table.where(int(rows[example])),
        found=f"label {shown(theirs[example])} for {_quoted(_example(split, example))}"
        f" ({int(differ.sum())} of {len(split)} labels of {name} differ)",
        expected=f"{shown(float(split.labels[example]))}, as in {split.task.name} {split.name}",
        remedy="are its label indices those of the task? Write label names instead",
    )


def _quoted(texts: tuple[str, str | None]) -> str:
    shown = [repr(printable(text, limit=_SHOWN)) for text in texts if text is not None]
    return " | ".join(shown)
