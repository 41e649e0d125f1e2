"""What a student lacks of its teacher on some examples: one gap, its interval and its p-value.

Does: turn draws of a gap into an estimate that never claims certainty, and give the p-value of a
paired bootstrap where McNemar's test does not apply. Does not: know how the draws were made.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kdprobe.analysis._bootstrap import HOW, At, estimate
from kdprobe.analysis._stats import benjamini_hochberg
from kdprobe.observations import Floats
from kdprobe.results.schema import Estimate


def bootstrap_p(draws: Floats) -> float | None:
    """Give the two-sided bootstrap p-value of "there is no gap".

    Definition: twice the smaller of the shares of resamples with a gap of at most 0 and of at
    least 0, one resample added to each (Davison and Hinkley 1997, ch. 4), at most 1.

    Args:
        draws: float64 `[B + 1]`, the value on the sample first.

    Returns:
        A probability in (0, 1]; None when the value, or more than 1 in 10 resamples, is undefined.

    >>> bootstrap_p(np.array([0.1, 0.1, 0.2, 0.3, -0.1]))
    0.8
    """
    defined = draws[1:][np.isfinite(draws[1:])]
    if not np.isfinite(draws[0]) or not len(defined) or len(defined) < 0.9 * (len(draws) - 1):
        return None
    smaller = min(int((defined <= 0).sum()), int((defined >= 0).sum()))
    return min(1.0, 2.0 * (1 + smaller) / (1 + len(defined)))


def gap_estimate(
    at: At,
    draws: Floats,
    *,
    n: int,
    undefined: str,
    share: bool,
    p_value: float | None,
    how: str = HOW,
) -> Estimate:
    """Make the estimate of a difference.

    A difference whose resamples never move (no example is judged differently, or all are) would get
    an interval of no width. A difference of shares gets 3/n to either side instead, within -1..1;
    a difference of numbers without bounds gets none and says so.

    >>> gap_estimate(At("gap", "t", "s"), np.zeros(9), n=30, undefined="", share=True,
    ...              p_value=1.0).high
    0.1
    """
    made = estimate(at, draws, n=n, undefined=undefined, p_value=p_value, how=how)
    if made.low is None or made.value is None or made.low != made.high:
        return made
    if not share:
        note = "no interval: the value is the same in all resamples"
        return made.model_copy(update={"low": None, "high": None, "interval": "", "note": note})
    low, high = max(-1.0, made.value - 3 / n), min(1.0, made.value + 3 / n)
    return made.model_copy(update={"low": low, "high": high, "interval": "rule of three"})


def with_q(estimates: Sequence[Estimate]) -> tuple[Estimate, ...]:
    """Give each estimate the q-value of its p-value within this family (Benjamini-Hochberg)."""
    q = benjamini_hochberg([made.p_value for made in estimates])
    return tuple(
        made.model_copy(update={"q_value": value}) for made, value in zip(estimates, q, strict=True)
    )
