"""Correlations over all resamples at once.

Does: compute draws `float64[B + 1]` of Pearson's and Spearman's correlation from counts, one value
a resample. Does not: draw resamples, or make estimates; `bootstrap.py` does.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kdprobe.stats.arrays import Bools, Floats, Ints
from kdprobe.stats.bootstrap import Resamples

_CELLS = 60_000  # numbers held at once by a chunked pass: half a MB, which stays in the cache
_CERTAIN = 1e-4  # of the sum of squares: what is left of 16 digits is 12
Values = Floats | Ints | Bools


def _chunks(resamples: Resamples) -> Iterator[tuple[slice, Floats]]:
    """Yield blocks of resamples of few enough numbers."""
    step = max(1, _CELLS // max(1, resamples.n))
    for start in range(0, len(resamples.counts), step):
        rows = slice(start, start + step)
        yield rows, resamples.counts[rows].astype(np.float64)


class _Groups(NamedTuple):
    """Equal values of a variable: the group of each example and where each group starts."""

    of: NDArray[np.intp]  # [n]
    order: NDArray[np.intp]  # [n], sorts the examples by value
    starts: NDArray[np.intp]  # [groups], into the sorted examples


def _groups(values: Values) -> _Groups:
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    new = np.ones(len(values), dtype=bool)
    new[1:] = ordered[1:] != ordered[:-1]
    of = np.empty(len(values), dtype=np.intp)
    of[order] = np.cumsum(new) - 1
    return _Groups(of, order, np.flatnonzero(new))


def _per_group(counts: Floats, groups: _Groups) -> Floats:
    """How often each value is in each resample, `[rows, groups]`."""
    if len(groups.starts) == len(groups.order):
        return np.take(counts, groups.order, axis=1)
    sums: Floats = np.add.reduceat(np.take(counts, groups.order, axis=1), groups.starts, axis=1)
    return sums


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
    result = np.full(len(resamples.counts), np.nan)
    if not resamples.n:
        return result
    left, right = (np.asarray(values, dtype=np.float64) for values in (x, y))
    # About the means of the sample, what is subtracted below is small, but for few resamples.
    near_x, near_y = left - left.mean(), right - right.mean()
    features = [near_x, near_y, near_x * near_y, near_x**2, near_y**2]
    sums = resamples.sums(np.stack(features, axis=1))
    sum_x, sum_y, together, raw_x, raw_y = sums.T
    total = np.maximum(resamples.totals, 1.0)
    spread_x, spread_y = raw_x - sum_x**2 / total, raw_y - sum_y**2 / total
    result = _safe_ratio(
        together - sum_x * sum_y / total,
        np.sqrt(np.maximum(spread_x, 0.0)) * np.sqrt(np.maximum(spread_y, 0.0)),
        certain := (spread_x > _CERTAIN * raw_x) & (spread_y > _CERTAIN * raw_y),
    )
    doubtful = np.flatnonzero(~certain)
    result[doubtful] = _twice_through(Resamples(resamples.counts[doubtful]), left, right)
    return result


def _twice_through(resamples: Resamples, x: Floats, y: Floats) -> Floats:
    """Pearson's correlation where one pass would cancel: about the means of each resample."""
    result = np.full(len(resamples.counts), np.nan)
    for rows, counts in _chunks(resamples):
        varied = _varied(counts, x) & _varied(counts, y)
        total = np.maximum(counts.sum(axis=1), 1.0)
        off_x = x - (counts @ x / total)[:, None]
        off_y = y - (counts @ y / total)[:, None]
        weighted = counts * off_x
        top = np.einsum("bi,bi->b", weighted, off_y)
        spread_x = np.einsum("bi,bi->b", weighted, off_x)
        spread_y = np.einsum("bi,bi->b", counts, off_y**2)
        bottom = np.sqrt(spread_x) * np.sqrt(spread_y)
        result[rows] = _safe_ratio(top, bottom, varied & (bottom > 0))
    return result


def _varied(counts: Floats, values: Floats) -> Bools:
    """Whether each resample, `[rows, n]`, holds two different values."""
    lowest = np.where(counts > 0, values, np.inf).min(axis=1)
    highest = np.where(counts > 0, values, -np.inf).max(axis=1)
    varied: Bools = lowest < highest
    return varied


def spearman_draws(resamples: Resamples, x: Values, y: Values) -> Floats:
    """Return Spearman's rank correlation of two variables in every resample, exactly.

    Definition: Pearson's correlation of midranks, where ranks are those *within the resample*: a
    value drawn c times after b smaller ones has midrank b + (c + 1) / 2.

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
    for rows, counts in _chunks(resamples):
        centred_x, spread_x = _midranks(counts, by_x)
        centred_y, spread_y = _midranks(counts, by_y)
        counts *= np.take(centred_x, by_x.of, axis=1)
        together = np.einsum("bi,bi->b", counts, np.take(centred_y, by_y.of, axis=1))
        defined = (spread_x > 0) & (spread_y > 0)
        result[rows] = _safe_ratio(together, np.sqrt(spread_x) * np.sqrt(spread_y), defined)
    return result


def _midranks(counts: Floats, groups: _Groups) -> tuple[Floats, Floats]:
    """Midranks of each group less their mean, `[rows, groups]`, and their sum of squares `[rows]`.

    A resample of total N has mean rank (N + 1) / 2. All terms are multiples of a half, so a
    constant variable has a sum of squares of exactly 0.
    """
    times = _per_group(counts, groups)
    centred = np.cumsum(times, axis=1)
    centred -= (times + counts.sum(axis=1, keepdims=True)) / 2.0
    times *= centred
    return centred, np.einsum("bg,bg->b", times, centred)
