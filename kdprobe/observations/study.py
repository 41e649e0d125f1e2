"""What was seen of the models, as arrays: the input of every analysis.

Does: hold ids, labels and logits in frozen types with read-only arrays, checked on construction.
Does not: know a model, a file or torch.

Reading order: `Predictions` (one checkpoint), `Population` (one model, one or more seeds), `Study`
(everything the analyses may look at).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kdprobe.errors import MisalignedError, TaskError
from kdprobe.observations.attribution_maps import MapGaps
from kdprobe.observations.attributions import Attributions
from kdprobe.observations.probes import ProbeFits
from kdprobe.stats.arrays import Bools as Bools
from kdprobe.stats.arrays import Floats as Floats
from kdprobe.stats.arrays import Ints as Ints
from kdprobe.stats.divergence import log_softmax
from kdprobe.tasks.task import Split

Scale = Literal["logits", "log-probabilities", "labels", "scores"]


def frozen(array: NDArray[np.generic]) -> NDArray[np.generic]:
    """Give a copy of an array that cannot be written to."""
    copy = np.array(array, copy=True)
    copy.setflags(write=False)
    return copy


def first_difference(left: tuple[str, ...], right: tuple[str, ...]) -> str | None:
    """Name the first place where two lists of ids differ, or None when they are equal.

    >>> first_difference(("a", "b"), ("a", "c"))
    "row 2 is 'b' on one side and 'c' on the other"
    """
    for row, (one, other) in enumerate(zip(left, right, strict=False), start=1):
        if one != other:
            return f"row {row} is {one!r} on one side and {other!r} on the other"
    if len(left) != len(right):
        return f"one side has {len(left)} rows and the other {len(right)}"
    return None


def check_finite(where: str, ids: tuple[str, ...], values: Floats) -> None:
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
    """What one checkpoint says of every example.

    Args:
        model: the name people gave it.
        ids: unique example ids, `[n]`.
        values: float64 `[n, c]`; what they are is said by `scale`, never guessed: `logits`;
            `log-probabilities` (from a predictions file); `labels` (only the predicted labels are
            known: one column of class indices); `scores` (a regression: one column).

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
            seen: set[str] = set()
            double = next(i for i in self.ids if i in seen or seen.add(i))  # type: ignore[func-returns-value]
            raise MisalignedError(
                self.model, found=f"id {double!r} stands twice", expected="ids once each"
            )
        check_finite(self.model, self.ids, values)
        object.__setattr__(self, "values", frozen(values))

    @property
    def has_probabilities(self) -> bool:
        """Whether a probability for each class is known."""
        return self.scale in ("logits", "log-probabilities")

    @property
    def predicted(self) -> Ints:
        """The predicted class of each example, int64 `[n]`; ties go to the lowest index."""
        if self.scale == "labels":
            return self.values[:, 0].astype(np.int64)
        best: Ints = np.argmax(self.values, axis=1).astype(np.int64)
        return best

    @property
    def scores(self) -> Floats:
        """The predicted numbers of a regression, float64 `[n]`."""
        return self.values[:, 0]

    @property
    def log_probabilities(self) -> Floats:
        """log-softmax of the outputs in float64, `[n, c]`; for `logits` and `log-probabilities`."""
        return log_softmax(self.values)

    @property
    def confidence(self) -> Floats:
        """The probability of the predicted class, float64 `[n]` in `[1/c, 1]`."""
        best: Floats = np.exp(self.log_probabilities.max(axis=1))
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
class MinimalPairs:
    """Pairs of an acceptable and a damaged sentence, with what every model says of both.

    Args:
        ids: unique pair ids, `[m]`.
        phenomena: the phenomenon of each pair, `[m]`.
        fields: the wider field of each pair (syntax, morphology …), `[m]`.
        good, bad: the two sentences of each pair.
        acceptable: the class index that means acceptable.
        margins: model name -> float64 `[runs, m]`, log P(acceptable | good) minus
            log P(acceptable | bad); positive means the pair is judged rightly.
        origin: where the pairs come from (`BLiMP`, `grammar`).
    """

    ids: tuple[str, ...]
    phenomena: tuple[str, ...]
    fields: tuple[str, ...]
    good: tuple[str, ...]
    bad: tuple[str, ...]
    acceptable: int
    margins: Mapping[str, Floats]
    origin: str


@dataclass(frozen=True)
class Study:
    """Everything an analysis may look at: one split, one teacher, any number of students.

    Gold labels may be missing, of some examples or of all. What is measured against them is
    measured on `with_gold()`, the same study of the labelled examples alone; everything else on all
    examples. `analysis.protocol.examples_for` hands each analysis the one that it asks for.

    Args:
        split: the examples, with gold labels (of all, of some, or None) and extra columns.
        models: the teacher first, then the students in the order given.
        seed: the run's seed; each consumer derives its own generator from it.
        resamples: the number of bootstrap resamples, B.
        slice_columns: extra columns of the split to slice by.
        minimal_pairs: judged minimal pairs, when there are any.
        train_texts: `tasks.task.text_hash` of the training examples, to find duplicates across
            splits; empty: unknown.
        probes: probing classifiers on every layer, when they were asked for.
        attributions: word scores of some examples, when they were asked for.
        map_gaps: distances of AD-KD's attribution maps, when they were asked for.
        own: a person's own sentences as a study, when attributions are about them instead.

    Raises:
        MisalignedError: a model's ids differ from the split's; the first difference is named.
        TaskError: the split is empty.
    """

    split: Split
    models: tuple[Population, ...]
    seed: int = 0
    resamples: int = 2000
    slice_columns: tuple[str, ...] = ()
    minimal_pairs: MinimalPairs | None = None
    train_texts: frozenset[str] = frozenset()
    probes: ProbeFits | None = None
    attributions: Attributions | None = None
    map_gaps: MapGaps | None = None
    own: Study | None = None

    def __post_init__(self) -> None:
        """Check that all sides speak about the same examples in the same order."""
        if not self.split.ids:
            raise TaskError(f"{self.split.task.name} {self.split.name}", found="holds no examples")
        for population in self.models:
            for run in population.runs:
                difference = first_difference(self.split.ids, run.ids)
                if difference:
                    raise MisalignedError(
                        f"{population.name}",
                        found=f"its examples are not those of the task: {difference}",
                        expected="the same ids in the same order",
                    )
        if self.split.labels is not None and not len(self.split.gold_rows):
            object.__setattr__(self, "split", replace(self.split, labels=None))

    def with_gold(self) -> Study:
        """Give the study of the examples that have a gold label; itself where all or none have.

        Its bootstrap resamples those examples alone, so every number made of it is that of a study
        from which the others were taken away beforehand.
        """
        return self._labelled

    @cached_property
    def _labelled(self) -> Study:
        rows = self.split.gold_rows
        own = None if self.own is None else self.own.with_gold()
        if len(rows) in (0, self.n):
            return self if own is self.own else replace(self, own=own)
        split = self.split.take(rows)
        words = self.attributions
        return replace(
            self,
            split=split,
            models=tuple(
                replace(
                    model,
                    runs=tuple(
                        replace(run, ids=split.ids, values=run.values[rows]) for run in model.runs
                    ),
                )
                for model in self.models
            ),
            attributions=None if words is None else words.only(split.ids),
            own=own,
        )

    @property
    def teacher(self) -> Population:
        """The model all students are measured against."""
        return self.models[0]

    @property
    def students(self) -> tuple[Population, ...]:
        """The students, in the order they were given."""
        return self.models[1:]

    @property
    def pairs(self) -> tuple[tuple[Population, Population], ...]:
        """All pairs of models: teacher with each student first, then students among each other."""
        return tuple((a, b) for i, a in enumerate(self.models) for b in self.models[i + 1 :])

    @property
    def n(self) -> int:
        """The number of examples."""
        return len(self.split.ids)

    @property
    def classes(self) -> int:
        """The number of classes of the task."""
        return len(self.split.task.labels)
