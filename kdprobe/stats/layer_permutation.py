"""Whether layers are more alike than sentences in another order would make them.

Does: a permutation test of debiased CKA, of many pairs of layers at once. Does not: estimate CKA of
more than a few hundred sentences; `layer_similarity.py` does.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kdprobe.stats.arrays import Bools, Floats
from kdprobe.stats.layer_similarity import is_flat

_TIE = 1e-6
"""Of 32-bit sums: what is nearer than this is the same."""


def permutation_p(
    xs: Sequence[Floats], ys: Sequence[Floats], *, draws: int, generator: np.random.Generator
) -> Floats:
    """Test whether debiased CKA is beyond what sentences in another order give.

    Definition: (1 + how many of `draws` shufflings of the rows of y give at least the CKA of the
    rows in their order) / (1 + draws), one-sided (Phipson and Smyth 2010). Shuffled, debiased CKA
    has mean 0 and variance 2 / (n (n - 3)) whatever the vectors are: both follow from the sums of
    U-centred kernels being 0. Its other moments do depend on them, hence the shuffling.

    Args:
        xs: sets of vectors of a few hundred rows, `[n, width]` each; kernels of n x n are held.
        ys: others of the same rows.
        draws: how many; all cells share them.
        generator: of the orders.

    Returns:
        float64 `[xs, ys]`; NaN where the vectors of a side do not vary.
    """
    n = len(xs[0])
    above = np.triu_indices(n, 1)
    flat_left, left = _kernels(xs)
    flat_right, right = _kernels(ys)
    upper = left[:, above[0], above[1]]
    observed = upper @ right[:, above[0], above[1]].T
    reached = np.zeros(observed.shape)
    rows, columns = (place.astype(np.int32) for place in above)
    kernels = right.reshape(len(right), -1)
    for _ in range(draws):
        order = generator.permutation(n).astype(np.int32)
        drawn = np.take(kernels, order[rows] * np.int32(n) + order[columns], axis=1)
        reached += upper @ drawn.T >= observed - np.float32(_TIE)
    p: Floats = (1.0 + reached) / (1.0 + draws)
    p[flat_left] = np.nan
    p[:, flat_right] = np.nan
    return p


def _kernels(vectors: Sequence[Floats]) -> tuple[Bools, NDArray[np.float32]]:
    """Return which kernels are 0, and all of them U-centred and of length 1, `[sets, n, n]`."""
    flat, kernels = [], []
    for rows in vectors:
        n = len(rows)
        mean = rows.mean(axis=0)
        centred = rows - mean
        spread = float((centred**2).sum())
        flat.append(is_flat(mean, spread, n))
        kernel = centred @ centred.T
        np.fill_diagonal(kernel, 0.0)
        sums = kernel.sum(axis=0) / (n - 2)
        kernel += sums.sum() / (n - 1) - sums[:, None] - sums[None, :]
        np.fill_diagonal(kernel, 0.0)
        length = float(np.sqrt((kernel**2).sum()))
        kernels.append((kernel / (length or 1.0)).astype(np.float32))
    return np.array(flat), np.stack(kernels)
