"""The kinds of tasks, and what each may say of itself.

Does: name the scores that can rank models of each; hold the sets of labels that
examples of several labels at once have. Does not: read a file; `task.py` does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kdprobe.results.schema import TaskKind as TaskKind
from kdprobe.results.set_names import set_name

PrimaryScore = Literal[
    "accuracy", "mcc", "f1", "pearson", "spearman", "f1_micro", "f1_macro", "f1_samples",
    "subset_accuracy",
]  # fmt: skip

PRIMARY_SCORES: Mapping[TaskKind, tuple[PrimaryScore, ...]] = {
    "classification": ("accuracy", "mcc", "f1"),
    "regression": ("pearson", "spearman"),
    "multilabel": ("f1_micro", "f1_macro", "f1_samples", "subset_accuracy"),
}
"""The scores that can rank models, by kind; the first is that of a task that is guessed."""

SEPARATOR = "|"
"""What stands between the labels of a set where it is written as one text."""
NO_LABELS = ("[]", "{}", "()", SEPARATOR)
"""How a set without labels is written as one text; an empty text says that nothing is known."""
OTHER = "(any other set)"


def check_kind(
    kind: TaskKind,
    labels: tuple[str, ...],
    primary_score: str,
    *,
    open_labels: bool = False,
    scored: tuple[float, float] | None = None,
) -> None:
    """Refuse labels and scores that do not belong to a kind of task.

    Raises:
        ValueError: too few labels, labels of a regression, another kind's score or range, or a
            label of several that could not be told from two.

    >>> check_kind("multilabel", ("joy", "anger"), "f1_micro")
    >>> check_kind("multilabel", ("joy", "anger"), "accuracy")
    Traceback (most recent call last):
    ValueError: 'accuracy' is no score of a multi-label task
    """
    called = "multi-label task" if kind == "multilabel" else kind
    if kind != "regression" and len(labels) < 2 and not open_labels:
        raise ValueError(f"a {called} needs two labels or more")
    if kind == "regression" and labels:
        raise ValueError("a regression has no labels")
    if primary_score not in PRIMARY_SCORES[kind]:
        raise ValueError(f"{primary_score!r} is no score of a {called}")
    if scored is not None and (kind != "regression" or scored[0] >= scored[1]):
        raise ValueError("score_range is for a regression, the smallest score first")
    split = [name for name in labels if SEPARATOR in name or name != name.strip() or not name]
    if kind == "multilabel" and split:
        raise ValueError(f"the label {split[0]!r} holds {SEPARATOR!r}, which separates labels")


@dataclass(frozen=True)
class LabelSets:
    """Which sets of labels the classes of a task are, whose examples have several labels at once.

    Args:
        labels: the names of the L labels.
        members: for each class the places of its labels, ascending.
        rest: whether one more class stands for every set that is not listed.

    >>> sets = LabelSets(("joy", "anger"), ((), (0,), (0, 1)))
    >>> sets.names, sets.matrix.tolist()
    (('(none)', 'joy', 'joy + anger'), [[0, 0], [1, 0], [1, 1]])
    """

    labels: tuple[str, ...]
    members: tuple[tuple[int, ...], ...]
    rest: bool = False

    @cached_property
    def names(self) -> tuple[str, ...]:
        """What a reader calls each class."""
        listed = tuple(set_name(self.labels, places) for places in self.members)
        return (*listed, OTHER) if self.rest else listed

    @cached_property
    def matrix(self) -> NDArray[np.int64]:
        """Whether each listed set holds each label, 0 or 1, int64 `[sets, L]`."""
        matrix = np.zeros((len(self.members), len(self.labels)), dtype=np.int64)
        for row, places in enumerate(self.members):
            matrix[row, list(places)] = 1
        matrix.setflags(write=False)
        return matrix


def written_set(labels: tuple[str, ...], places: Iterable[int]) -> str:
    """Return a set of labels as files write it: `joy|anger`, or `[]` without one."""
    return SEPARATOR.join(labels[place] for place in places) or NO_LABELS[0]
