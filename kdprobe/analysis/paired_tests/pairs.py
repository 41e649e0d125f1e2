"""Paired tests of two models: every number of `paired_tests` that is about one pair.

Does: accuracy differences with McNemar's test, the smallest difference that could be seen, the
shift of predicted labels, and the differences of a regression. Does not: adjust for several tests;
`paired_tests` does, which knows the family.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from kdprobe.analysis.estimates import (
    EstimateKey,
    draws_of,
    estimate,
    pair_draws_of,
    resamples_of,
    undefined_estimate,
)
from kdprobe.analysis.gold import NO_GOLD
from kdprobe.observations.predictions import Population, Predictions
from kdprobe.observations.study import Study
from kdprobe.results.schema import Estimate
from kdprobe.stats.arrays import Floats, Ints
from kdprobe.stats.bootstrap import LEVEL
from kdprobe.stats.clustered_tests import cluster_sums, equal_shares_p, mcnemar_of, wilcoxon_of
from kdprobe.stats.correlations import pearson_draws
from kdprobe.stats.hypothesis_tests import stuart_maxwell, wilcoxon_p

_POWER = 2.8  # 1.96 + 0.84: two-sided 5 %, power 80 %
SEVERAL = "several runs: p is twice the median over all pairs of runs"


class Discordance(NamedTuple):
    """How often two models are right together, alone, or not, averaged over pairs of runs."""

    both: float
    only_a: float
    only_b: float
    neither: float


def combined_p(values: Sequence[float]) -> float:
    """Combine p-values of dependent tests of one question: itself, or twice the median, at most 1.

    Definition: twice the median of any number of dependent p-values is again a valid p-value for
    "every one of the null hypotheses is true" (Rueschendorf 1982).

    >>> combined_p([0.03]), combined_p([0.01, 0.02, 0.5])
    (0.03, 0.04)
    """
    if len(values) == 1:
        return values[0]
    return min(1.0, 2.0 * float(np.median(values)))


@dataclass(frozen=True)
class PairTest:
    """Two models of a study, to be tested against each other."""

    study: Study
    a: Population
    b: Population

    def at(self, metric: str) -> EstimateKey:
        """The coordinates of a number about this pair."""
        return EstimateKey(metric, self.a.name, self.b.name)

    @cached_property
    def labelled(self) -> PairTest | None:
        """The same pair on the examples with a gold label alone; None where no example has one."""
        study = self.study.with_gold()
        if study.split.labels is None:
            return None
        if study is self.study:
            return self
        models = {model.name: model for model in study.models}
        return PairTest(study, models[self.a.name], models[self.b.name])

    @property
    def runs(self) -> list[tuple[Predictions, Predictions]]:
        """All pairs of runs."""
        return [(one, other) for one in self.a.runs for other in self.b.runs]

    def noted(self, number: Estimate, *, p_value: float | None = None) -> Estimate:
        """Add a p-value, and how it was combined when there are several runs."""
        if number.value is None:
            return number
        note = SEVERAL if p_value is not None and len(self.runs) > 1 else ""
        both = "; ".join(part for part in (number.note, note) if part)
        return number.model_copy(update={"p_value": p_value, "note": both})


def discordances(test: PairTest, gold: Ints) -> list[tuple[int, int, int, int]]:
    """Count (both, only a, only b, neither right) for each pair of runs."""
    counted = []
    for one, other in test.runs:
        a, b = one.predicted == gold, other.predicted == gold
        counted.append(
            (int((a & b).sum()), int((a & ~b).sum()), int((b & ~a).sum()), int((~a & ~b).sum()))
        )
    return counted


def discordance(test: PairTest, gold: Ints) -> Discordance:
    """Average the counts over all pairs of runs.

    Returns:
        Numbers of examples that sum to n; whole when each model has one run.
    """
    return Discordance(*np.mean(discordances(test, gold), axis=0).tolist())


def class_tests(test: PairTest) -> list[Estimate]:
    """Return the tests of two classifiers.

    Who is right is tested on the examples with a gold label, which labels are given on all.
    """
    known = test.labelled
    names = ("mcnemar", "mcnemar_midp", "minimum_detectable_difference")
    if known is None:
        missing = [undefined_estimate(test.at(name), NO_GOLD, n=0) for name in names]
        return [*missing, _label_shift(test)]
    gold = np.asarray(known.study.split.labels, dtype=np.int64)
    return [
        _accuracy_difference(known, gold, metric="mcnemar"),
        _accuracy_difference(known, gold, metric="mcnemar_midp"),
        _detectable(known, gold),
        _label_shift(test),
    ]


def _accuracy_difference(test: PairTest, gold: Ints, *, metric: str) -> Estimate:
    sample = resamples_of(test.study)
    draws = pair_draws_of(
        test.study,
        test.a,
        test.b,
        lambda one, other: (
            sample.mean(one.predicted == gold) - sample.mean(other.predicted == gold)
        ),
    )
    number = estimate(test.at(metric), draws, n=test.study.n, undefined="")
    mid, clusters = metric == "mcnemar_midp", test.study.split.clusters
    hits = [(one.predicted == gold, other.predicted == gold) for one, other in test.runs]
    p = combined_p([mcnemar_of(a, b, clusters, mid_p=mid) for a, b in hits])
    if all(np.array_equal(a, b) for a, b in hits):
        number = _unseen(test, metric)
    return test.noted(number, p_value=p)


def _unseen(test: PairTest, metric: str) -> Estimate:
    """A difference of 0 because no example is right for one model only: bounded by 3/n."""
    reach = min(1.0, 3.0 / test.study.n)
    return Estimate(
        **vars(test.at(metric)),
        value=0.0,
        low=-reach,
        high=reach,
        level=LEVEL,
        interval="rule of three",
        n=test.study.n,
    )


def _detectable(test: PairTest, gold: Ints) -> Estimate:
    sample, n = resamples_of(test.study), test.study.n

    def statistic(one: Predictions, other: Predictions) -> Floats:
        difference = (one.predicted == gold).astype(np.int64) - (other.predicted == gold)
        discordant = sample.mean(_squares(difference, test.study.split.clusters))
        return np.where(discordant > 0, _POWER * np.sqrt(discordant / n), np.nan)

    return estimate(
        test.at("minimum_detectable_difference"),
        pair_draws_of(test.study, test.a, test.b, statistic),
        n=n,
        undefined="no example is right for one model only, so how much such differences vary is "
        "unknown",
    )


def _squares(difference: Ints, clusters: Ints | None) -> Floats:
    """Square differences, `[n]`; of clusters the sums, each at its first example."""
    if clusters is None:
        return difference.astype(np.float64) ** 2
    squares = np.zeros(len(difference))
    squares[np.unique(clusters, return_index=True)[1]] = cluster_sums(difference, clusters) ** 2
    return squares


def _shift_p(a: Ints, b: Ints, classes: int, clusters: Ints | None) -> float:
    if clusters is None:
        return stuart_maxwell(a, b, classes)
    labels = np.eye(classes)
    p = equal_shares_p(labels[a] - labels[b], clusters)
    return 1.0 if p is None else p


def _label_shift(test: PairTest) -> Estimate:
    sample, classes = resamples_of(test.study), test.study.classes
    clusters = test.study.split.clusters

    def statistic(one: Predictions, other: Predictions) -> Floats:
        left, right = (sample.by_group(run.predicted, classes) for run in (one, other))
        shift: Floats = 0.5 * np.abs(left - right).sum(axis=1) / sample.totals
        return shift

    p = combined_p([_shift_p(a.predicted, b.predicted, classes, clusters) for a, b in test.runs])
    draws = pair_draws_of(test.study, test.a, test.b, statistic)
    number = estimate(test.at("stuart_maxwell"), draws, n=test.study.n, undefined="")
    return test.noted(number, p_value=p)


def number_tests(test: PairTest) -> list[Estimate]:
    """Return the tests of two regressions; every example of the study has a gold score.

    Wilcoxon's test rather than the sign test: under the null hypothesis that it does not matter
    which model predicts, the difference of their errors is symmetric about 0, which is all that
    Wilcoxon's asks, and it uses how far apart the errors are.
    """
    study = test.study
    gold = np.asarray(study.split.labels, dtype=np.float64)
    sample = resamples_of(study)

    def pearson(run: Predictions) -> Floats:
        return pearson_draws(sample, gold, run.scores)

    def gap(one: Predictions, other: Predictions) -> Floats:
        difference: Floats = np.abs(one.scores - gold) - np.abs(other.scores - gold)
        return difference

    clusters, gaps = study.split.clusters, [gap(one, other) for one, other in test.runs]
    tests = [wilcoxon_p(each) if clusters is None else wilcoxon_of(each, clusters) for each in gaps]
    errors = estimate(
        test.at("absolute_error_difference"),
        pair_draws_of(study, test.a, test.b, lambda one, other: sample.mean(gap(one, other))),
        n=study.n,
        undefined="",
    )
    return [
        estimate(
            test.at("pearson_difference"),
            draws_of(study, test.a, pearson) - draws_of(study, test.b, pearson),
            n=study.n,
            undefined="the scores of a model, or the gold scores, are all equal",
        ),
        test.noted(errors, p_value=combined_p([1.0 if p is None else p for p in tests])),
    ]
