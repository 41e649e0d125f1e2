"""Counts of examples by resample, a row an example: running counts and where they pass a number.

Does: add up rows, and search in what rises. Does not: know what is counted.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from kdprobe.stats.arrays import Floats

_SMALL_CUBES = 31  # the largest count whose cube fits 16 bits
_ROWS = 128  # examples of a pass that stays in the cache

Columns = NDArray[np.signedinteger]
"""Whole numbers `[examples, resamples]`."""


def running(columns: Columns) -> Columns:
    """Add up `[examples, resamples]` from the first example on, in place.

    A loop over rows: `numpy.cumsum` along the first axis takes five times as long, and slices
    of each row twice as long.

    >>> running(np.array([[1, 0], [2, 1], [0, 1]])).tolist()
    [[1, 0], [3, 1], [3, 2]]
    """
    for before, row in pairwise(columns):
        np.add(before, row, row)
    return columns


def cubes(columns: Columns) -> Floats:
    """Sum the cubes of each column, float64 `[resamples]`.

    >>> cubes(np.array([[1, 0], [2, 3]])).tolist()
    [9.0, 27.0]
    """
    total = np.zeros(columns.shape[1])
    for start in range(0, len(columns), _ROWS):
        part = columns[start : start + _ROWS]
        powers = part if part.max() <= _SMALL_CUBES else part.astype(np.float64)
        total += (powers * powers * powers).sum(axis=0, dtype=np.float64)
    return total


def first_above(rising: Columns, target: Floats) -> NDArray[np.intp]:
    """Return how many rows of each column do not exceed its target, by bisection."""
    across = np.arange(rising.shape[1])
    low = np.zeros(rising.shape[1], dtype=np.intp)
    high = np.full(rising.shape[1], len(rising), dtype=np.intp)
    while (open_ := low < high).any():
        middle = (low + high) // 2
        passed = rising[np.minimum(middle, len(rising) - 1), across] <= target
        low = np.where(open_ & passed, middle + 1, low)
        high = np.where(open_ & ~passed, middle, high)
    return low
