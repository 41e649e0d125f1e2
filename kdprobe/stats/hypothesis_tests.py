"""Tests, adjustments and correlations: the only importer of scipy.stats.

Does: give p-values that stay right in the degenerate cases (no discordant pair, equal columns), and
name the draws of `_correlations.py` under the same roof. Does not: know a model or a study;
everything here takes arrays and counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from kdprobe.observations.arrays import Bools, Floats, Ints
from kdprobe.stats.correlations import indicator as indicator
from kdprobe.stats.correlations import kappa_draws as kappa_draws
from kdprobe.stats.correlations import pearson_draws as pearson_draws
from kdprobe.stats.correlations import spearman_draws as spearman_draws

EXACT_BELOW = 25


class Bounds(NamedTuple):
    """The two ends of an interval."""

    low: float
    high: float


def mcnemar_p(only_a: int, only_b: int, *, mid_p: bool = False) -> float:
    """Give the two-sided p-value of McNemar's test from the two discordant counts.

    Definition: given d = only_a + only_b, only_a is Binomial(d, 1/2) when both are equally often
    right alone. Below 25 discordant pairs the exact test, min(1, 2 P(X <= min)); from 25 on the
    chi-square test with Edwards' continuity correction, (|only_a - only_b| - 1)^2 / d, which joins
    the exact test smoothly. `mid_p` counts the observed outcome half and is binomial at every d
    (Fagerland, Lydersen and Laake 2013). No discordant pair: 1.0.

    Differs from: statsmodels' `mcnemar(exact=False)` gives p = 0 for two identical models.

    Args:
        only_a: examples that only the first gets right.
        only_b: examples that only the second gets right.
        mid_p: give the mid-p variant, which is less conservative.

    Returns:
        A probability in 0..1.

    >>> mcnemar_p(1, 3)
    0.625
    >>> mcnemar_p(1, 3, mid_p=True)
    0.375
    >>> mcnemar_p(0, 0)
    1.0
    """
    from scipy import stats

    discordant, smaller = only_a + only_b, min(only_a, only_b)
    if discordant == 0:
        return 1.0
    if mid_p:
        tail = 2.0 * float(stats.binom.cdf(smaller, discordant, 0.5))
        return min(1.0, tail - float(stats.binom.pmf(smaller, discordant, 0.5)))
    if discordant < EXACT_BELOW:
        return min(1.0, 2.0 * float(stats.binom.cdf(smaller, discordant, 0.5)))
    excess = max(0, abs(only_a - only_b) - 1)
    return float(stats.chi2.sf(excess**2 / discordant, 1))


def _adjusted(p: Sequence[float | None], adjust: Callable[[Floats], Floats]) -> list[float | None]:
    """Adjust the p-values that exist, in ascending order, and put them back in their places."""
    present = [row for row, value in enumerate(p) if value is not None]
    values = np.array([value for value in p if value is not None], dtype=np.float64)
    order = np.argsort(values, kind="stable")
    result: list[float | None] = [None] * len(p)
    for rank, value in zip(order.tolist(), adjust(values[order]).tolist(), strict=True):
        result[present[rank]] = min(1.0, value)
    return result


def holm(p: Sequence[float | None]) -> list[float | None]:
    """Adjust p-values by Holm's step-down method; None passes through and does not count.

    Definition: the k-th smallest of m is multiplied by m - k + 1, then made non-decreasing
    (Holm 1979). Bounds the probability of any false finding in the family.

    >>> holm([0.25, None, 0.01])
    [0.25, None, 0.02]
    """

    def adjust(ascending: Floats) -> Floats:
        stepped: Floats = np.maximum.accumulate(ascending * np.arange(len(ascending), 0, -1))
        return stepped

    return _adjusted(p, adjust)


def benjamini_hochberg(p: Sequence[float | None]) -> list[float | None]:
    """Turn p-values into q-values; None passes through and does not count.

    Definition: the k-th smallest of m is multiplied by m / k, then made non-decreasing from the
    largest down (Benjamini and Hochberg 1995). Calling everything with q <= .05 a finding keeps
    the expected share of false findings at or below .05.

    >>> benjamini_hochberg([0.5, None, 0.125])
    [0.5, None, 0.25]
    """

    def adjust(ascending: Floats) -> Floats:
        m = len(ascending)
        scaled = ascending * m / np.arange(1, m + 1)
        stepped: Floats = np.minimum.accumulate(scaled[::-1])[::-1]
        return stepped

    return _adjusted(p, adjust)


def cochran_q(hits: Bools) -> float | None:
    """Give the p-value of Cochran's Q: whether m models are equally often right.

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
    from scipy import stats

    models = hits.shape[1]
    per_model = hits.sum(axis=0, dtype=np.int64)
    per_example = hits.sum(axis=1, dtype=np.int64)
    spread = int(models * per_example.sum() - (per_example**2).sum())
    if spread == 0:
        return None
    between = int(models * (per_model**2).sum() - per_model.sum() ** 2)
    return float(stats.chi2.sf((models - 1) * between / spread, models - 1))


def stuart_maxwell(a: Ints, b: Ints, classes: int) -> float:
    """Give the p-value of the Stuart-Maxwell test: whether two raters use the labels equally often.

    Definition: d' S^- d, with d the differences of the marginal counts and S = sum over disagreeing
    pairs of (e_a - e_b)(e_a - e_b)'; chi-square with rank(S) degrees of freedom (Stuart 1955;
    Maxwell 1970). Labels that nobody confuses drop out. For two labels it is McNemar's test on the
    labels, without correction.

    Args:
        a: class indices of the first rater, `[n]`.
        b: class indices of the second rater, `[n]`.
        classes: the number of classes.

    Returns:
        A probability in 0..1; 1.0 when the raters never disagree.

    >>> stuart_maxwell(np.array([0, 1, 1]), np.array([0, 1, 1]), 2)
    1.0
    """
    from scipy import stats

    table = np.bincount(a * classes + b, minlength=classes * classes).reshape(classes, classes)
    off = (table + table.T).astype(np.float64)
    np.fill_diagonal(off, 0.0)
    if not off.any():
        return 1.0
    spread = np.diag(off.sum(axis=1)) - off
    shift = (table.sum(axis=1) - table.sum(axis=0)).astype(np.float64)
    statistic = float(shift @ np.linalg.pinv(spread, hermitian=True) @ shift)
    return float(stats.chi2.sf(statistic, np.linalg.matrix_rank(spread, hermitian=True)))


def wilson(hits: int, n: int, *, level: float = 0.95) -> Bounds | None:
    """Give Wilson's interval of a share, or None when n is 0.

    Definition: the shares p for which |hits/n - p| <= z sqrt(p (1 - p) / n) (Wilson 1927).

    >>> [round(end, 3) for end in wilson(8, 10)]
    [0.49, 0.943]
    """
    from scipy import stats

    if n == 0:
        return None
    z = float(stats.norm.ppf(0.5 + level / 2))
    share, shrink = hits / n, 1 + z * z / n
    centre = (share + z * z / (2 * n)) / shrink
    reach = z / shrink * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return Bounds(max(0.0, float(centre - reach)), min(1.0, float(centre + reach)))


def wilcoxon_p(differences: Floats) -> float | None:
    """Give the p-value of Wilcoxon's signed-rank test; None when every difference is 0.

    Definition: whether paired differences are as often and as far above 0 as below (Wilcoxon 1945);
    zeros are ranked, then dropped (Pratt 1959); exact up to 50 differences without ties, else the
    normal approximation.
    """
    from scipy import stats

    if not np.any(differences):
        return None
    return float(stats.wilcoxon(differences, zero_method="pratt").pvalue)
