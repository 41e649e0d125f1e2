"""Parts of the examples, and draws of what models reach on each of them.

Does: count and average over all slices at once. Does not: choose the slices (`slicing.py`), or make
estimates (`__init__.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import takewhile

import numpy as np
from numpy.typing import NDArray

from kdprobe.analysis.estimates import draws_of, pair_draws_of, resamples_of
from kdprobe.analysis.slicing import Slice, SliceOptions, slices_of
from kdprobe.observations.predictions import Population, Predictions
from kdprobe.observations.study import Study
from kdprobe.stats.arrays import Bools, Floats, Ints, ratio

Table = dict[tuple[int, ...], Floats]  # ids of runs -> draws `[B + 1, slices]`


@dataclass(frozen=True)
class Cut:
    """A study cut into slices, and how a model's quality on one example is measured.

    Args:
        study: the examples.
        slices: those of labels first.
        labels: which of those of labels each example is in, int64 `[n]`; their number where none.
        masks: which of the others it is in, bool `[n, others]`.
    """

    study: Study
    slices: tuple[Slice, ...]
    labels: Ints
    masks: Bools

    @property
    def regression(self) -> bool:
        """Whether models predict numbers."""
        return self.study.split.task.kind == "regression"

    @property
    def metric(self) -> str:
        """The name of a model's score on a slice."""
        return "mae" if self.regression else "accuracy"

    def quality(self, run: Predictions) -> Bools | Floats:
        """Whether each example is a hit, or how far off the score is, `[n]`."""
        if self.regression:
            errors: Floats = np.abs(run.scores - np.asarray(self.study.split.labels))
            return errors
        return np.asarray(run.predicted == np.asarray(self.study.split.labels))

    def clusters(self, part: Slice) -> Ints | None:
        """The clusters of a slice's examples."""
        clusters = self.study.split.clusters
        return None if clusters is None else clusters[part.mask]

    @cached_property
    def sizes(self) -> Floats:
        """The examples of each slice in every resample, `[B + 1, slices]`."""
        return self._sums(np.ones(self.study.n, dtype=bool))

    def means(self, values: Bools | Floats) -> Floats:
        """Average values over each slice in every resample, float64 `[B + 1, slices]`."""
        return ratio(self._sums(values), self.sizes)

    def _sums(self, values: Bools | Floats) -> Floats:
        inside: NDArray[np.generic] = self.masks * values[:, None]
        sums, apart = resamples_of(self.study).sums(inside), len(self.slices) - inside.shape[1]
        if not apart:
            return sums
        groups = np.where(values, self.labels, apart)
        counted = resamples_of(self.study).by_group(groups, apart + 1)
        return np.concatenate([counted[:, :apart], sums], axis=1)

    def draws(self, population: Population) -> list[Floats]:
        """Draws of a model's quality, one array a slice."""
        table: Table = {(id(run),): self.means(self.quality(run)) for run in population.runs}
        places = range(len(self.slices))
        return [draws_of(self.study, population, partial(_column, table, at)) for at in places]

    def agreement(self, a: Population, b: Population) -> list[Floats]:
        """Draws of the share of equal labels, one array a slice."""
        table: Table = {
            (id(run), id(other)): self.means(np.asarray(run.predicted == other.predicted))
            for run in a.runs
            for other in b.runs
        }
        places = range(len(self.slices))
        return [pair_draws_of(self.study, a, b, partial(_column, table, at)) for at in places]


def _column(table: Table, at: int, *runs: Predictions) -> Floats:
    """Look up the draws of these runs on one slice; runs hold arrays, so they go by identity."""
    return table[tuple(id(run) for run in runs)][:, at]


def _cut(study: Study, slices: tuple[Slice, ...]) -> Cut:
    # An example has one label (but of sets), so that those slices are counted as groups: a thousand
    # labels take no longer than a few.
    of_labels = list(takewhile(lambda one: one.subset.startswith("label: "), slices))
    apart = 0 if study.split.task.sets is not None else len(of_labels)
    labels = np.full(study.n, apart)
    for place, part in enumerate(slices[:apart]):
        labels[part.mask] = place
    others = [part.mask for part in slices[apart:]]
    return Cut(study, slices, labels, np.array(others, dtype=bool).reshape(-1, study.n).T)


def cuts_of(study: Study, options: SliceOptions) -> tuple[Cut, Cut]:
    """Cut all examples, and those with a gold label; one slice is the same slice in both."""
    slices = slices_of(study, options)
    rows = study.split.gold_rows
    known = tuple(replace(part, mask=part.mask[rows]) for part in slices)
    whole = _cut(study, slices)
    return whole, whole if len(rows) in (0, study.n) else _cut(study.with_gold(), known)
