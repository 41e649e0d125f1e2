"""Statistics of many students at once: which differ by more than noise.

Does: test the primary score and the closeness to the teacher of every pair of students on the same
examples. Does not: measure or choose a student, or define a test; `analysis/student_differences`
does.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping

import numpy as np

from kdprobe.analysis.clusters import by_cluster
from kdprobe.analysis.estimates import HOW, EstimateKey, draws_of
from kdprobe.analysis.student_differences.metrics import METRICS
from kdprobe.analysis.student_differences.pairs import Subtracted, differences, freedom_of, tested
from kdprobe.analysis.student_differences.relations import BY_NAME
from kdprobe.analysis.task_scores import UNDEFINED, primary_statistic
from kdprobe.analysis.task_scores.metrics import METRICS as SCORES
from kdprobe.analysis.task_scores.views import primary_name
from kdprobe.observations.predictions import Population
from kdprobe.observations.study import Study
from kdprobe.results.schema import Estimate, Metric
from kdprobe.stats.arrays import Floats

DIFFERENCE = "score_difference"


def interval_method(population: Population, *, paired: bool = False) -> str:
    """Describe what an interval is over: the examples, and the seeds when there are several."""
    runs = len(population.runs)
    how = f"{'paired ' if paired else ''}percentile bootstrap over examples"
    return f"{how} and over the {runs} seeds" if runs > 1 else f"{how}, one seed"


def score_differences(study: Study) -> tuple[Estimate, ...]:
    """Test the primary score of every pair of students.

    Definition: the difference of the mean scores over seeds; its interval from resamples of the
    examples, the same for both students, and of each student's seeds; p and q as those of
    `analysis.student_differences`. With one seed each it says whether these two models differ, not
    whether another training of them would.

    Returns:
        `score_difference` of model_a minus model_b, in the unit of the score; the larger first.
    """
    statistic, score = primary_statistic(study), primary_name(study)
    drawn = {model.name: draws_of(study, model, statistic) for model in study.students}
    reason = UNDEFINED.get(score, "a score of the two is undefined")
    family = []
    for one, other in itertools.combinations(study.students, 2):
        a, b = sorted((one, other), key=lambda model: -_value(drawn[model.name]))
        at = EstimateKey(DIFFERENCE, a.name, b.name)
        gap = drawn[a.name] - drawn[b.name]
        family.append(Subtracted(at, gap, study.n, reason, _interval_of(a, b), freedom_of(a, b)))
    metric = SCORES[score]
    return tuple(by_cluster(one.estimate, metric, study) for one in tested(family, metric))


def closeness_differences(study: Study, closeness: Mapping[str, str]) -> tuple[Estimate, ...]:
    """Test how near to the teacher every pair of students is, number by number.

    Args:
        study: the teacher and the students.
        closeness: what a number is called here -> its row in `analysis.student_differences`.

    Returns:
        `NUMBER_difference` of model_a minus model_b, a pair in the order of the study.
    """
    models = {model.name: model for model in study.students}
    listed: list[Estimate] = []
    for name, row in closeness.items():
        for difference in differences(study, BY_NAME[row]):
            number = difference.estimate
            how = _interval_of(models[number.model_a], models[number.model_b])
            update = {"metric": f"{name}_difference"}
            update |= {"interval": how} if number.interval == HOW else {}
            listed.append(by_cluster(number.model_copy(update=update), METRICS[row], study))
    return tuple(listed)


def _interval_of(a: Population, b: Population) -> str:
    return interval_method(max(a, b, key=lambda model: len(model.runs)), paired=True)


def _value(draws: Floats) -> float:
    return float(draws[0]) if np.isfinite(draws[0]) else -math.inf


def difference_metric(score: Metric) -> Metric:
    """Define `score_difference` for a score."""
    return Metric(
        name=DIFFERENCE,
        label=f"{score.label}: difference",
        definition=f"{score.label} of one student minus that of another, on the same examples, "
        f"means over seeds. p: two-sided, of the paired bootstrap; q: after Holm over all pairs of "
        f"students.",
        unit=score.unit,
        higher_is_better=None,
        source="Davison and Hinkley 1997; Holm 1979",
    )
