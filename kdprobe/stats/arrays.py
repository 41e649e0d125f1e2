"""The types of arrays, and division that is NaN where there is nothing to divide by."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
FARTHEST = 1e300
"""Outputs beyond it are refused: their differences leave the range of float64."""


_CACHED = 60_000  # numbers of a pass: half a MB, which stays in the cache


def blocks_of(array: Floats) -> Iterator[slice]:
    """Yield the rows of `[n, c]` in blocks that stay in the cache; one block where n is 0.

    For what is done to each row by itself: no bit depends on the blocks.

    >>> [(rows.start, rows.stop) for rows in blocks_of(np.zeros((3, 30_000)))]
    [(0, 2), (2, 4)]
    """
    step = max(1, _CACHED // array.shape[1])
    return (slice(start, start + step) for start in range(0, max(1, len(array)), step))


def ratio(top: Floats, bottom: Floats) -> Floats:
    """Divide element by element, NaN where the denominator is 0 (the caller gives the reason).

    Args:
        top: float64, of any shape that broadcasts with `bottom`.
        bottom: float64.

    >>> ratio(np.array([1.0, 0.0]), np.array([2.0, 0.0]))
    array([0.5, nan])
    """
    result: Floats = np.full(np.broadcast_shapes(np.shape(top), np.shape(bottom)), np.nan)
    np.divide(top, bottom, out=result, where=bottom != 0)
    return result
