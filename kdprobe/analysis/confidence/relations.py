"""How alike a student is to the teacher in confidences, margins or scores, as rows to subtract.

Does not define any number; `margins.py` does.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from kdprobe.analysis.confidence.margins import (
    OF_PROBABILITIES,
    OF_SCORES,
    Correlation,
    correlation_draws,
    score_distance_draws,
    why_undefined,
    without_values,
)
from kdprobe.analysis.confidence.metrics import OF_PROBABILITIES as METRICS
from kdprobe.analysis.confidence.metrics import OF_SCORES as SCORE_METRICS
from kdprobe.analysis.relations import Related, Relation, of_each
from kdprobe.observations.predictions import Population
from kdprobe.observations.study import Study

_CLASSES = {correlation.metric: correlation for correlation in OF_PROBABILITIES}
_SCORES = {correlation.metric: correlation for correlation in OF_SCORES}
_MEANING = {metric.name: metric for metric in METRICS}
_SCORE_MEANING = {metric.name: metric for metric in SCORE_METRICS}


def _correlation(correlation: Correlation) -> Callable[[Study, Population], Related]:
    def related(study: Study, student: Population) -> Related:
        pair = (study.teacher, student)
        if lacking := without_values(study, pair):
            return Related(student.name, None, study.n, lacking)
        draws = correlation_draws(study, [(correlation, "all")], pair)[correlation, "all"]
        reason = "" if np.isfinite(draws[0]) else why_undefined(correlation, "all", *pair)
        return Related(student.name, draws, study.n, reason)

    return related


def _distance(study: Study, student: Population) -> Related:
    draws = score_distance_draws(study, (study.teacher, student))
    return Related(student.name, draws, study.n, "")


_OF_NUMBERS = ("regression",)

RELATIONS = (
    Relation(
        "confidence_spearman", _MEANING["spearman"], of_each(_correlation(_CLASSES["spearman"]))
    ),
    Relation(
        "margin_spearman",
        _MEANING["margin_spearman"],
        of_each(_correlation(_CLASSES["margin_spearman"])),
    ),
    Relation(
        "score_pearson",
        _SCORE_MEANING["pearson"],
        of_each(_correlation(_SCORES["pearson"])),
        _OF_NUMBERS,
    ),
    Relation(
        "score_spearman",
        _SCORE_MEANING["spearman"],
        of_each(_correlation(_SCORES["spearman"])),
        _OF_NUMBERS,
    ),
    Relation(
        "mean_absolute_difference",
        _SCORE_MEANING["mean_absolute_difference"],
        of_each(_distance),
        _OF_NUMBERS,
    ),
)
