"""The parts of a split that numbers are told for: by gold label, by length, by extra columns.

Does: cut the examples into named parts whose names a reader understands, pool rare levels and say
so. Does not: compute a score; `slices` and `student_gaps` do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import Field

from kdprobe.config.base import Options
from kdprobe.errors import TaskError
from kdprobe.observations.study import Study
from kdprobe.segmentation import word_count
from kdprobe.stats.arrays import Bools

_ALWAYS = ("phenomenon", "domain")  # columns worth slicing by without being asked


class SliceOptions(Options):
    """How the examples are cut.

    `minimum`: a level of a column with fewer examples is pooled with the other rare ones.
    `max_levels`: of a column with more levels only the most frequent stand alone.
    `length_bins`: into how many parts of about equal size the texts are cut by length.
    """

    minimum: int = Field(default=10, ge=1)
    max_levels: int = Field(default=50, ge=1, le=10_000)
    length_bins: int = Field(default=4, ge=2, le=1000)


@dataclass(frozen=True)
class Slice:
    """A named part of the examples.

    Args:
        kind: `label`, `length`, or the name of a column.
        subset: what the reader sees, `label: acceptable`.
        mask: bool `[n]`.
    """

    kind: str
    subset: str
    mask: Bools

    @property
    def n(self) -> int:
        """The number of examples in it."""
        return int(self.mask.sum())


def words_of(study: Study) -> list[int]:
    """Count the words of each example, those of a second text included; see `word_count`."""
    firsts = [word_count(text) for text in study.split.texts]
    if study.split.pairs is None:
        return firsts
    return [n + word_count(text) for n, text in zip(firsts, study.split.pairs, strict=True)]


def length_bins(lengths: Sequence[int], bins: int) -> list[tuple[int, int]]:
    """Cut whole numbers into at most `bins` ranges of about equally many examples.

    Definition: the upper ends are the smallest lengths below which at least 1/bins, 2/bins … of the
    examples lie; equal ends are merged, and each range is told by lengths that occur.

    >>> length_bins([1, 2, 3, 4, 5, 6, 7, 20], 4)
    [(1, 2), (3, 4), (5, 6), (7, 20)]
    >>> length_bins([3, 3, 3], 4)
    [(3, 3)]
    """
    ordered = np.sort(np.asarray(lengths))
    shares = np.arange(1, bins + 1) / bins
    uppers = np.unique(np.quantile(ordered, shares, method="inverted_cdf"))
    which = np.searchsorted(uppers, ordered)
    inside = (ordered[which == place] for place in range(len(uppers)))
    return [(int(lengths[0]), int(lengths[-1])) for lengths in inside]


def _range_name(low: int, high: int) -> str:
    numbers = str(low) if low == high else f"{low}–{high}"
    return f"{numbers} {'word' if high == 1 else 'words'}"


def _by_label(study: Study) -> list[Slice]:
    task, labels = study.split.task, study.split.labels
    if labels is None or task.kind == "regression":
        return []
    gold = np.asarray(labels)
    masks = [(name, np.asarray(gold == place)) for place, name in enumerate(task.labels)]
    if task.sets is not None:  # an example is in the slice of each label that it has
        held = task.sets.matrix[gold] * (gold >= 0)[:, None]
        masks = [(name, held[:, place] == 1) for place, name in enumerate(task.sets.labels)]
    return [Slice("label", f"label: {name}", mask) for name, mask in masks if mask.any()]


def _by_length(study: Study, options: SliceOptions) -> list[Slice]:
    words = np.asarray(words_of(study))
    return [
        Slice(
            "length",
            f"length: {_range_name(low, high)}",
            np.asarray((words >= low) & (words <= high)),
        )
        for low, high in length_bins(words.tolist(), options.length_bins)
    ]


def _by_column(study: Study, column: str, options: SliceOptions) -> list[Slice]:
    """One slice a level, most frequent first (ties by name); rare ones pooled, never dropped."""
    values = study.split.columns[column]
    counts = sorted(Counter(values).items(), key=lambda item: (-item[1], item[0]))
    frequent = [value for value, n in counts if n >= options.minimum][: options.max_levels]
    rare = len(counts) - len(frequent)
    if rare == 1:  # a single rare level keeps its name: there is nothing to pool it with
        frequent, rare = [value for value, _ in counts], 0
    title = f"{column} column" if column in ("label", "length", "all") else column
    slices = [
        Slice(column, f"{title}: {value or '(empty)'}", np.array([v == value for v in values]))
        for value in frequent
    ]
    if rare:
        alone = set(frequent)
        mask = np.array([value not in alone for value in values])
        slices.append(Slice(column, f"{title}: other ({rare} levels)", mask))
    return slices


def _columns(study: Study) -> tuple[str, ...]:
    held = study.split.columns
    for column in study.slice_columns:
        if column not in held:
            raise TaskError(
                f"{study.split.task.name} {study.split.name}",
                found=f"there is no column {column!r} to slice by",
                expected=f"one of {', '.join(sorted(held))}" if held else "",
                remedy="" if held else "this split has no extra columns at all",
            )
    always = [column for column in _ALWAYS if column in held]
    return tuple(dict.fromkeys((*study.slice_columns, *always)))


def slices_of(study: Study, options: SliceOptions) -> tuple[Slice, ...]:
    """Cut the examples by gold label, length and columns.

    The columns are those the study names, and `phenomenon` and `domain` where the task has them.
    A cut that leaves everything in one part says nothing new and is left out, but for the labels.

    Raises:
        TaskError: a named column does not exist.
    """
    groups = [_by_length(study, options)]
    groups += [_by_column(study, column, options) for column in _columns(study)]
    cut = [part for group in groups if len(group) > 1 for part in group]
    return (*_by_label(study), *cut)


def pooled_notes(slices: Sequence[Slice], options: SliceOptions) -> tuple[str, ...]:
    """State which slices hold several rare levels of a column."""
    pooled = [part for part in slices if ": other (" in part.subset]
    return tuple(
        f"{part.subset} pools the levels of the column {part.kind} that have fewer than "
        f"{options.minimum} examples or are not among its {options.max_levels} most frequent ones."
        for part in pooled
    )
