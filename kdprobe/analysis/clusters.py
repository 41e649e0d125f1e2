"""What a result says where its examples come in clusters.

Does: say of each interval that it is over clusters, and widen those that rest on the number of
examples instead of on resamples. Does not: resample; `estimates.resamples_of` draws clusters.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from kdprobe.analysis.estimates import THREE, THREE_OF_CLUSTERS
from kdprobe.observations.own_sentences import OwnSentences
from kdprobe.observations.study import Study
from kdprobe.results.schema import AnalysisResult, Estimate, Metric


def result_by_cluster(
    result: AnalysisResult, study: Study, *, reads: Iterable[type] = ()
) -> AnalysisResult:
    """Return a result whose intervals say, and where needed allow for, that they are of clusters.

    Args:
        result: of an analysis of this study.
        study: as it was analysed.
        reads: the observations that the analysis cannot run without; where one is of other texts
            than the examples (it has no method `only`), the result stays as it is.
    """
    kinds = tuple(reads)
    others = study.has(OwnSentences) and kinds
    if study.split.clusters is None or others or not all(hasattr(kind, "only") for kind in kinds):
        return result
    metrics = {metric.name: metric for metric in result.metrics}
    estimates = tuple(by_cluster(each, metrics[each.metric], study) for each in result.estimates)
    return result.model_copy(update={"estimates": estimates})


def by_cluster(number: Estimate, metric: Metric, study: Study) -> Estimate:
    """Return a number of this study whose interval is over clusters, where there are any."""
    if study.split.clusters is None:
        return number
    if number.interval.startswith(THREE) and THREE_OF_CLUSTERS not in number.interval:
        return _widened(number, metric, study)
    interval = number.interval.replace("over examples", "over clusters of examples")
    return number.model_copy(update={"interval": interval})


def _widened(number: Estimate, metric: Metric, study: Study) -> Estimate:
    """Take 3 / clusters for 3 / n: what was not seen in n dependent tries was not seen in fewer.

    A part of m examples lies in no fewer than m / (size of the largest cluster) clusters.
    """
    assert number.value is not None  # it has an interval
    assert number.low is not None
    assert number.high is not None
    assert study.split.clusters is not None
    sizes = np.unique(study.split.clusters, return_counts=True)[1]
    n = number.n or 1
    factor = n / (len(sizes) if n == study.n else math.ceil(n / sizes.max()))
    low = number.value - (number.value - number.low) * factor
    high = number.value + (number.high - number.value) * factor
    return number.model_copy(
        update={
            "low": low if metric.minimum is None else max(metric.minimum, low),
            "high": high if metric.maximum is None else min(metric.maximum, high),
            "interval": number.interval.replace(THREE, THREE_OF_CLUSTERS),
        }
    )
