"""The types of arrays, and division that is NaN where there is nothing to divide by."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
FARTHEST = 1e300
"""Outputs beyond it are refused: their differences leave the range of float64."""


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
