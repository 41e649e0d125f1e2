"""Statistics of many students at once: which none beats, which differ by more than noise.

Does: find non-dominated points; test the primary score of every pair of students on the same
examples. Does not: measure or choose a student.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from kdprobe.analysis.clusters import told
from kdprobe.analysis.estimates import EstimateKey, draws_of, estimate
from kdprobe.analysis.task_scores import UNDEFINED, primary_statistic
from kdprobe.analysis.task_scores.metrics import METRICS as SCORES
from kdprobe.analysis.task_scores.views import primary_name
from kdprobe.observations.predictions import (
    Population,
)
from kdprobe.observations.study import Study
from kdprobe.results.schema import Estimate, Metric
from kdprobe.stats.arrays import Floats
from kdprobe.stats.hypothesis_tests import holm

DIFFERENCE = "score_difference"


class Point(NamedTuple):
    """What a student costs and what it gives."""

    name: str
    cost: float
    gain: float


def non_dominated(points: Sequence[Point], *, cost_falls: bool = True) -> tuple[str, ...]:
    """Return the points that no other beats: the Pareto front, from the least gain to the most.

    Definition: a point is beaten by one that is at least as good in both respects and better in
    one (Pareto dominance); equal points do not beat each other.

    Args:
        points: more gain is better.
        cost_falls: whether less cost is better (parameters) or more (sentences a second).

    >>> non_dominated([Point("a", 1, 0.5), Point("b", 2, 0.4), Point("c", 3, 0.6)])
    ('a', 'c')
    """
    sign = 1.0 if cost_falls else -1.0

    def beats(one: Point, other: Point) -> bool:
        cheaper, dearer = sign * one.cost, sign * other.cost
        as_good = cheaper <= dearer and one.gain >= other.gain
        return as_good and (cheaper < dearer or one.gain > other.gain)

    front = [point for point in points if not any(beats(other, point) for other in points)]
    return tuple(point.name for point in sorted(front, key=lambda point: (point.gain, point.name)))


def interval_method(population: Population, *, paired: bool = False) -> str:
    """Describe what an interval is over: the examples, and the seeds when there are several."""
    runs = len(population.runs)
    how = f"{'paired ' if paired else ''}percentile bootstrap over examples"
    return f"{how} and over the {runs} seeds" if runs > 1 else f"{how}, one seed"


def score_differences(study: Study) -> tuple[Estimate, ...]:
    """Test the primary score of every pair of students.

    Definition: the difference of the mean scores over seeds; its interval from resamples of the
    examples, the same for both students, and of each student's seeds; p two-sided from the normal
    distribution with the standard deviation of those differences (Efron and Tibshirani 1993); q
    after Holm over all pairs. With one seed each it says whether these two models differ, not
    whether another training of them would.

    Returns:
        `score_difference` of model_a minus model_b, in the unit of the score; the larger first.
    """
    statistic = primary_statistic(study)
    drawn = {model.name: draws_of(study, model, statistic) for model in study.students}
    differences: list[Estimate] = []
    for one, other in itertools.combinations(study.students, 2):
        a, b = sorted((one, other), key=lambda model: -_value(drawn[model.name]))
        gap = drawn[a.name] - drawn[b.name]
        most = max(a, b, key=lambda model: len(model.runs))
        number = estimate(
            EstimateKey(DIFFERENCE, a.name, b.name),
            gap,
            n=study.n,
            undefined=UNDEFINED.get(primary_name(study), "a score of the two is undefined"),
            p_value=_p_value(gap),
            how=interval_method(most, paired=True),
        )
        differences.append(told(number, SCORES[primary_name(study)], study))
    adjusted = holm([difference.p_value for difference in differences])
    return tuple(
        difference if q is None else difference.model_copy(update={"q_value": q})
        for difference, q in zip(differences, adjusted, strict=True)
    )


def _value(draws: Floats) -> float:
    return float(draws[0]) if np.isfinite(draws[0]) else -math.inf


def _p_value(gap: Floats) -> float | None:
    """Return the two-sided p-value of a difference, or None where it or its spread is undefined."""
    defined = gap[1:][np.isfinite(gap[1:])]
    if not np.isfinite(gap[0]) or len(defined) < max(2, 0.9 * len(gap[1:])):
        return None
    if gap[0] == 0.0:
        return 1.0
    spread = float(defined.std(ddof=1))
    return math.erfc(abs(float(gap[0])) / spread / math.sqrt(2.0)) if spread else 0.0


def difference_metric(score: Metric) -> Metric:
    """Define `score_difference` for a score."""
    return Metric(
        name=DIFFERENCE,
        label=f"{score.label}: difference",
        definition=f"{score.label} of one student minus that of another, on the same examples, "
        f"means over seeds. p: two-sided, from the spread of the paired bootstrap; q: after Holm "
        f"over all pairs of students.",
        unit=score.unit,
        higher_is_better=None,
        source="Efron and Tibshirani 1993; Holm 1979",
    )
