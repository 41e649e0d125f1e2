"""The outputs of the compared models, as arrays: the first observation of every comparison.

Does: hold ids and outputs in frozen types with read-only arrays, checked on construction. Does not:
know a model, a file or torch.

Reading order: `Predictions` (one checkpoint), `Population` (one model, one or more seeds),
`Populations` (all models of a comparison).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kdprobe.config.task import Task
from kdprobe.errors import MisalignedError
from kdprobe.stats.arrays import Floats, Ints
from kdprobe.stats.divergence import log_softmax

Scale = Literal[
    "logits", "log-probabilities", "log-probabilities and rest", "labels", "scores",
    "label logits", "label sets",
]  # fmt: skip


def scale_of(task: Task) -> Scale:
    """Return what the outputs of a model with a head for a task are.

    >>> scale_of(Task("t", 1, "multilabel", ("joy", "anger"), "f1_micro"))
    'label logits'
    """
    scales: dict[str, Scale] = {"regression": "scores", "multilabel": "label logits"}
    return scales.get(task.kind, "logits")


def frozen(array: NDArray[np.generic]) -> NDArray[np.generic]:
    """Return a copy of an array that cannot be written to; itself where nobody can write to it."""
    if array.flags.owndata and not array.flags.writeable:
        return array
    copy = np.array(array, copy=True)
    copy.setflags(write=False)
    return copy


def first_difference(left: tuple[str, ...], right: tuple[str, ...]) -> str | None:
    """Return the first place where two lists of ids differ, or None when they are equal.

    >>> first_difference(("a", "b"), ("a", "c"))
    "row 2 is 'b' on one side and 'c' on the other"
    """
    for row, (one, other) in enumerate(zip(left, right, strict=False), start=1):
        if one != other:
            return f"row {row} is {one!r} on one side and {other!r} on the other"
    if len(left) != len(right):
        return f"one side has {len(left)} rows and the other {len(right)}"
    return None


def check_finite(where: str, ids: tuple[str, ...], values: NDArray[np.floating]) -> None:
    """Refuse NaN and infinity in a model's outputs, naming the first example.

    Raises:
        MisalignedError: a number is not finite.
    """
    bad = ~np.isfinite(values).reshape(len(ids), -1).all(axis=1)
    if bad.any():
        row = int(np.argmax(bad))
        raise MisalignedError(
            where,
            found=f"{int(bad.sum())} of {len(ids)} examples have outputs that are not finite, "
            f"the first is {ids[row]!r}: {np.asarray(values[row]).ravel().tolist()}",
            expected="finite numbers",
            remedy="a model that overflowed cannot be compared; was it trained or run in fp16?",
        )


@dataclass(frozen=True)
class Predictions:
    """The outputs of one checkpoint for every example of a split.

    Args:
        model: the name people gave it.
        ids: unique example ids, `[n]`.
        values: float64 `[n, c]`; what they are is said by `scale`, never guessed: `logits`;
            `log-probabilities` (from a predictions file); `labels` (only the predicted labels are
            known: one column of class indices); `scores` (a regression: one column); of several
            labels at once `label logits` (the log-odds of each) or `label sets` (0 or 1 for each).
            What a `Study` holds of the latter two are classes (see `label_sets.py`), of which the
            last is no answer but the rest in `log-probabilities and rest`.

    Raises:
        MisalignedError: shapes do not fit, ids repeat, or a number is not finite.
    """

    model: str
    ids: tuple[str, ...]
    values: Floats
    scale: Scale = "logits"

    def __post_init__(self) -> None:
        """Check and freeze."""
        values = np.asarray(self.values, dtype=np.float64)
        if values.ndim != 2 or len(values) != len(self.ids):
            raise MisalignedError(
                self.model,
                found=f"outputs of shape {values.shape} for {len(self.ids)} examples",
                expected="one row per example",
            )
        if len(set(self.ids)) != len(self.ids):
            double = Counter(self.ids).most_common(1)[0][0]
            raise MisalignedError(
                self.model, found=f"id {double!r} stands twice", expected="ids once each"
            )
        check_finite(self.model, self.ids, values)
        object.__setattr__(self, "values", frozen(values))

    @property
    def has_probabilities(self) -> bool:
        """Whether a probability for each class is known."""
        return self.scale in ("logits", "log-probabilities", "log-probabilities and rest")

    @cached_property
    def predicted(self) -> Ints:
        """The predicted class of each example, int64 `[n]`; ties go to the lowest index."""
        if self.scale == "labels":
            return self.values[:, 0].astype(np.int64)
        best: Ints = np.argmax(self.values[:, : self._answers], axis=1).astype(np.int64)
        return best

    @property
    def _answers(self) -> int:
        """The number of columns that are answers."""
        return int(self.values.shape[1]) - (self.scale == "log-probabilities and rest")

    @property
    def sets(self) -> Ints:
        """Of several labels at once, whether each is predicted, 0 or 1, int64 `[n, c]`.

        A label is predicted where its probability is more than one half.
        """
        least = 0.0 if self.scale == "label logits" else 0.5
        predicted: Ints = (self.values > least).astype(np.int64)
        return predicted

    @property
    def scores(self) -> Floats:
        """The predicted numbers of a regression, float64 `[n]`."""
        return self.values[:, 0]

    @cached_property
    def log_probabilities(self) -> Floats:
        """log-softmax of the outputs in float64, `[n, c]`; for `logits` and `log-probabilities`."""
        return log_softmax(self.values)

    @cached_property
    def confidence(self) -> Floats:
        """The probability of the predicted class, float64 `[n]`, in `[1/c, 1]` without a rest."""
        best: Floats = np.exp(self.log_probabilities[:, : self._answers].max(axis=1))
        return best


@dataclass(frozen=True)
class Population:
    """One model under one name: one run, or several trained with different seeds."""

    name: str
    role: Literal["teacher", "student"]
    runs: tuple[Predictions, ...]

    @property
    def first(self) -> Predictions:
        """The run the example browser shows."""
        return self.runs[0]

    @property
    def has_probabilities(self) -> bool:
        """Whether every run gives a probability for each class."""
        return all(run.has_probabilities for run in self.runs)


@dataclass(frozen=True)
class Populations:
    """The outputs of every compared model for one split.

    Args:
        models: the teacher first, then the students in the order given.
        truncated: model name -> how many examples were longer than it reads; those with none are
            left out.
    """

    models: tuple[Population, ...]
    truncated: Mapping[str, int] = field(default_factory=dict)
