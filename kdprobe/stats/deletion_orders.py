"""What an order of deletions is worth, and the best and worst that any order could be.

Does: the area over the perturbation curve (AOPC) of an order of words, its exact limits over all n!
orders by a dynamic programme over the 2^n sets of words, and the AOPC between them. Does not: ask a
model; it takes v(S) of every set S.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from kdprobe.stats.arrays import Floats, Ints

SMALLEST_RANGE = 1e-6
"""A range of probabilities that float32 cannot tell from none."""


class Limits(NamedTuple):
    """The least and the greatest AOPC of any order."""

    low: float
    high: float


def aopc(values: Floats, order: Sequence[int]) -> float:
    """Return the area over the perturbation curve of an order of deletions.

    Definition: the mean over k = 1..n of v(all) - v(all but the first k words of the order). From
    the most important word down it is comprehensiveness, from the least important up sufficiency
    (DeYoung et al. 2020; Edin et al. 2024, arXiv 2408.08137).

    Args:
        values: float64 `[2**n]`; place r is v of the words whose bits r has, see `every_coalition`.
        order: the words 0..n-1, the first deleted first.

    >>> aopc(np.array([0.0, 0.5, 0.25, 1.0]), [0, 1])
    0.875
    """
    left = len(values) - 1 - np.cumsum(1 << np.asarray(order, dtype=np.int64))
    return float(values[-1] - values[left].mean())


@lru_cache(maxsize=16)
def _levels(n: int) -> tuple[tuple[Ints, Ints], ...]:
    """Return the sets of 1, 2 … n words, `[c]`, and each of them without one word, `[c, size]`."""
    sets = np.arange(2**n)
    bits = (sets[:, None] >> np.arange(n)) & 1
    sizes = bits.sum(axis=1)
    levels = []
    for size in range(1, n + 1):
        rows = np.flatnonzero(sizes == size)
        words = np.nonzero(bits[rows])[1].reshape(len(rows), size)
        levels.append((rows, rows[:, None] - (1 << words)))
    return tuple(levels)


def order_limits(values: Floats) -> Limits:
    """Return the least and greatest AOPC of any order of deletions, exactly.

    Definition: the sum of what is left, from S down, is v(S) + the least (greatest) of such sums
    from S without one word: n 2^n steps instead of n! orders.

    Args:
        values: float64 `[2**n]`, n at least 1.

    >>> order_limits(np.array([0.0, 0.5, 0.25, 1.0]))
    Limits(low=0.75, high=0.875)
    """
    n = len(values).bit_length() - 1
    least, most = values.copy(), values.copy()
    for rows, without in _levels(n):
        least[rows] += least[without].min(axis=1)
        most[rows] += most[without].max(axis=1)
    whole = float(values[-1])
    return Limits(whole - (float(most[-1]) - whole) / n, whole - (float(least[-1]) - whole) / n)


def random_aopc(values: Floats) -> float:
    """Return the expected AOPC of an order drawn at random.

    Definition: v(all) minus the mean, over the sizes 0..n-1, of the mean v of sets of that size.

    >>> random_aopc(np.array([0.0, 0.5, 0.25, 1.0]))
    0.8125
    """
    n = len(values).bit_length() - 1
    means = [float(values[0]), *(float(values[rows].mean()) for rows, _ in _levels(n)[:-1])]
    return float(values[-1]) - float(np.mean(means))


def normalised(areas: Floats, low: Floats, high: Floats) -> Floats:
    """Return AOPC between their limits, in 0..1 (Edin et al. 2024).

    NaN where the limits are `SMALLEST_RANGE` apart or less: no order of deletions differs then.

    >>> normalised(np.array([0.8125, 0.0]), np.array([0.75, 0.0]), np.array([0.875, 0.0]))
    array([0.5, nan])
    """
    room = high - low
    share = np.divide(
        areas - low, room, out=np.full(len(room), np.nan), where=room > SMALLEST_RANGE
    )
    # An order that attains a limit misses it by the rounding of another order of additions.
    kept: Floats = np.clip(share, 0.0, 1.0)
    return kept
