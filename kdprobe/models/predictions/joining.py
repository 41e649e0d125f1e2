"""The rows of a predictions file beside the examples of a split.

Does: join by id or by text, never by order, and refuse what contradicts. Does not: read files, or
decide what becomes of an example without a row.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from kdprobe.errors import MisalignedError
from kdprobe.models.predictions.table import PredictionsTable
from kdprobe.plain_text import printable
from kdprobe.tasks.task import NO_LABEL, Split, gold_text

SAME = 1e-4
"""How far outputs for one text may differ and still be the same, as probabilities."""

_SHOWN = 60
"""Characters of a text that a message quotes."""


def text_of(parsed: PredictionsTable, row: int) -> tuple[str, str | None]:
    """Return the text of a row of the file, or its pair, without the blanks around them."""
    assert parsed.texts is not None  # every caller has checked
    return parsed.texts[row].strip(), None if parsed.pairs is None else parsed.pairs[row].strip()


def example_of(split: Split, row: int) -> tuple[str, str | None]:
    """Return the text of an example, or its pair, without the blanks around them."""
    pair = None if split.pairs is None else split.pairs[row].strip()
    return split.texts[row].strip(), pair


def join_rows(parsed: PredictionsTable, split: Split, name: str) -> NDArray[np.int64]:
    """Return the row of the file for each example, -1 where it has none.

    Args:
        parsed: the file.
        split: the examples.
        name: the model's, for messages.

    Raises:
        MisalignedError: nothing to join by, or a text or a second row contradicts.
    """
    if parsed.ids is not None and shares_ids(parsed, split):
        return _join_by_id(parsed, parsed.ids, split)
    if parsed.texts is None:
        raise MisalignedError(
            name,
            found=f"its file has no texts and none of the ids of {split.task.name} {split.name}",
            expected=f"ids like {split.ids[0]!r}, or a column text",
        )
    return _join_by_text(parsed, split)


def shares_ids(parsed: PredictionsTable, split: Split) -> bool:
    """Return whether the file has an id of the split."""
    return parsed.ids is not None and not set(parsed.ids).isdisjoint(split.ids)


def _join_by_id(parsed: PredictionsTable, ids: tuple[str, ...], split: Split) -> NDArray[np.int64]:
    place = {key: row for row, key in enumerate(ids)}
    rows = np.array([place.get(key, -1) for key in split.ids], dtype=np.int64)
    if parsed.texts is not None:
        for example, row in enumerate(rows):
            if row < 0:
                continue
            ours, theirs = example_of(split, example), text_of(parsed, int(row))
            if ours != theirs:
                raise MisalignedError(
                    parsed.table.where(int(row)),
                    found=f"id {split.ids[example]!r} stands for {quoted_texts(theirs)}",
                    expected=f"{quoted_texts(ours)}, as in {split.task.name} {split.name}",
                    remedy="leave the id column out to join by text, if the ids count other rows",
                )
    return rows


def _join_by_text(parsed: PredictionsTable, split: Split) -> NDArray[np.int64]:
    places: dict[tuple[str, str | None], list[int]] = {}
    for row in range(len(parsed.table.lines)):
        places.setdefault(text_of(parsed, row), []).append(row)
    chosen = [
        _choose(parsed, split, row, places.get(example_of(split, row), []))
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
        rows = [row for row in rows if np.array_equal(parsed.labels[row], label)] or rows
    rows = [row for row in rows if row not in parsed.lacking] or rows[:1]
    for row in rows[1:]:
        if not _are_same(parsed, row, rows[0]):
            raise MisalignedError(
                parsed.table.where(row),
                found=f"{quoted_texts(text_of(parsed, row))} stands at "
                f"{parsed.table.where(rows[0])} too, with other outputs",
                expected=f"equal outputs for equal texts and labels, but for {SAME:g}",
                remedy="add the task's ids in a column id, so that the rows can be told apart",
            )
    return rows[0] if rows else -1


def _are_same(parsed: PredictionsTable, one: int, other: int) -> bool:
    first, second = parsed.values[one], parsed.values[other]
    if parsed.scale in ("labels", "label sets"):
        return bool(np.array_equal(first, second))
    if parsed.scale == "label logits":
        return bool(np.abs(np.tanh(first / 2) - np.tanh(second / 2)).max() <= 2 * SAME)
    if parsed.scale == "scores":
        return bool(np.abs(first - second).max() <= SAME * max(1.0, np.abs(first).max()))
    return bool(np.abs(softmax(first) - softmax(second)).max() <= SAME)


def compare_labels(
    parsed: PredictionsTable, split: Split, rows: NDArray[np.int64], name: str
) -> None:
    """Refuse gold labels of the file that are not those of the split.

    Raises:
        MisalignedError: the first that differs.
    """
    if parsed.labels is None or split.labels is None:
        return
    theirs = parsed.labels[rows].astype(np.float64)
    ours = split.labels.astype(np.float64)
    if split.task.kind != "regression":
        theirs, ours = (np.where(gold == NO_LABEL, np.nan, gold) for gold in (theirs, ours))
    differ = np.abs(theirs - ours) > 1e-6  # False where one of the two has no label
    differ = differ.reshape(len(split), -1).any(axis=1)
    if not differ.any():
        return
    example = int(np.argmax(differ))

    def shown(value: NDArray[np.floating]) -> str:
        text = gold_text(split.task, value)
        return repr(text) if split.task.labels else text

    raise MisalignedError(
        parsed.table.where(int(rows[example])),
        found=f"label {shown(theirs[example])} for {quoted_texts(example_of(split, example))}"
        f" ({int(differ.sum())} of {len(split)} labels of {name} differ)",
        expected=f"{shown(ours[example])}, as in {split.task.name} {split.name}",
        remedy="are its label indices those of the task? Write label names instead",
    )


def quoted_texts(texts: tuple[str, str | None]) -> str:
    """Return a text, or a pair, as messages quote it."""
    shown = [repr(printable(text, limit=_SHOWN)) for text in texts if text is not None]
    return " | ".join(shown)
