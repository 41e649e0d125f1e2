"""Scores of several labels at once, as functions of rows of 0 and 1: one value a resample.

Does: counts of each label; F1 over an example's labels, Hamming loss, average precision; the KL
divergence of independent labels. Does not: make estimates; a value that does not exist is NaN and
the caller says why. F1 pooled or averaged over labels are those of `classification.Counts`.
"""

from __future__ import annotations

import numpy as np

from kdprobe.stats.arrays import Bools, Floats, Ints, ratio
from kdprobe.stats.bootstrap import Resamples
from kdprobe.stats.classification import Counts

_BLOCK = 4_000_000  # counts in memory at one time


def label_counts(resamples: Resamples, gold: Ints, predicted: Ints) -> Counts:
    """Count how often each label is gold, predicted and both in every resample, `[B + 1, L]` each.

    Args:
        resamples: how often each example counts.
        gold: 0 or 1, int64 `[n, L]`.
        predicted: likewise.

    >>> sample = Resamples(np.ones((1, 2), dtype=np.float32))
    >>> label_counts(sample, np.array([[1, 0], [1, 1]]), np.array([[1, 1], [0, 1]])).hits
    array([[1., 1.]])
    """
    true, chosen = gold == 1, predicted == 1
    return Counts(resamples.sums(true), resamples.sums(chosen), resamples.sums(true & chosen))


def f1_pooled(counts: Counts) -> Floats:
    """F1 of all decisions pooled (micro), float64 `[B + 1]` in 0..1.

    Definition: 2 sum h_l / (sum p_l + sum g_l) over the labels l; NaN where no label is gold or
    predicted anywhere.

    >>> f1_pooled(Counts(np.array([[2.0, 1.0]]), np.array([[1.0, 2.0]]), np.array([[1.0, 1.0]])))
    array([0.66666667])
    """
    return ratio(2.0 * counts.hits.sum(axis=1), (counts.predicted + counts.gold).sum(axis=1))


def f1_of_examples(gold: Ints, predicted: Ints) -> Floats:
    """F1 of each example's set, float64 `[n]` in 0..1: 2 |both| / (|gold| + |predicted|).

    Differs from: scikit-learn (`average="samples"`), which gives 0, with a warning, where both sets
    are empty; here it is 1: the model is right (scikit-learn's `zero_division=1`).

    >>> f1_of_examples(np.array([[1, 1], [0, 0]]), np.array([[1, 0], [0, 0]])).round(4).tolist()
    [0.6667, 1.0]
    """
    sizes = (gold + predicted).sum(axis=1).astype(np.float64)
    both = 2.0 * (gold * predicted).sum(axis=1)
    return np.where(sizes == 0, 1.0, ratio(both, sizes))


def hamming(gold: Ints, predicted: Ints) -> Floats:
    """The share of an example's labels that are decided otherwise, float64 `[n]` in 0..1.

    >>> hamming(np.array([[1, 0, 0, 0]]), np.array([[0, 0, 0, 1]])).tolist()
    [0.5]
    """
    share: Floats = (gold != predicted).mean(axis=1)
    return share


def average_precision(resamples: Resamples, gold: Bools, score: Floats) -> Floats:
    """Return the average precision of one label in every resample, float64 `[B + 1]` in 0..1.

    Definition: sum_k (R_k - R_(k-1)) P_k over the distinct scores, falling, P_k and R_k precision
    and recall of the examples with at least that score; as in scikit-learn. NaN where no example
    has the label.

    Args:
        resamples: how often each example counts.
        gold: bool `[n]`, whether an example has the label.
        score: float64 `[n]`, more for a label that is likelier.

    >>> sample = Resamples(np.ones((1, 3), dtype=np.float32))
    >>> average_precision(sample, np.array([True, False, True]), np.array([3.0, 2.0, 1.0])).round(4)
    array([0.8333])
    """
    result = np.full(len(resamples.counts), np.nan)
    if not resamples.n:
        return result
    order = np.argsort(-score, kind="stable")
    ordered, true = score[order], gold[order]
    ends = np.append(np.flatnonzero(np.diff(ordered)), len(ordered) - 1)
    step = max(1, _BLOCK // resamples.n)
    for row in range(0, len(result), step):
        counts = np.take(resamples.counts[row : row + step], order, axis=1).astype(np.float64)
        hits = np.cumsum(counts * true, axis=1)[:, ends]
        total = np.cumsum(counts, axis=1)[:, ends]
        rises = np.diff(hits, axis=1, prepend=0.0)
        gained = np.where(rises > 0, rises * hits / np.maximum(total, 1.0), 0.0).sum(axis=1)
        result[row : row + step] = ratio(gained, hits[:, -1])
    return result


def bernoulli_kl(teacher: Floats, student: Floats) -> Floats:
    """Return KL(p || q) of each label of each example in nats, float64 `[n, L]`, >= 0.

    Definition: p log(p / q) + (1 - p) log((1 - p) / (1 - q)), p and q the logistic function of the
    log-odds; their sum over labels is the KL divergence of the two distributions over all sets of
    labels, since labels are independent.

    Args:
        teacher: log-odds, float64 `[n, L]`.
        student: likewise.

    >>> bernoulli_kl(np.log([[3.0]]), np.array([[0.0]])).round(4)  # 3/4 against 1/2
    array([[0.1308]])
    """
    p = 0.5 * (1.0 + np.tanh(0.5 * teacher))
    yes = np.logaddexp(0.0, -student) - np.logaddexp(0.0, -teacher)
    no = np.logaddexp(0.0, student) - np.logaddexp(0.0, teacher)
    nats: Floats = np.maximum(p * yes + (1.0 - p) * no, 0.0)
    return nats
