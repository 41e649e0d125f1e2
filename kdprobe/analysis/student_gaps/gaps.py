"""What a student lacks of its teacher on some examples: one gap, its interval and its p-value.

Does: turn draws of a gap into an estimate that never claims certainty, and give a paired
p-value where McNemar's test does not apply. Does not: know how the draws were made.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kdprobe.analysis.estimates import HOW, THREE, THREE_OF_CLUSTERS, EstimateKey, estimate
from kdprobe.results.schema import Estimate
from kdprobe.stats.arrays import Floats, Ints
from kdprobe.stats.clustered_tests import mcnemar_of, robust_variance
from kdprobe.stats.hypothesis_tests import benjamini_hochberg

_NO_VARIANCE = 1e-24  # rounding alone


def paired_p(teacher: Floats, student: Floats, clusters: Ints | None = None) -> float | None:
    """Return the two-sided p-value of "there is no gap", for numbers and for several runs.

    Definition: t = mean difference / root of its variance, which is that of the differences over
    examples, plus, where a model has several runs, that of its means over runs; degrees of freedom
    after Welch and Satterthwaite. With one run a side it is the paired t-test. Where nothing
    varies: the sign test, or 1 when there is no gap. Clusters of examples count as one each
    (`robust_variance`).

    Args:
        teacher: float64 `[runs, n]`, hits, judgements or errors.
        student: float64 `[runs, n]` of the same examples.
        clusters: int64 `[n]`, the cluster of each example; None: each is its own.

    Returns:
        A probability in 0..1; None without examples, or of one cluster.

    >>> round(paired_p(np.array([[1.0, 2.0, 3.0]]), np.array([[0.0, 1.0, 3.0]])), 4)
    0.1835
    """
    from scipy.special import stdtr

    n = teacher.shape[1]
    if n == 0 or (clusters is not None and len(np.unique(clusters)) == 1):
        return None
    difference = teacher.mean(axis=0) - student.mean(axis=0)
    samples = (difference, teacher.mean(axis=1), student.mean(axis=1))
    parts = [(part.var(ddof=1) / len(part), len(part) - 1) for part in samples if len(part) > 1]
    if clusters is not None:
        parts[0] = robust_variance(difference, clusters)
    variance = float(sum(value for value, _ in parts))
    if variance < _NO_VARIANCE:
        return mcnemar_of(difference > 0, difference < 0, clusters)
    freedom = variance**2 / sum(value**2 / degrees for value, degrees in parts)
    return min(1.0, 2.0 * float(stdtr(freedom, -abs(difference.mean()) / np.sqrt(variance))))


def gap_estimate(
    at: EstimateKey,
    draws: Floats,
    *,
    n: int,
    undefined: str,
    share: bool,
    p_value: float | None,
    how: str = HOW,
    clusters: int | None = None,
) -> Estimate:
    """Make the estimate of a difference.

    A difference whose resamples never move (no example is judged differently, or all are) would get
    an interval of no width. A difference of shares gets 3/n (of clusters: their number) to either
    side instead, within -1..1;
    a difference of numbers without bounds gets none and says so.

    >>> gap_estimate(EstimateKey("gap", "t", "s"), np.zeros(9), n=30, undefined="", share=True,
    ...              p_value=1.0).high
    0.1
    """
    number = estimate(at, draws, n=n, undefined=undefined, p_value=p_value, how=how)
    if number.low is None or number.value is None or number.low != number.high:
        return number
    if not share:
        note = "no interval: the value is the same in all resamples"
        return number.model_copy(update={"low": None, "high": None, "interval": "", "note": note})
    reach = 3 / (clusters or n)
    low, high = max(-1.0, number.value - reach), min(1.0, number.value + reach)
    interval = THREE_OF_CLUSTERS if clusters else THREE
    return number.model_copy(update={"low": low, "high": high, "interval": interval})


def near_end(gap: Estimate) -> float | None:
    """Return the end of a gap's interval that lies nearest to 0; 0 where the interval includes 0.

    None where the gap is undefined; 0 where it has no interval, for nothing is sure of it then.

    >>> near_end(Estimate(metric="gap", model_a="t", value=0.2, low=0.05, high=0.35, n=50))
    0.05
    >>> near_end(Estimate(metric="gap", model_a="t", value=0.2, low=-0.05, high=0.45, n=9))
    0.0
    """
    if gap.value is None:
        return None
    if gap.low is None or gap.high is None:
        return 0.0
    return max(gap.low, 0.0) if gap.high > 0 else gap.high


def with_q(estimates: Sequence[Estimate]) -> tuple[Estimate, ...]:
    """Return each estimate the q-value of its p-value within this family (Benjamini-Hochberg)."""
    q = benjamini_hochberg([number.p_value for number in estimates])
    return tuple(
        number.model_copy(update={"q_value": value})
        for number, value in zip(estimates, q, strict=True)
    )
