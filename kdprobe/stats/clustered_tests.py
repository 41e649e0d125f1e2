"""Tests of paired predictions that hold when examples come in clusters.

Does: McNemar's test, Wilcoxon's, and tests of equal shares in which a cluster of examples counts as
one; without clusters McNemar's own. Does not: know a study; `hypothesis_tests.py` has the tests of
independent examples.

All rest on one fact: under the null hypothesis what a cluster adds to a difference has mean 0, and
clusters are independent, whatever goes on inside them. A difference is then a sum of as many terms
as there are clusters, with the sum of their squares for its variance.
"""

from __future__ import annotations

import math

import numpy as np

from kdprobe.stats.arrays import Bools, Floats, Ints
from kdprobe.stats.hypothesis_tests import mcnemar_p
from kdprobe.stats.rank_agreement import ranks

_EXACT_UPTO = 20_000_000  # additions: a fifth of a second


def cluster_sums(values: Floats | Ints | Bools, clusters: Ints) -> Floats:
    """Sum values over the examples of each cluster, float64 `[G]` or `[G, k]`.

    >>> cluster_sums(np.array([1, -1, 1, 1]), np.array([4, 4, 7, 7])).tolist()
    [0.0, 2.0]
    """
    present, place = np.unique(clusters, return_inverse=True)
    sums = np.zeros((len(present), *values.shape[1:]))
    np.add.at(sums, place, values)
    return sums


def flip_p(sums: Floats, *, mid_p: bool = False) -> float:
    """Return the two-sided p-value of a sum over clusters, from flipping the signs of clusters.

    Definition: the share of all 2^G ways to give the G terms signs in which the sum is at least as
    far from 0 (a wild cluster bootstrap with the null hypothesis imposed and Rademacher weights,
    Cameron, Gelbach and Miller 2008, counted to the end instead of drawn). The terms are whole
    numbers, so the distribution of the sum is found by adding one cluster after the other; where
    that takes too long, by the normal distribution with the variance sum of squares. Clusters of
    one example make it the exact test of McNemar.

    Args:
        sums: whole numbers `[G]`, what each cluster adds to the difference.
        mid_p: count sums just as far from 0 half.

    Returns:
        A probability in 0..1; 1.0 where the sum is 0.

    >>> flip_p(np.array([1.0, 1.0, 1.0, -1.0]))
    0.625
    >>> flip_p(np.array([3.0, -1.0]))
    1.0
    """
    steps = np.abs(sums[sums != 0]).astype(np.int64)
    reach, far = int(steps.sum()), abs(round(float(sums.sum())))
    if far == 0:
        return 1.0
    if len(steps) * reach > _EXACT_UPTO:
        return math.erfc(far / math.sqrt(2.0 * float((steps.astype(np.float64) ** 2).sum())))
    chance = np.zeros(reach + 1)  # of each sum of the steps that are given a plus
    chance[0] = 1.0
    for step in steps.tolist():
        chance[step:], chance[:step] = (
            0.5 * (chance[step:] + chance[: len(chance) - step]), 0.5 * chance[:step],
        )  # fmt: skip
    edge = (reach + far) // 2
    beyond = 2.0 * float(chance[edge:].sum())
    return min(1.0, beyond - float(chance[edge]) if mid_p else beyond)


def mcnemar_of(a: Bools, b: Bools, clusters: Ints | None = None, *, mid_p: bool = False) -> float:
    """Return the p-value of "both are equally often right", with or without clusters.

    Args:
        a: bool `[n]`, whether the first is right on each example.
        b: bool `[n]`, likewise the second.
        clusters: int64 `[n]`, the cluster of each; None: McNemar's test (`mcnemar_p`). Clusters are
            tested by `flip_p` of the discordant difference of each.
        mid_p: return the mid-p variant.

    >>> a, b = np.array([True, True, True, False]), np.array([False, False, False, True])
    >>> mcnemar_of(a, b), mcnemar_of(a, b, np.array([0, 0, 0, 1]))
    (0.625, 1.0)
    """
    if clusters is None:
        return mcnemar_p(int((a & ~b).sum()), int((b & ~a).sum()), mid_p=mid_p)
    return flip_p(cluster_sums(a.astype(np.int64) - b, clusters), mid_p=mid_p)


def wilcoxon_of(differences: Floats, clusters: Ints) -> float | None:
    """Return the p-value of Wilcoxon's signed-rank test of clusters; None: every difference is 0.

    Definition: the signed ranks of all differences (zeros ranked, then dropped: Pratt 1959), summed
    by cluster and tested by `flip_p` (Rosner, Glynn and Lee 2006 use the same sums).
    """
    if not np.any(differences):
        return None
    signed = 2.0 * ranks(np.abs(differences)) * np.sign(differences)  # halves become whole
    return flip_p(cluster_sums(signed, clusters))


def equal_shares_p(values: Floats | Ints | Bools, clusters: Ints) -> float | None:
    """Return the p-value of "the expected sums of these columns are all 0", for clusters.

    Definition: t' S^- t, t the sums of the columns and S the sum over clusters of the outer product
    of a cluster's own sums; chi-square with rank(S) degrees of freedom (a Wald test with the null
    hypothesis imposed: Obuchowski 1998). With one example a cluster and the differences of two
    raters' labels this is the Stuart-Maxwell test.

    Args:
        values: `[n, k]`, whole numbers or their fractions.
        clusters: int64 `[n]`.

    Returns:
        A probability in 0..1; None where no cluster adds anything.
    """
    from scipy.special import chdtrc

    sums = cluster_sums(values, clusters)
    spread = sums.T @ sums
    rank = int(np.linalg.matrix_rank(spread, hermitian=True))
    if rank == 0:
        return None
    total = sums.sum(axis=0)
    return float(chdtrc(rank, total @ np.linalg.pinv(spread, hermitian=True) @ total))


def robust_variance(values: Floats, clusters: Ints) -> tuple[float, int]:
    """Return the variance of a mean over examples in clusters, and its degrees of freedom.

    Definition: G / (G - 1) sum_g (sum over cluster g of (value - mean))^2 / n^2, with G - 1 degrees
    of freedom (Liang and Zeger 1986); with one example a cluster the squared standard error.

    >>> robust_variance(np.array([1.0, 2.0, 3.0]), np.array([0, 1, 2]))
    (0.3333333333333333, 2)
    """
    sums = cluster_sums(values - values.mean(), clusters)
    freedom = len(sums) - 1
    return float(len(sums) / max(freedom, 1) * (sums**2).sum() / len(values) ** 2), freedom
