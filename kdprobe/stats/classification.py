"""Task scores as functions of counts: one value a resample.

Does: accuracy, MCC, F1, precision and recall from how often each class is the truth, is predicted
and is hit; squared error, absolute error and concordance of a regression. Does not: make
estimates, or replace a value that does not exist; such draws are NaN and the caller says why.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kdprobe.stats.arrays import Floats, Ints, ratio
from kdprobe.stats.bootstrap import Resamples
from kdprobe.stats.correlations import pearson_draws


@dataclass(frozen=True)
class Counts:
    """How often each class is the truth, is predicted, and is both, in every resample.

    Args:
        gold: float64 `[B + 1, c]`.
        predicted: float64 `[B + 1, c]`.
        hits: float64 `[B + 1, c]`; never above the other two.
    """

    gold: Floats
    predicted: Floats
    hits: Floats

    def of_class(self, place: int) -> Counts:
        """Return the counts of one class alone, `[B + 1, 1]` each."""
        part = slice(place, place + 1)
        return Counts(self.gold[:, part], self.predicted[:, part], self.hits[:, part])

    @property
    def total(self) -> Floats:
        """The examples of each resample, float64 `[B + 1]`."""
        total: Floats = self.gold.sum(axis=1)
        return total


def counts_of(resamples: Resamples, gold: Ints, predicted: Ints, *, classes: int) -> Counts:
    """Count a run's predictions against the gold labels in every resample.

    >>> sample = Resamples(np.ones((1, 3), dtype=np.float32))
    >>> counts_of(sample, np.array([0, 1, 1]), np.array([0, 0, 1]), classes=2).hits
    array([[1., 1.]])
    """
    missed = np.where(gold == predicted, gold, classes)
    return Counts(
        resamples.by_group(gold, classes),
        resamples.by_group(predicted, classes),
        resamples.by_group(missed, classes + 1)[:, :classes],
    )


def accuracy(counts: Counts) -> Floats:
    """The share of examples whose predicted label is the gold label, in 0..1."""
    return ratio(counts.hits.sum(axis=1), counts.total)


def mcc(counts: Counts) -> Floats:
    """Matthews' correlation for any number of classes, in -1..1.

    Definition: R_k = (h N - sum_c p_c g_c) / sqrt((N^2 - sum p_c^2) (N^2 - sum g_c^2)) with h the
    hits, p_c and g_c how often class c is predicted and true (Gorodkin 2004). NaN when all
    predictions, or all gold labels, are one class.

    Differs from: scikit-learn and GLUE's script give 0 there.

    >>> one = Counts(np.array([[2.0, 2.0]]), np.array([[1.0, 3.0]]), np.array([[1.0, 2.0]]))
    >>> mcc(one).round(4)
    array([0.5774])
    """
    total = counts.total
    top = counts.hits.sum(axis=1) * total - (counts.predicted * counts.gold).sum(axis=1)
    # Whole numbers, exact below 2**53: a constant side gives exactly 0.
    by_prediction = total**2 - (counts.predicted**2).sum(axis=1)
    by_gold = total**2 - (counts.gold**2).sum(axis=1)
    return np.clip(ratio(top, np.sqrt(by_prediction) * np.sqrt(by_gold)), -1.0, 1.0)


def precision(counts: Counts) -> Floats:
    """Of the examples predicted as each class, the share that is; `[B + 1, c]` in 0..1."""
    return ratio(counts.hits, counts.predicted)


def recall(counts: Counts) -> Floats:
    """Of the examples of each class, the share that is predicted so; `[B + 1, c]` in 0..1."""
    return ratio(counts.hits, counts.gold)


def f1(counts: Counts) -> Floats:
    """The harmonic mean of precision and recall of each class; `[B + 1, c]` in 0..1.

    Definition: 2 h_c / (p_c + g_c); NaN for a class that is neither true nor predicted anywhere.
    """
    return ratio(2.0 * counts.hits, counts.predicted + counts.gold)


def f1_macro(counts: Counts) -> Floats:
    """The mean F1 over the classes that are true or predicted somewhere in the resample."""
    each = f1(counts)
    present = np.isfinite(each)
    return ratio(np.where(present, each, 0.0).sum(axis=1), present.sum(axis=1))


def mean_squared_error(resamples: Resamples, gold: Floats, predicted: Floats) -> Floats:
    """The mean of (predicted - gold)^2, in squared units of the score, >= 0."""
    return resamples.mean((predicted - gold) ** 2)


def mean_absolute_error(resamples: Resamples, gold: Floats, predicted: Floats) -> Floats:
    """The mean of |predicted - gold|, in units of the score, >= 0."""
    return resamples.mean(np.abs(predicted - gold))


def concordance(resamples: Resamples, gold: Floats, predicted: Floats) -> Floats:
    """Lin's concordance: how close points lie to the line predicted = gold, in -1..1.

    Definition: 2 cov / (var_p + var_g + (mean_p - mean_g)^2), variances divided by N (Lin 1989);
    NaN where a side is constant.

    >>> sample = Resamples(np.ones((1, 2), dtype=np.float32))
    >>> concordance(sample, np.array([0.0, 2.0]), np.array([1.0, 3.0])).round(4)
    array([0.6667])
    """
    centre = float(np.mean(gold)) if len(gold) else 0.0
    gold, predicted = gold - centre, predicted - centre
    mean_g, mean_p = resamples.mean(gold), resamples.mean(predicted)
    covariance = resamples.mean(gold * predicted) - mean_g * mean_p
    # var_p + var_g + (mean_p - mean_g)^2 without cancellation of the means:
    bottom = resamples.mean(gold**2) + resamples.mean(predicted**2) - 2.0 * mean_g * mean_p
    varied = np.isfinite(pearson_draws(resamples, gold, predicted))
    return np.where(varied, np.clip(ratio(2.0 * covariance, bottom), -1.0, 1.0), np.nan)
