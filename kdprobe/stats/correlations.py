"""Correlations over all resamples at once.

Does: compute draws `float64[B + 1]` of Pearson's and Spearman's correlation from counts, one value
a resample. Does not: draw resamples, or make estimates; `bootstrap.py` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kdprobe.stats.arrays import Bools, Floats, Ints
from kdprobe.stats.bootstrap import Resamples
from kdprobe.stats.columns import Columns, running

_CELLS = 60_000  # numbers held at once by a chunked pass: half a MB, which stays in the cache
_CERTAIN = 1e-4  # of the sum of squares: what is left of 16 digits is 12
_SMALL_CUBES = 31  # the largest count whose cube fits 16 bits
_ROWS = 128  # examples of a pass that stays in the cache
MOST_RANKED = 20_000
"""Up to so many examples are ranked anew in every resample; see `spearman_draws`."""
Values = Floats | Ints | Bools


class Variables(NamedTuple):
    """Two variables of some examples.

    Args:
        rows: which examples, bool `[n]`.
        x, y: their values, finite, `[rows]` each.
    """

    rows: Bools
    x: Values
    y: Values


class _Groups(NamedTuple):
    """Equal values of a variable."""

    order: NDArray[np.intp]  # [n], sorts the examples by value
    starts: NDArray[np.intp]  # [groups], into the sorted examples
    stops: NDArray[np.intp]  # [groups]
    of: NDArray[np.intp]  # [n], the group of each sorted example


def _groups(values: Values) -> _Groups:
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    new = np.ones(len(values), dtype=bool)
    new[1:] = ordered[1:] != ordered[:-1]
    starts = np.flatnonzero(new)
    return _Groups(order, starts, np.append(starts[1:], len(order)), np.cumsum(new) - 1)


def _safe_ratio(top: Floats, bottom: Floats, defined: Bools) -> Floats:
    result = np.full(top.shape, np.nan)
    np.divide(top, bottom, out=result, where=defined)
    clipped: Floats = np.clip(result, -1.0, 1.0)
    return clipped


def pearson_draws(resamples: Resamples, x: Values, y: Values) -> Floats:
    """Return Pearson's correlation of two variables in every resample.

    Args:
        resamples: how often each example counts; rows may sum to any number.
        x: numbers `[n]`, finite.
        y: numbers `[n]`, finite.

    Returns:
        float64 `[B + 1]` in -1..1; NaN where a variable is constant in the resample (decided on
        the values themselves, not on a rounded variance).

    >>> sample = Resamples(np.ones((1, 3), dtype=np.float32))
    >>> pearson_draws(sample, np.array([0.0, 1.0, 2.0]), np.array([1.0, 3.0, 5.0]))
    array([1.])
    """
    everything = np.ones(resamples.n, dtype=bool)
    return several_pearson_draws(resamples, [Variables(everything, x, y)])[0]


def several_pearson_draws(resamples: Resamples, several: Sequence[Variables]) -> list[Floats]:
    """Return Pearson's correlation of several pairs of variables, each as `pearson_draws` does.

    All sums are one matrix product, which takes little longer than those of a single pair.
    """
    if not resamples.n or not several:
        return [np.full(len(resamples.counts), np.nan) for _ in several]
    pooled = np.concatenate([_moments(resamples, each) for each in several], axis=1)
    sums = resamples.sums_of_units(pooled).reshape(len(resamples.counts), len(several), 6)
    return [
        _pearson(resamples.within(each.rows), each, sums[:, place])
        for place, each in enumerate(several)
    ]


def _moments(resamples: Resamples, of: Variables) -> Floats:
    """The examples, sums, products and squares of each unit, `[units, 6]`."""
    left, right = (np.asarray(values, dtype=np.float64) for values in (of.x, of.y))
    # About the means of the sample, what is subtracted later is small, but for few resamples.
    near_x, near_y = (side - side.mean() if len(side) else side for side in (left, right))
    features = np.zeros((resamples.n, 6))
    each = (np.ones(len(left)), near_x, near_y, near_x * near_y, near_x**2, near_y**2)
    for column, values in enumerate(each):
        features[of.rows, column] = values
    return resamples.pooled(features)


def _pearson(resamples: Resamples, of: Variables, sums: Floats) -> Floats:
    """The correlation from the sums of `_moments`, `[B + 1, 6]`."""
    total, sum_x, sum_y, together, raw_x, raw_y = sums.T
    total = np.maximum(total, 1.0)
    spread_x, spread_y = raw_x - sum_x**2 / total, raw_y - sum_y**2 / total
    result = _safe_ratio(
        together - sum_x * sum_y / total,
        np.sqrt(np.maximum(spread_x, 0.0)) * np.sqrt(np.maximum(spread_y, 0.0)),
        certain := (spread_x > _CERTAIN * raw_x) & (spread_y > _CERTAIN * raw_y),
    )
    doubtful = np.flatnonzero(~certain)
    left, right = (np.asarray(values, dtype=np.float64) for values in (of.x, of.y))
    result[doubtful] = _twice_through(resamples, doubtful, left, right)
    return result


def _twice_through(resamples: Resamples, which: NDArray[np.intp], x: Floats, y: Floats) -> Floats:
    """Pearson's correlation where one pass would cancel: about the means of each resample."""
    result = np.full(len(which), np.nan)
    units = slice(None) if resamples.unit_of is None else resamples.unit_of
    step = max(1, _CELLS // max(1, resamples.n))
    for start in range(0, len(which) if resamples.n else 0, step):
        rows = which[start : start + step]
        counts = resamples.counts[rows][:, units].astype(np.float64)
        varied = _varied(counts, x) & _varied(counts, y)
        total = np.maximum(counts.sum(axis=1), 1.0)
        off_x = x - (counts @ x / total)[:, None]
        off_y = y - (counts @ y / total)[:, None]
        weighted = counts * off_x
        top = np.einsum("bi,bi->b", weighted, off_y)
        spread_x = np.einsum("bi,bi->b", weighted, off_x)
        spread_y = np.einsum("bi,bi->b", counts, off_y**2)
        bottom = np.sqrt(spread_x) * np.sqrt(spread_y)
        result[start : start + step] = _safe_ratio(top, bottom, varied & (bottom > 0))
    return result


def _varied(counts: Floats, values: Floats) -> Bools:
    """Whether each resample, `[rows, n]`, holds two different values."""
    lowest = np.where(counts > 0, values, np.inf).min(axis=1)
    highest = np.where(counts > 0, values, -np.inf).max(axis=1)
    varied: Bools = lowest < highest
    return varied


def spearman_draws(resamples: Resamples, x: Values, y: Values) -> Floats:
    """Return Spearman's rank correlation of two variables in every resample.

    Definition: Pearson's correlation of midranks, where ranks are those *within the resample*: a
    value drawn c times after b smaller ones has midrank b + (c + 1) / 2. Exactly so up to 20,000
    examples; above, sums of products of ranks follow the counts in first order around the sample
    (see `_about_the_sample`), which is off by a share of 1/n of a standard error squared.

    Args:
        resamples: how often each example counts; rows may sum to any number.
        x: numbers `[n]`, finite.
        y: numbers `[n]`, finite.

    Returns:
        float64 `[B + 1]` in -1..1; NaN where a variable is constant in the resample.

    >>> sample = Resamples(np.ones((1, 3), dtype=np.float32))
    >>> spearman_draws(sample, np.array([1, 2, 9]), np.array([5, 6, 4]))
    array([-0.5])
    """
    result = np.full(len(resamples.counts), np.nan)
    if not resamples.n:
        return result
    by_x, by_y = _groups(x), _groups(y)
    if resamples.n > MOST_RANKED:
        return _about_the_sample(resamples, by_x, by_y)
    of_y = np.empty(resamples.n, dtype=np.intp)
    of_y[by_y.order] = by_y.of
    for rows in resamples.blocks(resamples.n):
        counts = resamples.columns(by_x.order, rows)
        shape = (len(counts) + 1, counts.shape[1])
        upto, ranks_x, ranks_y = (resamples.room(use, shape) for use in ("upto", "x", "y"))
        x_of = _midranks(counts, by_x, upto, ranks_x)
        other = resamples.columns(by_y.order, rows, use="other counts")
        y_of = _midranks(other, by_y, upto, ranks_y)
        together = _products(counts, x_of.ranks, by_x.of, y_of.ranks, of_y[by_x.order]) / 4.0
        defined = (x_of.spread > 0) & (y_of.spread > 0)
        roots = np.sqrt(x_of.spread) * np.sqrt(y_of.spread)
        result[rows] = _safe_ratio(together, roots, defined)
    return result


class _Midranks(NamedTuple):
    """Twice the centred midrank of each value, `[groups, rows]`, and the squares of ranks, added.

    A resample of total N has mean rank (N + 1) / 2, so twice the midrank of a value less twice
    that is how many come before, and how many with it, less N. The ranks themselves have a sum of
    squares of (N^3 - sum_g t_g^3) / 12 with t_g how often a value is there (Kendall 1948): whole
    numbers, so that a constant variable has exactly 0.
    """

    ranks: Columns
    spread: Floats


def _midranks(counts: Columns, groups: _Groups, upto: Columns, ranks: Columns) -> _Midranks:
    """Rank sorted examples in each resample; the memory of `upto` and `ranks` is overwritten."""
    upto[0] = 0
    np.copyto(upto[1:], counts)
    total = running(upto)[-1]
    times, below, ranks = counts, upto[:-1], ranks[: len(groups.starts)]
    if len(groups.starts) == len(groups.order):
        np.add(upto[1:], below, out=ranks)
    else:
        np.take(upto, groups.stops, axis=0, out=ranks, mode="clip")
        below = np.take(upto, groups.starts, axis=0)
        times = ranks - below
        ranks += below
    ranks -= total
    return _Midranks(ranks, (total.astype(np.float64) ** 3 - _cubes(times)) / 12.0)


def _cubes(counts: Columns) -> Floats:
    """Sum the cubes of each column."""
    total = np.zeros(counts.shape[1])
    for start in range(0, len(counts), _ROWS):
        part = counts[start : start + _ROWS]
        cubes = part if part.max() <= _SMALL_CUBES else part.astype(np.float64)
        total += (cubes * cubes * cubes).sum(axis=0, dtype=np.float64)
    return total


def _products(
    counts: Columns,
    one: Columns,
    of_one: NDArray[np.intp],
    other: Columns,
    of_other: NDArray[np.intp],
) -> Floats:
    """Sum count * rank * rank over the examples of each column.

    Whole numbers: counts times ranks are exact in float32, their products summed in float64.
    """
    total = np.zeros(counts.shape[1])
    for start in range(0, len(counts), _ROWS):
        part = slice(start, start + _ROWS)
        weighted = counts[part].astype(np.float32)
        weighted *= np.take(one, of_one[part], axis=0)
        against = np.take(other, of_other[part], axis=0).astype(np.float32)
        total += np.einsum("ib,ib->b", weighted, against, dtype=np.float64)
    return total


def _about_the_sample(resamples: Resamples, by_x: _Groups, by_y: _Groups) -> Floats:
    """Return Spearman's correlation with its sums in first order around the sample.

    Definition: with centred midranks r_i = sum_j w_j sign(x_i - x_j) / 2 and s_i likewise, the
    sums of w r s, w r^2 and w s^2 are cubic in the counts w. Their slopes at w = 1 are features of
    single examples: r_j s_j + sum_i sign(x_i - x_j) s_i / 2 + sum_i sign(y_i - y_j) r_i / 2, and
    three times the sum itself when all are added, so that the row of the sample is exact.
    """
    rank_x, rank_y = _sample_ranks(by_x), _sample_ranks(by_y)
    features = []
    for one, of_one, other, of_other in (
        (rank_x, by_x, rank_y, by_y),
        (rank_x, by_x, rank_x, by_x),
        (rank_y, by_y, rank_y, by_y),
    ):
        slope = one * other + _signed(of_one, other) + _signed(of_other, one)
        features.append(slope)
    whole = [float(slope.sum()) / 3.0 for slope in features]
    sums = np.stack([resamples.sums(slope) for slope in features]) - 2.0 * np.array(whole)[:, None]
    together, spread_x, spread_y = sums
    defined = (spread_x > 0) & (spread_y > 0) & (len(by_x.starts) > 1) & (len(by_y.starts) > 1)
    roots = np.sqrt(np.maximum(spread_x, 0.0)) * np.sqrt(np.maximum(spread_y, 0.0))
    return _safe_ratio(together, roots, defined)


def _sample_ranks(groups: _Groups) -> Floats:
    """The centred midrank of each example of the sample."""
    ranks = np.empty(len(groups.order))
    middles = (groups.starts + groups.stops - len(groups.order)) / 2.0
    ranks[groups.order] = middles[groups.of]
    return ranks


def _signed(groups: _Groups, values: Floats) -> Floats:
    """For each example, half the values of those above it less half of those below."""
    upto = np.concatenate([[0.0], np.cumsum(values[groups.order])])
    halves = (upto[-1] - upto[groups.stops] - upto[groups.starts]) / 2.0
    result = np.empty(len(values))
    result[groups.order] = halves[groups.of]
    return result
