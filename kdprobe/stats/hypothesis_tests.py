"""Tests, adjustments of p-values and intervals of a share: the only importer of statsmodels.

Does: hand counts to statsmodels and scipy, with guards for the degenerate cases in which they give
0, NaN or an error (no discordant pair, models that never differ, labels nobody confuses). Does not:
know a model or a study; everything here takes arrays and counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from kdprobe.stats.arrays import Bools, Floats, Ints

EXACT_BELOW = 25


class Bounds(NamedTuple):
    """The two ends of an interval."""

    low: float
    high: float


def mcnemar_p(only_a: int, only_b: int, *, mid_p: bool = False, exact: bool = False) -> float:
    """Return the two-sided p-value of McNemar's test from the two discordant counts.

    Definition: given d = only_a + only_b, only_a is Binomial(d, 1/2) when both are equally often
    right alone. Below 25 discordant pairs the exact test, min(1, 2 P(X <= min)); from 25 on the
    chi-square test with Edwards' continuity correction, (|only_a - only_b| - 1)^2 / d, which joins
    the exact test smoothly. `mid_p` counts the observed outcome half and is binomial at every d
    (Fagerland, Lydersen and Laake 2013). No discordant pair: 1.0.

    statsmodels does the tests; equal counts are settled before, where its chi-square divides 0 by 0
    (no discordant pair) or lets the correction overshoot, and it has no mid-p.

    Args:
        only_a: examples that only the first gets right.
        only_b: examples that only the second gets right.
        mid_p: return the mid-p variant, which is less conservative.
        exact: binomial at every d.

    Returns:
        A probability in 0..1.

    >>> mcnemar_p(1, 3)
    0.625
    >>> mcnemar_p(1, 3, mid_p=True)
    0.375
    >>> mcnemar_p(0, 0)
    1.0
    """
    from scipy.stats import binom
    from statsmodels.stats.contingency_tables import mcnemar

    if only_a == only_b:
        return 1.0
    discordant, smaller = only_a + only_b, min(only_a, only_b)
    binomial = exact or mid_p or discordant < EXACT_BELOW
    p = float(mcnemar([[0, only_a], [only_b, 0]], exact=binomial, correction=True).pvalue)
    return p - float(binom.pmf(smaller, discordant, 0.5)) if mid_p else p


def _adjusted(p: Sequence[float | None], adjust: Callable[[Floats], Floats]) -> list[float | None]:
    """Adjust the p-values that exist and put them back in their places."""
    present = [value for value in p if value is not None]
    adjusted = iter(adjust(np.array(present)).tolist() if present else ())
    return [None if value is None else next(adjusted) for value in p]


def holm(p: Sequence[float | None]) -> list[float | None]:
    """Adjust p-values by Holm's step-down method; None passes through and does not count.

    Definition: the k-th smallest of m is multiplied by m - k + 1, then made non-decreasing
    (Holm 1979). Bounds the probability of any false finding in the family.

    Not statsmodels', which collects garbage at each call: a tenth of a second a family, and there
    are hundreds where many layers are compared.

    >>> holm([0.25, None, 0.01])
    [0.25, None, 0.02]
    """

    def adjust(values: Floats) -> Floats:
        order = np.argsort(values, kind="stable")
        raised = values[order] * np.arange(len(values), 0, -1)
        result = np.empty_like(values)
        result[order] = np.minimum(np.maximum.accumulate(raised), 1.0)
        return result

    return _adjusted(p, adjust)


def benjamini_hochberg(p: Sequence[float | None]) -> list[float | None]:
    """Turn p-values into q-values; None passes through and does not count.

    Definition: the k-th smallest of m is multiplied by m / k, then made non-decreasing from the
    largest down (Benjamini and Hochberg 1995). Calling everything with q <= .05 a finding keeps
    the expected share of false findings at or below .05.

    >>> benjamini_hochberg([0.5, None, 0.125])
    [0.5, None, 0.25]
    """
    from statsmodels.stats.multitest import multipletests

    return _adjusted(p, lambda values: multipletests(values, method="fdr_bh")[1])


def cochran_q(hits: Bools) -> float | None:
    """Return the p-value of Cochran's Q: whether m models are equally often right.

    Definition: Q = (m-1) [m sum_j G_j^2 - (sum_j G_j)^2] / (m sum_i L_i - sum_i L_i^2), with G_j
    the hits of a model and L_i the hits on an example; chi-square with m - 1 degrees of freedom
    (Cochran 1950). For two models it is McNemar's test without correction.

    Args:
        hits: bool `[n, m]`, whether each model is right on each example.

    Returns:
        A probability in 0..1, or None when the models never differ (nothing to test).

    >>> cochran_q(np.array([[True, True], [False, False]])) is None
    True
    """
    from statsmodels.stats.contingency_tables import cochrans_q

    if (hits == hits[:, :1]).all():  # statsmodels divides 0 by 0
        return None
    return float(cochrans_q(hits).pvalue)


def stuart_maxwell(a: Ints, b: Ints, classes: int) -> float:
    """Return the p-value of the Stuart-Maxwell test of equal label shares of two raters.

    Definition: d' S^- d, with d the differences of the marginal counts and S = sum over disagreeing
    pairs of (e_a - e_b)(e_a - e_b)'; chi-square with rank(S) degrees of freedom (Stuart 1955;
    Maxwell 1970). For two labels it is McNemar's test on the labels, without correction.

    Labels that nobody confuses, and groups of labels that are confused among themselves only, make
    S singular, for which statsmodels warns and gives NaN: each such group is tested by itself, and
    statistics and degrees of freedom add up.

    Args:
        a: class indices of the first rater, `[n]`.
        b: class indices of the second rater, `[n]`.
        classes: the number of classes.

    Returns:
        A probability in 0..1; 1.0 when the raters never disagree.

    >>> stuart_maxwell(np.array([0, 1, 1]), np.array([0, 1, 1]), 2)
    1.0
    """
    from scipy.sparse.csgraph import connected_components
    from scipy.stats import chi2
    from statsmodels.stats.contingency_tables import SquareTable

    table = np.bincount(a * classes + b, minlength=classes * classes).reshape(classes, classes)
    np.fill_diagonal(table, 0)
    count, group = connected_components(table, directed=False)
    members = [np.flatnonzero(group == place) for place in range(count)]
    tests = [
        SquareTable(table[np.ix_(labels, labels)], shift_zeros=False).homogeneity()
        for labels in members
        if len(labels) > 1
    ]
    if not tests:
        return 1.0
    return float(chi2.sf(sum(test.statistic for test in tests), sum(test.df for test in tests)))


def wilson(hits: float, n: float, *, level: float = 0.95) -> Bounds | None:
    """Return Wilson's interval of a share, or None when n is 0.

    Definition: the shares p for which |hits/n - p| <= z sqrt(p (1 - p) / n) (Wilson 1927).

    >>> [round(end, 3) for end in wilson(8, 10)]
    [0.49, 0.943]
    """
    from statsmodels.stats.proportion import proportion_confint

    if n == 0:
        return None
    low, high = proportion_confint(hits, n, alpha=1.0 - level, method="wilson")
    return Bounds(max(0.0, float(low)), min(1.0, float(high)))


def lower_bound(hits: Ints, n: Ints, delta: float) -> Floats:
    """Return the shares that lie below the true shares of hits with chance 1 - delta, `[m]`.

    Definition: Clopper and Pearson's one-sided bound (1934): the share at which so many hits or
    more have the chance delta; 0 without a hit.

    Args:
        hits: int64 `[m]`.
        n: out of how many, int64 `[m]`.
        delta: the chance that the bound lies above the true share, in 0..1.

    >>> lower_bound(np.array([59, 58, 0]), np.array([59, 59, 0]), 0.05).round(4).tolist()
    [0.9505, 0.9221, 0.0]
    """
    from scipy.special import betaincinv

    missed = (n - hits + 1).astype(np.float64)
    bounds: Floats = np.asarray(betaincinv(np.maximum(hits, 1), missed, delta), dtype=np.float64)
    return np.where(hits > 0, bounds, 0.0)


def clopper_pearson(hits: Ints, n: Ints, *, level: float = 0.95) -> tuple[Floats, Floats]:
    """Return the exact intervals of shares, low and high, float64 `[m]`; see `lower_bound`.

    >>> [end.round(3).tolist() for end in clopper_pearson(np.array([8]), np.array([10]))]
    [[0.444], [0.975]]
    """
    delta = (1.0 - level) / 2
    high: Floats = 1.0 - lower_bound(n - hits, n, delta)
    return lower_bound(hits, n, delta), high


def fewest_trials(share: float, delta: float, *, misses: int = 0) -> int:
    """Return the fewest trials, so many of them misses, whose lower bound reaches a share.

    Definition: the least n in which at most so many misses have a chance of at most delta at that
    share, by the negative binomial of the trials before one miss more.

    >>> fewest_trials(0.95, 0.05), fewest_trials(0.95, 0.05, misses=1)
    (59, 93)
    """
    from scipy.stats import nbinom

    return int(nbinom.ppf(1.0 - delta, misses + 1, 1.0 - share)) + misses + 1


def wilcoxon_p(differences: Floats) -> float | None:
    """Return the p-value of Wilcoxon's signed-rank test; None when every difference is 0.

    Definition: whether paired differences are as often and as far above 0 as below (Wilcoxon 1945);
    zeros are ranked, then dropped (Pratt 1959); exact up to 50 differences without ties, else the
    normal approximation.
    """
    from scipy.stats import wilcoxon

    if not np.any(differences):
        return None
    return float(wilcoxon(differences, zero_method="pratt").pvalue)
