"""The arrays that observations are made of.

Does: name them, and freeze them. Does not: know a model, a file or torch.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def frozen(array: NDArray[np.generic]) -> NDArray[np.generic]:
    """Return a copy of an array that cannot be written to."""
    copy = np.array(array, copy=True)
    copy.setflags(write=False)
    return copy
