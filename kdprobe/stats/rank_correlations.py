"""Spearman's rank correlation over all resamples at once.

Does: rank variables within every resample and correlate the ranks, each variable ranked once
however many others it is correlated with. Does not: draw resamples, or make estimates.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kdprobe.stats.arrays import Floats
from kdprobe.stats.columns import Columns, cubes, running
from kdprobe.stats.correlations import Values, safe_ratio
from kdprobe.stats.resamples import Resamples

_ROWS = 128  # examples of a pass that stays in the cache
_HELD = 8  # times the numbers of one pass are held where many variables are ranked together
_WRAPS = 1860  # the most examples whose products of ranks, a third of n^3, fit 32 bits
MOST_RANKED = 20_000
"""Up to so many examples are ranked anew in every resample; see `spearman_draws`."""


class _Groups(NamedTuple):
    """Equal values of a variable, in their order."""

    order: NDArray[np.intp]  # [n], sorts the examples by value
    starts: NDArray[np.intp]  # [groups], into the sorted examples
    of: NDArray[np.intp]  # [n], the group of each example

    @property
    def stops(self) -> NDArray[np.intp]:
        """Where groups end among the sorted examples, `[groups]`."""
        return np.append(self.starts[1:], len(self.order))


def _groups(values: Values) -> _Groups:
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    new = np.ones(len(values), dtype=bool)
    new[1:] = ordered[1:] != ordered[:-1]
    of = np.empty(len(values), dtype=np.intp)
    of[order] = np.cumsum(new) - 1
    return _Groups(order, np.flatnonzero(new), of)


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
    return several_spearman_draws(resamples, [x, y], [(0, 1)])[0]


def several_spearman_draws(
    resamples: Resamples, variables: Sequence[Values], pairs: Sequence[tuple[int, int]]
) -> list[Floats]:
    """Return Spearman's correlation of pairs of variables, each as `spearman_draws` does.

    Each variable is ranked once, which takes as long as correlating one pair.

    Args:
        resamples: how often each example counts.
        variables: numbers `[n]` each, finite.
        pairs: places in `variables`.
    """
    drawn = [np.full(len(resamples.counts), np.nan) for _ in pairs]
    if not resamples.n:
        return drawn
    groups = [_groups(values) for values in variables]
    if resamples.n > MOST_RANKED:
        return [_about_the_sample(resamples, groups[one], groups[other]) for one, other in pairs]
    cells = [_cells(groups[one].of, groups[other].of) for one, other in pairs]
    ends = np.cumsum([0, *(len(each.starts) for each in groups)])
    exact = float(resamples.totals.max(initial=0.0)) <= _WRAPS
    for rows in resamples.blocks(max(resamples.n, int(ends[-1]) // _HELD)):
        width = len(resamples.counts[rows])
        held = resamples.room("ranks", (int(ends[-1]), width))
        ranked = [
            _ranked(resamples, each, rows, held[start:stop])
            for each, start, stop in zip(groups, ends[:-1], ends[1:], strict=True)
        ]
        for result, (one, other), cell in zip(drawn, pairs, cells, strict=True):
            counts = _counted(resamples, cell, rows)
            x, y = ranked[one], ranked[other]
            together = _products(counts, x, cell.one, y, cell.other, exact=exact) / 4.0
            roots = np.sqrt(x.spread) * np.sqrt(y.spread)
            result[rows] = safe_ratio(together, roots, (x.spread > 0) & (y.spread > 0))
    return drawn


class _Cells(NamedTuple):
    """Examples that share both values, where that makes far fewer of them; else single ones."""

    order: NDArray[np.intp]  # [n], sorts the examples by cell
    starts: NDArray[np.intp]  # [cells], into the sorted examples
    one: NDArray[np.intp]  # [cells], the group of the first variable
    other: NDArray[np.intp]  # [cells], of the second


def _cells(one: NDArray[np.intp], other: NDArray[np.intp]) -> _Cells:
    cell = one * (int(other.max()) + 1) + other
    order = np.argsort(cell, kind="stable")
    starts = np.flatnonzero(np.diff(cell[order], prepend=-1))
    if 2 * len(starts) > len(cell):
        order = starts = np.arange(len(cell))
    return _Cells(order, starts, one[order][starts], other[order][starts])


def _upto(resamples: Resamples, order: NDArray[np.intp], rows: slice) -> Columns:
    """Count the examples before each place of an order, and all of them, `[n + 1, rows]`."""
    counts = resamples.columns(order, rows)
    upto = resamples.room("upto", (len(counts) + 1, counts.shape[1]))
    upto[0] = 0
    np.copyto(upto[1:], counts)
    return running(upto)


def _counted(resamples: Resamples, cells: _Cells, rows: slice) -> Columns:
    """Count the examples of each cell, `[cells, rows]`."""
    if len(cells.starts) == len(cells.order):
        return resamples.columns(cells.order, rows)
    upto = _upto(resamples, cells.order, rows)
    ends = np.append(cells.starts, len(cells.order))
    counts = resamples.room("counts", (len(ends) - 1, upto.shape[1]))
    np.subtract(upto[ends[1:]], upto[ends[:-1]], out=counts)
    return counts


class _Ranks(NamedTuple):
    """Twice the centred midrank of each value, `[groups, rows]`, and the squares of ranks, added.

    A resample of total N has mean rank (N + 1) / 2, so twice the midrank of a value less twice
    that is how many come before, and how many with it, less N. The ranks themselves have a sum of
    squares of (N^3 - sum_g t_g^3) / 12 with t_g how often a value is there (Kendall 1948): whole
    numbers, so that a constant variable has exactly 0.
    """

    centred: Columns
    spread: Floats


def _ranked(resamples: Resamples, groups: _Groups, rows: slice, into: Columns) -> _Ranks:
    """Rank a variable in some resamples; the memory of `into` is overwritten."""
    upto = _upto(resamples, groups.order, rows)
    total, sizes = upto[-1], groups.stops - groups.starts
    if len(sizes) == resamples.n:
        np.add(upto[1:], upto[:-1], out=into)
        repeated = resamples.cubes[rows]
    else:
        below = resamples.room("below", into.shape)
        np.take(upto, groups.starts, axis=0, out=below, mode="clip")
        np.take(upto, groups.stops, axis=0, out=into, mode="clip")
        if 2 * len(sizes) < resamples.n:
            repeated = cubes(into - below)
        else:  # single examples have the same cubes in any order
            tied = sizes > 1
            members = groups.order[np.repeat(tied, sizes)]
            repeated = resamples.cubes[rows] - cubes(resamples.columns(members, rows))
            repeated += cubes(into[tied] - below[tied])
        into += below
    into -= total
    return _Ranks(into, (total.astype(np.float64) ** 3 - repeated) / 12.0)


def _products(
    counts: Columns,
    one: _Ranks,
    of_one: NDArray[np.intp],
    other: _Ranks,
    of_other: NDArray[np.intp],
    *,
    exact: bool,
) -> Floats:
    """Sum count * rank * rank over the examples of each column.

    All are whole numbers. Where the sums fit 32 bits (`exact`; what passes them on the way wraps,
    and wraps back) they are added so; else products are added in float64.
    """
    total: NDArray[np.number] = np.zeros(counts.shape[1], np.int32 if exact else np.float64)
    for start in range(0, len(counts), _ROWS):
        part = slice(start, start + _ROWS)
        weighted = counts[part].astype(np.int32)
        weighted *= np.take(one.centred, of_one[part], axis=0)
        against = np.take(other.centred, of_other[part], axis=0)
        if exact:
            weighted *= against
            np.add(total, weighted.sum(axis=0, dtype=np.int32), out=total)
        else:
            np.add(total, np.einsum("ib,ib->b", weighted, against, dtype=np.float64), out=total)
    return total.astype(np.float64)


def _about_the_sample(resamples: Resamples, by_x: _Groups, by_y: _Groups) -> Floats:
    """Return Spearman's correlation with its sums in first order around the sample.

    Definition: with centred midranks r_i = sum_j w_j sign(x_i - x_j) / 2 and s_i likewise, the
    sums of w r s, w r^2 and w s^2 are cubic in the counts w. Their slopes at w = 1 are features of
    single examples: r_j s_j + sum_i sign(x_i - x_j) s_i / 2 + sum_i sign(y_i - y_j) r_i / 2, and
    three times the sum itself when all are added, so that the row of the sample is exact.
    """
    rank_x, rank_y = _sample_ranks(by_x), _sample_ranks(by_y)
    features = [
        one * other + _signed(of_one, other) + _signed(of_other, one)
        for one, of_one, other, of_other in (
            (rank_x, by_x, rank_y, by_y),
            (rank_x, by_x, rank_x, by_x),
            (rank_y, by_y, rank_y, by_y),
        )
    ]
    whole = [float(slope.sum()) / 3.0 for slope in features]
    sums = np.stack([resamples.sums(slope) for slope in features]) - 2.0 * np.array(whole)[:, None]
    together, spread_x, spread_y = sums
    defined = (spread_x > 0) & (spread_y > 0) & (len(by_x.starts) > 1) & (len(by_y.starts) > 1)
    roots = np.sqrt(np.maximum(spread_x, 0.0)) * np.sqrt(np.maximum(spread_y, 0.0))
    return safe_ratio(together, roots, defined)


def _sample_ranks(groups: _Groups) -> Floats:
    """The centred midrank of each example of the sample."""
    middles: Floats = (groups.starts + groups.stops - len(groups.order)) / 2.0
    return middles[groups.of]


def _signed(groups: _Groups, values: Floats) -> Floats:
    """For each example, half the values of those above it less half of those below."""
    upto = np.concatenate([[0.0], np.cumsum(values[groups.order])])
    halves: Floats = (upto[-1] - upto[groups.stops] - upto[groups.starts]) / 2.0
    return halves[groups.of]
