"""The paired bootstrap: one resample matrix for all numbers of a run.

Does: draw B resamples of the examples once, turn sums over resamples into matrix products, and make
an `Estimate` of a statistic's draws. Does not: know any metric; a metric is a function of sums.

Definition: percentile bootstrap over examples (Efron and Tibshirani 1993, ch. 13), the same
resamples for every model and metric, so that differences are paired. With several runs (seeds) of
a model the runs are resampled too, each model by its own generator: a two-level bootstrap.

Every statistic is a function from `Resamples` to draws `float64[B + 1]`: the value on the sample
itself stands first, so that point value and interval come from the same code.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from kdprobe.observations.arrays import Floats
from kdprobe.observations.predictions import Population, Predictions
from kdprobe.observations.study import Study
from kdprobe.results.schema import Estimate
from kdprobe.seeds import derive_generator

_CHUNK = 256
LEVEL = 0.95
HOW = "paired bootstrap over examples, percentile"


@dataclass(frozen=True)
class Resamples:
    """How often each example is in each resample; row 0 is the sample itself.

    Args:
        counts: float32 `[B + 1, n]`, every row sums to n.
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
            rows = range(0, len(self.counts), _CHUNK)
            parts = [self.counts[row : row + _CHUNK].astype(np.float64) @ wide for row in rows]
            total = np.concatenate(parts)
        return total if features.ndim == 2 else total[:, 0]

    @property
    def totals(self) -> Floats:
        """How many examples each resample holds, float64 `[B + 1]`: n, unless `within` a subset."""
        totals: Floats = self.counts.sum(axis=1, dtype=np.float64)
        return totals

    def mean(self, features: NDArray[np.generic]) -> Floats:
        """Average a per-example value over every resample, float64 `[B + 1]`; NaN over nothing."""
        totals = self.totals
        result: Floats = np.full(totals.shape, np.nan)
        np.divide(self.sums(features), totals, out=result, where=totals > 0)
        return result

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
        """Give a quantile of a per-example value in every resample, float64 `[B + 1]`.

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
def _draw(seed: int, n: int, draws: int) -> Resamples:
    generator = derive_generator(seed, "bootstrap", "examples")
    counts = np.empty((draws + 1, n), dtype=np.float32)
    counts[0] = 1
    for row in range(1, draws + 1):
        counts[row] = np.bincount(generator.integers(0, n, size=n), minlength=n)
    counts.setflags(write=False)
    return Resamples(counts)


def resamples_of(study: Study) -> Resamples:
    """Give the run's one resample matrix; drawn once, the same for every analysis."""
    return _draw(study.seed, study.n, study.resamples)


def _run_weights(study: Study, population: Population) -> Floats:
    """How often each run is in each resample, float64 `[B + 1, runs]`, rows sum to `runs`."""
    runs = len(population.runs)
    weights = np.ones((study.resamples + 1, runs))
    if runs > 1:
        generator = derive_generator(study.seed, "bootstrap", "runs", population.name)
        weights[1:] = generator.multinomial(runs, [1.0 / runs] * runs, size=study.resamples)
    return weights


def _weighted(values: Floats, weights: Floats) -> Floats:
    """Average draws `[runs, B + 1]` by whole weights; NaN only where a run that counts is NaN.

    The division comes last, so that the average of equal shares is that share to the last bit.
    """
    terms = np.where(weights.T > 0, values * weights.T, 0.0)
    average: Floats = terms.sum(axis=0) / weights.sum(axis=1)
    return average


def draws_of(
    study: Study, population: Population, statistic: Callable[[Predictions], Floats]
) -> Floats:
    """Average a statistic over the runs of a model, in every resample.

    Args:
        study: gives the seed and the number of resamples.
        population: one model with one or more runs.
        statistic: gives the draws `float64[B + 1]` of one run.

    Returns:
        float64 `[B + 1]`, the value on the sample first; NaN where undefined.
    """
    values = np.stack([statistic(run) for run in population.runs])
    return _weighted(values, _run_weights(study, population))


def pair_draws_of(
    study: Study,
    a: Population,
    b: Population,
    statistic: Callable[[Predictions, Predictions], Floats],
) -> Floats:
    """Average a statistic of two models over all pairs of their runs, in every resample."""
    values = np.stack([statistic(run, other) for run in a.runs for other in b.runs])
    left, right = _run_weights(study, a), _run_weights(study, b)
    weights = (left[:, :, None] * right[:, None, :]).reshape(len(left), -1)
    return _weighted(values, weights)


def interval(draws: Floats, *, level: float = LEVEL) -> tuple[float, float] | None:
    """Give the percentile interval of draws, or None when fewer than 9 in 10 resamples are defined.

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


@dataclass(frozen=True)
class At:
    """Where a number stands: the coordinates of an estimate, the columns of `metrics.csv`."""

    metric: str
    model_a: str
    model_b: str = ""
    subset: str = "all"
    layer: str = ""
    pooling: str = ""
    method: str = ""


def estimate(
    at: At,
    draws: Floats,
    *,
    n: int,
    undefined: str,
    share: bool = False,
    p_value: float | None = None,
    how: str = HOW,
) -> Estimate:
    """Make an estimate of a statistic's draws.

    Args:
        at: the coordinates of the number.
        draws: float64 `[B + 1]`, the value on the sample first; NaN where undefined.
        n: the number of examples behind the value.
        undefined: the reason given when the value on the sample is NaN.
        share: whether the value is a share of the n examples; a share of exactly 0 or 1 then gets
            the rule-of-three bound 3/n instead of an interval of no width.
        p_value: of the test that belongs to this number, in 0..1.
        how: how the interval was made.

    >>> estimate(At("agreement", "t"), np.ones(11), n=30, undefined="", share=True).low
    0.9
    """
    value = float(draws[0])
    if not np.isfinite(value):
        return Estimate(**vars(at), n=n, undefined=undefined)
    bounds = interval(draws)
    # The resampled share of a sample without a single error never moves: an interval of no width
    # would claim certainty. 3/n is the 95 % bound for an event not seen in n tries.
    if share and n and value in (0.0, 1.0):
        bounds = (max(0.0, 1 - 3 / n), 1.0) if value == 1.0 else (0.0, min(1.0, 3 / n))
        how = "rule of three"
    return Estimate(
        **vars(at),
        value=value,
        low=bounds[0] if bounds else None,
        high=bounds[1] if bounds else None,
        level=LEVEL,
        interval=how if bounds else "",
        n=n,
        p_value=p_value,
        note=_caveat(bounds),
    )


def _caveat(bounds: tuple[float, float] | None) -> str:
    if bounds is None:
        return "no interval: undefined in more than 1 of 10 resamples"
    if bounds[0] == bounds[1]:
        return "the value is the same in every resample: the interval understates the uncertainty"
    return ""


def undefined_estimate(at: At, reason: str, *, n: int | None = None) -> Estimate:
    """Make the estimate of a number that does not exist here, with the reason."""
    return Estimate(**vars(at), n=n, undefined=reason)
