"""Resamples of examples as counts: sums, groups and quantiles over all of them at once.

Does: turn sums over resamples into matrix products, and running counts into passes over columns.
Does not: draw them (`bootstrap.py` does), or know any metric: a metric is a function of sums.

Examples are drawn in units: each by itself, or, where there are very many, in random groups. All
sums are taken over units first, so that a thousand times as many examples cost one more pass.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from kdprobe.stats.arrays import Floats, ratio
from kdprobe.stats.columns import Columns, cubes, first_above, running
from kdprobe.stats.kept_counts import KeptCounts, digest

_CHUNK = 256
_KEPT = 24_000_000  # counts of a matrix that is kept in float64 too: 192 MB
_BLOCK = 4_000_000  # numbers held at once by a pass over columns or groups
_FEW_GROUPS = 32  # one matrix product is faster than a sum a group
_EXACT_IN_FLOAT32 = 2**24


@dataclass(frozen=True)
class Resamples:
    """How often each example is in each resample; row 0 is the sample itself.

    Args:
        counts: float32 `[B + 1, units]`; every row sums to the number of units, but where clusters
            of different sizes are drawn.
        unit_of: the unit of each example, `[n]` in 0..units-1; None: each example is its own.
        shared: what subsets have of the whole; given by `within` alone.
    """

    counts: NDArray[np.float32]
    unit_of: NDArray[np.intp] | None = None
    shared: KeptCounts | None = field(default=None, repr=False, compare=False)

    @cached_property
    def _kept(self) -> KeptCounts:
        return self.shared or KeptCounts(self.counts)

    @property
    def n(self) -> int:
        """The number of examples."""
        return int(self.counts.shape[1]) if self.unit_of is None else len(self.unit_of)

    def pooled(self, features: NDArray[np.generic]) -> Floats:
        """Add up per-example features `[n, f]` in each unit, float64 `[units, f]`."""
        wide = features.astype(np.float64, copy=False)
        if self.unit_of is None:
            return wide
        units = self.counts.shape[1]
        columns = [np.bincount(self.unit_of, column, minlength=units) for column in wide.T]
        return np.stack(columns, axis=1) if columns else np.zeros((units, 0))

    def sums_of_units(self, pooled: Floats) -> Floats:
        """Sum what `pooled` gave over every resample, float64 `[B + 1, f]`."""
        counts = self.counts
        if counts.size <= _KEPT:
            return np.asarray(self._kept.wide @ pooled)
        rows = range(0, len(counts), _CHUNK)
        return np.concatenate([counts[row : row + _CHUNK].astype(np.float64) @ pooled
                               for row in rows])  # fmt: skip

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
        if matrix.dtype != np.bool_:
            total = self.sums_of_units(self.pooled(matrix))
        elif self.unit_of is None:
            total = self._whole_sums(matrix)
        else:
            total = self._whole_sums(self.pooled(matrix))
        return total if features.ndim == 2 else total[:, 0]

    def _whole_sums(self, pooled: NDArray[np.generic]) -> Floats:
        """Sum whole numbers of units, in float32 where that is exact."""
        if self._kept.most * max(1, self.n) >= _EXACT_IN_FLOAT32:
            return self.sums_of_units(pooled.astype(np.float64, copy=False))
        return (self.counts @ pooled.astype(np.float32)).astype(np.float64)

    @cached_property
    def totals(self) -> Floats:
        """How many examples each resample holds, float64 `[B + 1]`: n, but of clusters or parts."""
        if self.unit_of is not None:
            return self.sums(np.ones(self.n, dtype=bool))
        totals: Floats = self.counts.sum(axis=1, dtype=np.float64)
        return totals

    def mean(self, features: NDArray[np.generic]) -> Floats:
        """Average a per-example value over every resample, float64 `[B + 1]`; NaN over nothing."""
        return ratio(self.sums(features), self.totals)

    def columns(
        self, examples: NDArray[np.integer], rows: slice = slice(None), *, use: str = "counts"
    ) -> Columns:
        """Return how often examples are in some resamples, `[examples, resamples]`.

        Whole numbers small enough that running counts are quick and their double still fits.

        Args:
            examples: their rows.
            rows: the resamples.
            use: the memory to use, valid until it is used again; see `room`.
        """
        units = examples if self.unit_of is None else self.unit_of[examples]
        source = self._kept.columns[:, rows]
        chosen = self.room(use, (len(units), source.shape[1]))
        if chosen.dtype == source.dtype:
            return np.take(source, units, axis=0, out=chosen, mode="clip")
        chosen[...] = np.take(source, units, axis=0)
        return chosen

    def room(self, use: str, shape: tuple[int, int]) -> Columns:
        """Return memory for whole numbers of up to twice the examples of a resample.

        It is the same for the same `use` each time: fresh pages would cost more than the passes.
        """
        return self._kept.room(use, shape, most=float(self.totals.max(initial=0.0)))

    def blocks(self, examples: int) -> list[slice]:
        """Return slices of resamples for passes over so many examples at a time."""
        step = max(1, _BLOCK // max(1, examples))
        return [slice(row, row + step) for row in range(0, len(self.counts), step)]

    @cached_property
    def cubes(self) -> Floats:
        """The cubes of how often each example is drawn, added up, float64 `[B + 1]`."""
        every = np.arange(self.n)
        return np.concatenate([cubes(self.columns(every, rows)) for rows in self.blocks(self.n)])

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
        key = (size, digest(groups), b"" if self.unit_of is None else digest(self.unit_of))
        counted = self._kept.known(key)
        if counted is None:
            counted = self._by_group(groups, size)
            self._kept.remember(key, counted)
        return counted

    def _by_group(self, groups: NDArray[np.integer], size: int) -> Floats:
        units = self.counts.shape[1]
        order = np.argsort(groups, kind="stable")
        present, starts = np.unique(groups[order], return_index=True)
        if len(present) * units > _FEW_GROUPS * max(self.n, units):
            return self._group_by_group(order, present, starts, size)
        result = np.zeros((len(self.counts), size))
        unit_of = np.arange(units) if self.unit_of is None else self.unit_of
        step = max(1, _BLOCK // units)
        for first in range(0, size, step):
            width = min(step, size - first)
            inside = (groups >= first) & (groups < first + width)
            cells = unit_of[inside] * width + (groups[inside] - first)
            table = np.bincount(cells, minlength=units * width).reshape(units, width)
            result[:, first : first + width] = self._whole_sums(table.astype(np.float64))
        return result

    def _group_by_group(
        self,
        order: NDArray[np.intp],
        present: NDArray[np.integer],
        starts: NDArray[np.intp],
        size: int,
    ) -> Floats:
        """Count groups that are runs of `order` from `starts` on, one after the other."""
        result = np.empty((len(self.counts), size))
        stops = np.append(starts[1:], len(order))
        alone = stops - starts == 1
        several = zip(*(each[~alone].tolist() for each in (present, starts, stops)), strict=True)
        groups = list(several)
        for rows in self.blocks(max(len(order), size)):
            counts = self.columns(order, rows)
            summed = self.room("groups", (size, counts.shape[1]))
            summed[...] = 0
            summed[present[alone]] = counts[starts[alone]]
            for group, start, stop in groups:
                np.add.reduce(counts[start:stop], axis=0, dtype=counts.dtype, out=summed[group])
            result[rows] = summed.T
        return result

    def quantile(self, values: Floats, share: float) -> Floats:
        """Return a quantile of a per-example value in every resample, float64 `[B + 1]`.

        Definition: linear between the two order statistics around place share * (total - 1), as
        `numpy.quantile` does; NaN over nothing.

        Only the values around the sample's own quantile are counted one by one, a window that is
        widened until no resample's quantile lies outside.

        >>> counts = np.array([[1, 1, 1], [0, 2, 1]], dtype=np.float32)
        >>> Resamples(counts).quantile(np.array([1.0, 2.0, 4.0]), 0.75)
        array([3., 3.])
        """
        result = np.full(len(self.counts), np.nan)
        if not self.n:
            return result
        order = np.argsort(values, kind="stable")
        totals = self.totals
        place = share * (totals - 1)
        below = np.floor(place)
        both = np.stack([below, np.minimum(below + 1, totals - 1)])
        reach = 8.0 * np.sqrt(self.n)
        while True:
            low, high = (int(share * self.n + side * reach) for side in (-1, 1))
            low, high = (max(0, low), min(self.n, high + 1)) if 4 * reach < self.n else (0, self.n)
            at = self._places(order, low, high, both)
            if at is not None:
                break
            reach *= 4.0
        first, second = values[order][at]
        return np.where(totals > 0, first + (place - below) * (second - first), np.nan)

    def _places(
        self, order: NDArray[np.intp], low: int, high: int, wanted: Floats
    ) -> NDArray[np.intp] | None:
        """Return where in `order` the running counts first exceed those wanted, `[2, B + 1]`.

        None where that is not from `low` on and before `high`.
        """
        under = np.zeros(self.n, dtype=bool)
        under[order[:low]] = True
        before = self.sums(under) if low else np.zeros(len(self.counts))
        places = np.empty(wanted.shape, dtype=np.intp)
        for rows in self.blocks(high - low):
            upto = running(self.columns(order[low:high], rows))
            left = wanted[:, rows] - before[rows]
            if (low and (left < 0).any()) or (high < self.n and (left >= upto[-1]).any()):
                return None
            for side, target in enumerate(left):
                places[side, rows] = low + first_above(upto, target)
        clipped: NDArray[np.intp] = np.minimum(places, self.n - 1)
        return clipped

    def drawn(self, rows: slice) -> Resamples:
        """Return some of the resamples alone; itself where they are all."""
        if rows.start == 0 and rows.stop >= len(self.counts):
            return self
        return Resamples(self.counts[rows], self.unit_of)

    def within(self, mask: NDArray[np.bool_] | NDArray[np.integer]) -> Resamples:
        """Keep some examples, by mask or row (totals then vary from resample to resample)."""
        rows = np.flatnonzero(mask) if mask.dtype == np.bool_ else mask.astype(np.intp)
        return Resamples(
            self.counts, rows if self.unit_of is None else self.unit_of[rows], self._kept
        )
