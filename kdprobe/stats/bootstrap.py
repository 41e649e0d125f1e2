"""The paired bootstrap: one resample matrix for all numbers of a run.

Does: draw B resamples of the examples, turn sums over resamples into matrix products, average draws
over runs, and take the percentile interval of draws. Does not: know any metric (a metric is a
function of sums) or any study; `analysis/estimates.py` makes estimates of draws.

Definition: percentile bootstrap over examples (Efron and Tibshirani 1993, ch. 13), the same
resamples for every model and metric, so that differences are paired. Where examples come in
clusters, whole clusters are drawn (Davison and Hinkley 1997, 3.8). With several runs (seeds) of
a model their mean is drawn too, around the mean at hand by Student's t, each model's by its own
generator: intervals are over examples and seeds.

Every statistic is a function from `Resamples` to draws `float64[B + 1]`: the value on the sample
itself stands first, so that point value and interval come from the same code.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from kdprobe.seeds import derive_generator
from kdprobe.stats.arrays import Bools, Floats, ratio

_CHUNK = 256
_KEPT = 8_000_000  # counts of a matrix that is kept in float64 too: 64 MB
LEVEL = 0.95


@dataclass(frozen=True)
class Resamples:
    """How often each example is in each resample; row 0 is the sample itself.

    Args:
        counts: float32 `[B + 1, n]`; every row sums to n, but where clusters of different sizes
            are drawn.
    """

    counts: NDArray[np.float32]

    @property
    def n(self) -> int:
        """The number of examples."""
        return int(self.counts.shape[1])

    def sums(self, features: NDArray[np.generic]) -> Floats:
        """Sum per-example features over every resample.

        Args:
            features: `[n, f]` or `[n]`; booleans and numbers.

        Returns:
            float64 `[B + 1, f]` or `[B + 1]`.

        >>> Resamples(np.array([[1, 1, 1], [3, 0, 0]], dtype=np.float32)).sums(np.array([1, 2, 4]))
        array([7., 3.])
        """
        matrix = features if features.ndim == 2 else features[:, None]
        if matrix.dtype == np.bool_:  # counts below 2**24 are exact in float32
            total = (self.counts @ matrix.astype(np.float32)).astype(np.float64)
        else:
            wide = matrix.astype(np.float64)
            counts = self._wide if self.counts.size <= _KEPT else self.counts
            parts = [counts[row : row + _CHUNK] for row in range(0, len(counts), _CHUNK)]
            total = np.concatenate([part.astype(np.float64, copy=False) @ wide for part in parts])
        return total if features.ndim == 2 else total[:, 0]

    @cached_property
    def _wide(self) -> Floats:
        """The counts in float64: hundreds of means are taken of one matrix."""
        return self.counts.astype(np.float64)

    @cached_property
    def totals(self) -> Floats:
        """How many examples each resample holds, float64 `[B + 1]`: n, but of clusters or parts."""
        totals: Floats = self.counts.sum(axis=1, dtype=np.float64)
        return totals

    def mean(self, features: NDArray[np.generic]) -> Floats:
        """Average a per-example value over every resample, float64 `[B + 1]`; NaN over nothing."""
        return ratio(self.sums(features), self.totals)

    def by_group(self, groups: NDArray[np.integer], size: int) -> Floats:
        """Count the examples of each group in every resample.

        Args:
            groups: the group of each example, `[n]` in 0..size-1.
            size: the number of groups; cheap even when there are thousands.

        Returns:
            float64 `[B + 1, size]`.

        >>> counts = np.array([[1, 1, 1], [3, 0, 0]], dtype=np.float32)
        >>> Resamples(counts).by_group(np.array([1, 0, 1]), 2)
        array([[1., 2.],
               [0., 3.]])
        """
        result = np.zeros((len(self.counts), size))
        order = np.argsort(groups, kind="stable")
        present, starts = np.unique(groups[order], return_index=True)
        for row in range(0, len(self.counts), _CHUNK) if len(present) else ():
            ordered = np.take(self.counts[row : row + _CHUNK], order, axis=1)
            result[row : row + _CHUNK, present] = np.add.reduceat(ordered, starts, axis=1)
        return result

    def quantile(self, values: Floats, share: float) -> Floats:
        """Return a quantile of a per-example value in every resample, float64 `[B + 1]`.

        Definition: linear between the two order statistics around place share * (total - 1), as
        `numpy.quantile` does; NaN over nothing.

        >>> counts = np.array([[1, 1, 1], [0, 2, 1]], dtype=np.float32)
        >>> Resamples(counts).quantile(np.array([1.0, 2.0, 4.0]), 0.75)
        array([3., 3.])
        """
        result = np.full(len(self.counts), np.nan)
        if not self.n:
            return result
        order = np.argsort(values, kind="stable")
        ordered = values[order]
        for row in range(0, len(self.counts), _CHUNK):
            sorted_counts = np.take(self.counts[row : row + _CHUNK], order, axis=1)
            upto = np.cumsum(sorted_counts, axis=1, dtype=np.float64)
            place = share * (upto[:, -1] - 1)
            below = np.floor(place)
            # The order statistic at place j is the first value whose running count exceeds j.
            first, second = (
                np.minimum((upto <= at[:, None]).sum(axis=1), self.n - 1)
                for at in (below, np.minimum(below + 1, upto[:, -1] - 1))
            )
            low, high = ordered[first], ordered[second]
            drawn = low + (place - below) * (high - low)
            result[row : row + _CHUNK] = np.where(upto[:, -1] > 0, drawn, np.nan)
        return result

    def within(self, mask: NDArray[np.bool_]) -> Resamples:
        """Keep the examples of a subset (rows then sum to a varying number of examples)."""
        return Resamples(self.counts[:, mask])


@lru_cache(maxsize=2)  # a matrix of 2,000 x 10,000 takes 80 MB
def draw_resamples(
    seed: int, n: int, draws: int, clusters: tuple[int, ...] | None = None
) -> Resamples:
    """Draw resamples of n examples with replacement; the same ones for a seed, n and number.

    Args:
        seed: the run's seed.
        n: the number of examples.
        draws: B; the matrix has one row more, the sample itself first.
        clusters: the cluster of each example; as many clusters as there are are then drawn, each
            with all its examples. With one example each the resamples are those without clusters.

    >>> draw_resamples(2, 4, 2, (0, 0, 1, 1)).counts[1:].tolist()
    [[1.0, 1.0, 1.0, 1.0], [2.0, 2.0, 0.0, 0.0]]
    """
    generator = derive_generator(seed, "bootstrap", "examples")
    counts = np.empty((draws + 1, n), dtype=np.float32)
    counts[0] = 1
    cluster_of = np.arange(n) if clusters is None else np.unique(clusters, return_inverse=True)[1]
    units = int(cluster_of.max()) + 1
    for row in range(1, draws + 1):
        drawn = np.bincount(generator.integers(0, units, size=units), minlength=units)
        counts[row] = drawn if clusters is None else drawn[cluster_of]
    counts.setflags(write=False)
    return Resamples(counts)


def whole_sample(n: int) -> Resamples:
    """Return n examples once each and no resample, for a number without an interval.

    >>> whole_sample(4).mean(np.array([True, True, True, False]))
    array([0.75])
    """
    return Resamples(np.ones((1, n), dtype=np.float32))


def draw_run_weights(seed: int, model: str, runs: int, draws: int) -> Floats:
    """Draw how much each run of a model weighs in each resample, by the model's own generator.

    Definition: 1 + (g_i - mean g) / sqrt(c / r), g standard normal, c chi-square with r - 1 degrees
    of freedom. The weighted mean of r numbers then lies around their mean as Student's t with r - 1
    degrees of freedom times their standard error: its percentiles are the t interval of a mean
    (Student 1908). Drawing runs with replacement instead gives (r - 1) / r of that variance and
    never leaves the runs at hand: with three runs far apart such intervals cover .75.

    Args:
        seed: the run's seed.
        model: the name of the model.
        runs: r, how many runs (seeds) it has; a single one weighs 1 in every resample.
        draws: B.

    Returns:
        float64 `[B + 1, runs]`; rows sum to `runs` but for rounding, the first is all ones.
    """
    weights = np.ones((draws + 1, runs))
    if runs > 1:
        generator = derive_generator(seed, "bootstrap", "runs", model)
        normal = generator.normal(size=(draws, runs))
        spread = np.sqrt(generator.chisquare(runs - 1, size=(draws, 1)) / runs)
        weights[1:] += (normal - normal.mean(axis=1, keepdims=True)) / spread
    return weights


def mean_over_runs(values: Floats, weights: Floats) -> Floats:
    """Average draws of several runs: their mean, moved by what their spread leaves open.

    Definition: mean_r v_rb + sum_r (w_br - 1) v_r0 / R. The weights move the mean by the spread of
    the runs on the sample itself; that in a resample would count its noise once more.

    The division comes last, so that the average of equal shares is that share to the last bit.

    Args:
        values: float64 `[runs, B + 1]`; NaN where a run is NaN.
        weights: float64 `[B + 1, runs]`, see `draw_run_weights`.

    Returns:
        float64 `[B + 1]`.

    >>> mean_over_runs(np.array([[0.5, 0.25], [1.0, 0.75]]), np.array([[1, 1], [0, 2]]))
    array([0.75, 0.75])
    """
    moved = values + (weights.T - 1.0) * values[:, :1]
    average: Floats = moved.sum(axis=0) / len(values)
    return average


def mean_within(resamples: Resamples, mask: Bools, values: Floats | Bools) -> Floats:
    """Average values over the examples of a subset, in every resample.

    Definition: the sum over the subset divided by how many of its examples were drawn, which
    varies between resamples; NaN where none was drawn.

    Args:
        resamples: of all n examples.
        mask: bool `[n]`, the subset.
        values: `[n]`, any unit.

    Returns:
        float64 `[B + 1]`.

    >>> counts = np.array([[1, 1, 1], [0, 3, 0], [2, 0, 1]], dtype=np.float32)
    >>> mean_within(Resamples(counts), np.array([True, False, True]), np.array([1.0, 9.0, 4.0]))
    array([2.5, nan, 2. ])
    """
    inside = np.where(mask, values, np.zeros_like(values))  # a boolean stays one
    return ratio(resamples.sums(inside), resamples.sums(mask))


def interval(draws: Floats, *, level: float = LEVEL) -> tuple[float, float] | None:
    """Return the percentile interval of draws; None when fewer than 9 in 10 resamples are defined.

    >>> interval(np.array([0.5, 0.0, 0.5, 1.0]), level=0.5)
    (0.25, 0.75)
    """
    drawn = draws[1:]
    defined = drawn[np.isfinite(drawn)]
    if not len(drawn) or len(defined) < 0.9 * len(drawn):
        return None
    tail = (1.0 - level) / 2.0
    low, high = np.quantile(defined, [tail, 1.0 - tail])
    return float(low), float(high)
