"""How far two lists of word scores agree: one sentence, two models.

Does: rank correlations, and the top-k measures of Krishna et al., corrected for chance. Does not:
average over sentences.

Our own code rather than scipy's: a few words each, thousands of times, where a call of `spearmanr`
or `kendalltau` costs more than the correlation, and a constant side is NaN without a warning.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from kdprobe.stats.arrays import Floats, Ints

LEAST_WORDS = 3
PARTIAL_WORDS = 6


def ranks(values: Floats) -> Floats:
    """Return average ranks from 1, ties sharing theirs.

    >>> ranks(np.array([5.0, 1.0, 5.0]))
    array([2.5, 1. , 2.5])
    """
    _, place, sizes = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(sizes)
    shared: Floats = (last - (sizes - 1) / 2)[place]
    return shared


def pearson(a: Floats, b: Floats) -> float:
    """Return Pearson's correlation; NaN when either side is constant.

    >>> pearson(np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0, 6.0]))
    1.0
    """
    x, y = a - a.mean(), b - b.mean()
    size = float(np.sqrt((x @ x) * (y @ y)))
    scale = max(float(np.abs(a).max() * np.abs(b).max()), 1e-300)
    if size <= 1e-14 * scale * len(a):
        return float("nan")
    return float(np.clip(round(float(x @ y) / size, 15), -1.0, 1.0))


def spearman(a: Floats, b: Floats) -> float:
    """Return Spearman's rank correlation with average ranks; NaN when either side is constant."""
    return pearson(ranks(a), ranks(b))


def kendall(a: Floats, b: Floats) -> float:
    """Return Kendall's tau-b; NaN when either side is constant.

    >>> kendall(np.array([1.0, 2.0, 3.0]), np.array([1.0, 3.0, 2.0]))
    0.3333333333333333
    """
    upper = np.triu_indices(len(a), 1)
    x, y = np.sign(a[upper[0]] - a[upper[1]]), np.sign(b[upper[0]] - b[upper[1]])
    size = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / size if size else float("nan")


def _leading(scores: Floats) -> Ints:
    """Return words by falling size of their score; ties go to the earlier word."""
    return np.argsort(-np.abs(scores), kind="stable")


def _k(scores: Floats) -> int:
    return min(3, len(scores) // 2)


def top_k(a: Floats, b: Floats) -> float:
    """Return the share of the top k words in common, k = min(3, n // 2), corrected for chance.

    Definition: (x - k/n) / (1 - k/n), x the share in common, k/n what chance gives: 1 when the same
    words lead, 0 on average when unrelated (feature agreement, Krishna et al. 2022).

    >>> top_k(np.array([3.0, 2.0, 0.0, 1.0]), np.array([3.0, 2.0, 0.0, 1.0]))
    1.0
    """
    k, n = _k(a), len(a)
    common = len(set(_leading(a)[:k].tolist()) & set(_leading(b)[:k].tolist())) / k
    return (common - k / n) / (1 - k / n)


def rank_agreement(a: Floats, b: Floats) -> float:
    """Return the share of the top k places held by the same word, corrected for chance (1/n)."""
    k, n = _k(a), len(a)
    same = float((_leading(a)[:k] == _leading(b)[:k]).mean())
    return (same - 1 / n) / (1 - 1 / n)


def sign_agreement(a: Floats, b: Floats) -> float:
    """Return the share of the top k words in common that also have the same sign; not corrected."""
    k = _k(a)
    common = set(_leading(a)[:k].tolist()) & set(_leading(b)[:k].tolist())
    return sum(bool(np.sign(a[i]) == np.sign(b[i])) for i in common) / k


def signed_rank_agreement(a: Floats, b: Floats) -> float:
    """Return the share of the top k places held by the same word with the same sign."""
    k = _k(a)
    first, second = _leading(a)[:k], _leading(b)[:k]
    return float(((first == second) & (np.sign(a[first]) == np.sign(b[second]))).mean())


def pairwise_agreement(a: Floats, b: Floats) -> float:
    """Return the share of pairs of words in the same order by size, minus the share reversed."""
    upper = np.triu_indices(len(a), 1)
    x, y = np.abs(a), np.abs(b)
    return float((np.sign(x[upper[0]] - x[upper[1]]) * np.sign(y[upper[0]] - y[upper[1]])).mean())


MEASURES: Mapping[str, Callable[[Floats, Floats], float]] = {
    "spearman": spearman,
    "kendall": kendall,
    "pearson": pearson,
    "abs_spearman": lambda a, b: spearman(np.abs(a), np.abs(b)),
    "top_k": top_k,
    "top_1": lambda a, b: float(_leading(a)[0] == _leading(b)[0]),
    "rank_agreement": rank_agreement,
    "sign_agreement": sign_agreement,
    "signed_rank_agreement": signed_rank_agreement,
    "pairwise_agreement": pairwise_agreement,
}


def comparable(a: Floats, b: Floats) -> tuple[Floats, Floats] | None:
    """Return the scores of the words both have, or None when they cannot be ranked.

    None: not explained, fewer than three words in common, or a side without any difference.
    """
    if not len(a) or not len(b):
        return None
    both = np.isfinite(a) & np.isfinite(b)
    x, y = a[both], b[both]
    if len(x) < LEAST_WORDS or np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    return x, y


def partial_spearman(a: Floats, b: Floats, given: Floats) -> float:
    """Return the rank correlation left when the ranks of other columns are taken out of both sides.

    Definition: Pearson's correlation of what least squares on the ranks of `given` (and a constant)
    leaves of the ranks of a and b; NaN below six words, or when nothing is left of a side.

    Args:
        a: float64 `[n]`.
        b: float64 `[n]`.
        given: float64 `[n, columns]`.
    """
    if len(a) < PARTIAL_WORDS:
        return float("nan")
    design = np.column_stack([np.ones(len(a)), *(ranks(column) for column in given.T)])
    left = []
    for side in (ranks(a), ranks(b)):
        rest = side - design @ np.linalg.lstsq(design, side, rcond=None)[0]
        if float(rest @ rest) <= 1e-9 * len(a):
            return float("nan")
        left.append(rest)
    return pearson(left[0], left[1])
