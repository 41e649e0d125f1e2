"""Everything an analysis may look at: the split, the models' outputs, and further observations.

Does: hold the observations of one comparison by their type, and check that all of them speak about
the same examples. Does not: know a model, a file or torch.

Reading order: `predictions.py`, then this file, then the other observations as they are needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Protocol, TypeVar, cast, runtime_checkable

import numpy as np

from kdprobe.errors import MisalignedError, TaskError
from kdprobe.observations.predictions import Population, first_difference
from kdprobe.stats.arrays import Bools, Ints
from kdprobe.tasks.task import Split

Kind = TypeVar("Kind")


@runtime_checkable
class OfExamples(Protocol):
    """An observation whose rows are examples of the split."""

    def only(self, kept: Iterable[str]) -> object:
        """Return it with the rows of these examples alone."""


@runtime_checkable
class OfOtherTexts(Protocol):
    """An observation of other texts than the split's, which may lack gold labels too."""

    def with_gold(self) -> object:
        """Return it with the texts that have a gold label alone."""


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
        observations: what was observed beside the outputs (minimal pairs, probes, attributions …),
            by type; read with `has` and `get`, added with `with_observations`. One whose rows are
            examples of the split has a method `only` (see `OfExamples`).

    Raises:
        MisalignedError: a model's ids differ from the split's; the first difference is named.
        TaskError: the split is empty.
    """

    split: Split
    models: tuple[Population, ...]
    seed: int = 0
    resamples: int = 2000
    slice_columns: tuple[str, ...] = ()
    observations: Mapping[type, object] = field(default_factory=dict)

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

    def has(self, kind: type) -> bool:
        """Return whether there is an observation of this type."""
        return kind in self.observations

    def get(self, kind: type[Kind]) -> Kind:
        """Return the observation of this type.

        Raises:
            LookupError: there is none; an analysis refuses such a study in `skip_reason`.
        """
        if kind not in self.observations:
            known = ", ".join(sorted(each.__name__ for each in self.observations)) or "none"
            raise LookupError(f"this study has no {kind.__name__}; its observations: {known}")
        return cast(Kind, self.observations[kind])

    def with_observations(self, *added: object) -> Study:
        """Return the study with these observations, each instead of one of the same type."""
        named = {type(each): each for each in added}
        return replace(self, observations={**self.observations, **named})

    def without(self, kind: type) -> Study:
        """Return the study without the observation of a type."""
        left = {each: value for each, value in self.observations.items() if each is not kind}
        return replace(self, observations=left)

    def with_gold(self) -> Study:
        """Return the study of the examples that have a gold label; itself where all or none have.

        Its bootstrap resamples those examples alone, so every number of it is that of a study from
        which the others were taken away beforehand.
        """
        return self._labelled

    @cached_property
    def _labelled(self) -> Study:
        rows = self.split.gold_rows
        apart = {
            kind: value.with_gold() if isinstance(value, OfOtherTexts) else value
            for kind, value in self.observations.items()
        }
        if len(rows) in (0, self.n):
            same = all(value is self.observations[kind] for kind, value in apart.items())
            return self if same else replace(self, observations=apart)
        part = self.take(rows)
        kept = {
            kind: value.only(part.split.ids) if isinstance(value, OfExamples) else value
            for kind, value in apart.items()
        }
        return replace(part, observations=kept)

    def take(self, rows: Ints) -> Study:
        """Return the study of these rows, in this order, without further observations."""
        split = self.split.take(rows)
        models = []
        for model in self.models:
            runs = (replace(run, ids=split.ids, values=run.values[rows]) for run in model.runs)
            models.append(replace(model, runs=tuple(runs)))
        return replace(self, split=split, models=tuple(models), observations={})

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

    def clusters_in(self, mask: Bools | None = None) -> int | None:
        """Return in how many clusters the examples lie, or a part of them; None without clusters.

        Args:
            mask: bool `[n]`, the part; None: all.
        """
        clusters = self.split.clusters
        if clusters is None:
            return None
        return len(np.unique(clusters if mask is None else clusters[mask]))

    @property
    def classes(self) -> int:
        """The number of classes of the task."""
        return len(self.split.task.labels)
