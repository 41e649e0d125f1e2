"""Pearson's correlation over all resamples at once.

Does: compute draws `float64[B + 1]` from counts, one value a resample. Does not: rank
(`rank_correlations.py` does), draw resamples, or make estimates.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kdprobe.stats.arrays import Bools, Floats, Ints
from kdprobe.stats.bootstrap import Resamples

_CELLS = 60_000  # numbers held at once by a chunked pass: half a MB, which stays in the cache
_CERTAIN = 1e-4  # of the sum of squares: what is left of 16 digits is 12
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


def safe_ratio(top: Floats, bottom: Floats, defined: Bools) -> Floats:
    """Divide where it is defined, within -1..1; NaN elsewhere."""
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
    both = Variables(np.ones(resamples.n, dtype=bool), x, y)
    return several_pearson_draws(resamples, [both])[0]


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
    result = safe_ratio(
        together - sum_x * sum_y / total,
        np.sqrt(np.maximum(spread_x, 0.0)) * np.sqrt(np.maximum(spread_y, 0.0)),
        certain := (spread_x > _CERTAIN * raw_x) & (spread_y > _CERTAIN * raw_y),
    )
    left, right = (np.asarray(values, dtype=np.float64) for values in (of.x, of.y))
    if len(left) and np.ptp(left) > 0 and np.ptp(right) > 0:  # else it is NaN everywhere already
        doubtful = np.flatnonzero(~certain)
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
        roots = np.sqrt(spread_x) * np.sqrt(spread_y)
        result[start : start + step] = safe_ratio(top, roots, varied & (roots > 0))
    return result


def _varied(counts: Floats, values: Floats) -> Bools:
    """Whether each resample, `[rows, n]`, holds two different values."""
    lowest = np.where(counts > 0, values, np.inf).min(axis=1)
    return np.asarray(lowest < np.where(counts > 0, values, -np.inf).max(axis=1))
