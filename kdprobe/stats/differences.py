"""Tests and intervals of differences that were resampled together, one or a whole family.

Does: the two-sided p-value of a paired bootstrap, Holm's adjustment over a family, and intervals at
the levels that this adjustment compares with. Does not: know what is subtracted from what.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from kdprobe.stats.arrays import Floats
from kdprobe.stats.bootstrap import interval
from kdprobe.stats.hypothesis_tests import holm

ALPHA = 0.05
_ROUNDING = 1e-12  # equal means of other resamples differ in their last bits


class Adjusted(NamedTuple):
    """A difference within its family.

    Args:
        q: its p-value after Holm's adjustment; None without one.
        low, high: its interval at the level that the adjustment compares its p-value with; None
            without one.
    """

    q: float | None
    low: float | None = None
    high: float | None = None

    @property
    def is_told_from_noise(self) -> bool:
        """Whether q is below .05 and the interval leaves 0."""
        if self.q is None or self.low is None or self.high is None:
            return False
        return self.q < ALPHA and not self.low <= 0.0 <= self.high


def _half(draws: Floats) -> float | None:
    """Return half the width of the 95 % interval; None where the draws have none."""
    bounds = interval(draws)
    if not np.isfinite(draws[0]) or bounds is None:
        return None
    return (bounds[1] - bounds[0]) / 2.0


def _varies(draws: Floats) -> bool:
    """Whether any resample differs from the value itself by more than rounding."""
    defined = draws[np.isfinite(draws)]
    return bool(np.ptp(defined) > _ROUNDING * abs(float(draws[0])))


def _resolves(resamples: int, family: int) -> bool:
    """Whether the smallest p-value of so many resamples can be below .05 after adjustment."""
    return 2.0 * family / (resamples + 1.0) <= ALPHA


def bootstrap_p(draws: Floats, *, family: int = 1, freedom: float = math.inf) -> float | None:
    """Return the two-sided p-value of "there is no difference" from its resamples.

    Definition: 2 min(#(d* <= 0) + 1, #(d* >= 0) + 1) / (B + 1), at most 1 (Davison and Hinkley
    1997, ch. 4); never below 2 / (B + 1). In a family so large that Holm's adjustment could call
    nothing a difference (`family` times that is above .05), a difference none of whose resamples
    reaches 0 gets the tail of Student's t instead, where that is smaller: of the normal
    distribution, unless `freedom` is finite (Efron and Tibshirani 1993, ch. 12).

    Args:
        draws: float64 `[B + 1]`, the difference itself first; NaN where undefined.
        family: how many differences are tested together.
        freedom: degrees of freedom of the draws: those of a mean over few runs have heavy tails.

    Returns:
        A probability in 0..1; None where it is undefined, or in more than 1 of 10 resamples, and
        where every resample gives one and the same difference from 0 (of one example, say): what
        never varies cannot be tested so.

    >>> bootstrap_p(np.array([0.2, 0.1, 0.3, 0.2, -0.1]))
    0.8
    """
    half = _half(draws)
    if half is None:
        return None
    if not _varies(draws):
        return None if draws[0] else 1.0
    drawn = draws[1:][np.isfinite(draws[1:])]
    fewer = min(int((drawn <= 0.0).sum()), int((drawn >= 0.0).sum()))
    p = min(1.0, 2.0 * (fewer + 1.0) / (len(drawn) + 1.0))
    if fewer or not half or _resolves(len(drawn), family):
        return p
    return min(p, 2.0 * _below(-abs(float(draws[0])) / half * -_quantile(0.025, freedom), freedom))


def _below(value: float, freedom: float) -> float:
    """Return the share of Student's t below a value."""
    from scipy.special import ndtr, stdtr

    return float(ndtr(value) if math.isinf(freedom) else stdtr(freedom, value))


def _quantile(share: float, freedom: float) -> float:
    """Return the value below which a share of Student's t lies."""
    from scipy.special import ndtri, stdtrit

    return float(ndtri(share) if math.isinf(freedom) else stdtrit(freedom, share))


def interval_at(
    draws: Floats, level: float, *, freedom: float = math.inf
) -> tuple[float, float] | None:
    """Return the percentile interval, or a t interval at a level that B resamples cannot resolve.

    Definition: the latter is the value and half the 95 % interval to either side, times the ratio
    of the quantiles of Student's t (of the normal distribution, unless `freedom` is finite); it
    stands in where fewer than one resample lies beyond each end.
    """
    half = _half(draws)
    if half is None:
        return None
    tail = (1.0 - level) / 2.0
    if tail * (len(draws) - 1) >= 1.0 or not half:
        return interval(draws, level=level)
    reach = half * _quantile(tail, freedom) / _quantile(0.025, freedom)
    return float(draws[0]) - reach, float(draws[0]) + reach


def adjusted(
    draws: Sequence[Floats], p: Sequence[float | None], freedom: Sequence[float] = ()
) -> list[Adjusted]:
    """Adjust a family of differences: Holm's p-values, and intervals at the levels behind them.

    Definition: Holm compares the k-th smallest of m p-values with .05 / (m - k + 1) and stops at
    the first that is not below. The interval of the k-th is at the level 1 - .05 / (m - k + 1); all
    from that stop on are at the level of the stop. So the first is Bonferroni's, and with one
    difference alone it is the 95 % interval.

    Args:
        draws: float64 `[B + 1]` each.
        p: the p-value of each; one without is in no family.
        freedom: of each, see `interval_at`; none: normal.

    >>> one = np.array([0.2, 0.1, 0.3, 0.2, 0.2])
    >>> [member.q for member in adjusted([one, one, one], [0.01, None, 0.04])]
    [0.02, None, 0.04]
    """
    q = holm(p)
    order = sorted((each, place) for place, each in enumerate(p) if each is not None)
    result = [Adjusted(None)] * len(p)
    size = 0
    for rank, (_, place) in enumerate(order):
        stopped = size and (q[order[rank - 1][1]] or 0.0) >= ALPHA
        size = size if stopped else len(order) - rank
        tails = freedom[place] if freedom else math.inf
        bounds = interval_at(draws[place], 1.0 - ALPHA / size, freedom=tails)
        result[place] = Adjusted(q[place], *(bounds or (None, None)))
    return result
