"""The paired bootstrap: one resample matrix for all numbers of a run.

Does: draw B resamples of the examples, average draws over runs, and take the percentile interval of
draws. Does not: sum over resamples (`resamples.py` does), know any metric or any study;
`analysis/estimates.py` makes estimates of draws.

Definition: percentile bootstrap over examples (Efron and Tibshirani 1993, ch. 13), the same
resamples for every model and metric, so that differences are paired. Where examples come in
clusters, whole clusters are drawn (Davison and Hinkley 1997, 3.8). Above 10,000 examples, random
groups of equally many are drawn instead of single ones: within a random group examples are
independent, so the variance of a sum over groups is on average that over examples, and is off by
a share of sqrt(2 / 10,000), 1.4 % (the interval's width by .7 %). With several runs (seeds) of
a model their mean is drawn too, around the mean at hand by Student's t, each model's by its own
generator: intervals are over examples and seeds.

Every statistic is a function from `Resamples` to draws `float64[B + 1]`: the value on the sample
itself stands first, so that point value and interval come from the same code.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from kdprobe.seeds import derive_generator
from kdprobe.stats.arrays import Bools, Floats, ratio
from kdprobe.stats.resamples import Resamples as Resamples

LEVEL = 0.95
MOST_UNITS = 10_000
"""Up to so many examples (or clusters) each is drawn by itself; more are drawn in random groups."""


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
            with all its examples (above 10,000 clusters: random groups of them). With one example
            each the resamples are those without clusters.

    >>> draw_resamples(2, 4, 2, (0, 0, 1, 1)).counts[1:].tolist()
    [[1.0, 1.0, 1.0, 1.0], [2.0, 2.0, 0.0, 0.0]]
    """
    generator = derive_generator(seed, "bootstrap", "examples")
    cluster_of = np.arange(n) if clusters is None else np.unique(clusters, return_inverse=True)[1]
    units = int(cluster_of.max()) + 1
    group_of = units_of(seed, units)
    drawn_from = units if group_of is None else MOST_UNITS
    counts = np.empty((draws + 1, n if group_of is None else MOST_UNITS), dtype=np.float32)
    counts[0] = 1
    for row in range(1, draws + 1):
        drawn = np.bincount(
            generator.integers(0, drawn_from, size=drawn_from), minlength=drawn_from
        )
        counts[row] = drawn if clusters is None or group_of is not None else drawn[cluster_of]
    counts.setflags(write=False)
    return Resamples(counts, None if group_of is None else group_of[cluster_of])


def units_of(seed: int, units: int) -> NDArray[np.intp] | None:
    """Put very many examples or clusters in random groups; None where each is drawn by itself.

    Args:
        seed: the run's seed.
        units: how many examples, or clusters, there are.

    Returns:
        The group of each, `[units]` in 0..9,999; sizes differ by one at most.

    >>> units_of(0, 10_000) is None, np.bincount(units_of(0, 25_000))[[0, 9_999]].tolist()
    (True, [3, 2])
    """
    if units <= MOST_UNITS:
        return None
    groups = np.empty(units, dtype=np.intp)
    shuffled = derive_generator(seed, "bootstrap", "groups").permutation(units)
    groups[shuffled] = np.arange(units) % MOST_UNITS
    return groups


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
