"""How the mistakes of two models can split between two labels, and what that does to kappa.

Does: the parts of kappa as functions of a split, for many splits at once. Does not: search or
judge; `kappa_range.py` does, and says why its candidates suffice.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kdprobe.stats.arrays import Floats, Ints


class Setting(NamedTuple):
    """What is known: errors of both models, and the label counts."""

    errors_a: int
    errors_b: int
    positives: int
    negatives: int

    @property
    def n(self) -> int:
        """The number of examples."""
        return self.positives + self.negatives

    def misses(self, errors: int) -> tuple[int, int]:
        """The least and most of a model's errors that can be on positives."""
        return max(0, errors - self.negatives), min(errors, self.positives)


def denominator(setting: Setting, miss_a: Ints, miss_b: Ints) -> Floats:
    """P_1 (N - P_2) + (N - P_1) P_2; NaN where a model gives only one label (kappa undefined)."""
    given = [
        setting.positives - miss + (errors - miss)
        for miss, errors in ((miss_a, setting.errors_a), (miss_b, setting.errors_b))
    ]
    a, b = (np.where((p > 0) & (p < setting.n), p, np.nan) for p in given)
    product: Floats = a * (setting.n - b) + (setting.n - a) * b
    return product


class Differing(NamedTuple):
    """How many labels differ, for splits of the mistakes: least, most, and by independence."""

    least: Floats
    most: Floats
    independent: Floats


def differing(setting: Setting, miss_a: Ints, miss_b: Ints) -> Differing:
    """Return how many labels differ at each split: least, most, and with independent errors."""
    least, most, independent = (np.zeros(1) for _ in range(3))
    for size, a, b in (
        (setting.positives, miss_a, miss_b),
        (setting.negatives, setting.errors_a - miss_a, setting.errors_b - miss_b),
    ):
        least = least + np.abs(a - b)
        most = most + np.minimum(a + b, 2 * size - a - b)
        independent = independent + (a + b - 2.0 * a * b / max(1, size))
    return Differing(least, most, independent)


def candidates(setting: Setting) -> tuple[Ints, Ints]:
    """All first splits, each with the second splits at which an extreme can lie, `[splits, 18]`."""
    first_a, last_a = setting.misses(setting.errors_a)
    first_b, last_b = setting.misses(setting.errors_b)
    miss_a = np.arange(first_a, last_a + 1, dtype=np.int64)
    breaks = (
        np.full_like(miss_a, first_b),
        np.full_like(miss_a, last_b),
        miss_a,  # |e1 - e2| on positives turns
        setting.errors_b - setting.errors_a + miss_a,  # |e1 - e2| on negatives turns
        setting.positives - miss_a,  # e1 + e2 passes n_c on positives
        setting.errors_b - setting.negatives + setting.errors_a - miss_a,  # and on negatives
    )
    near = [point + step for point in breaks for step in (-1, 0, 1)]
    return miss_a[:, None], np.clip(np.stack(near, axis=1), first_b, last_b)


def variance(setting: Setting, miss_a: Ints, miss_b: Ints) -> Floats:
    """The variance of the number of shared mistakes under independence, hypergeometric by label.

    NaN where it is 0: mistakes then cannot be shared more or less often.
    """
    total = np.zeros(1)
    for size, a, b in (
        (setting.positives, miss_a, miss_b),
        (setting.negatives, setting.errors_a - miss_a, setting.errors_b - miss_b),
    ):
        scale = float(size) ** 2 * max(1, size - 1)
        total = total + a * b * (size - a).astype(np.float64) * (size - b) / scale
    known: Floats = np.where(total > 0, total, np.nan)
    return known
