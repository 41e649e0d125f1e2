"""Which of two students is nearer to the teacher.

Does: the difference of two students' agreement with their teacher, on the same examples. Does not:
know which of them had a teacher.
"""

from __future__ import annotations

from kdprobe.analysis.estimates import EstimateKey, estimate, pair_draws_of, resamples_of
from kdprobe.observations.predictions import (
    Population,
    Predictions,
)
from kdprobe.observations.study import Study
from kdprobe.results.schema import Estimate
from kdprobe.stats.arrays import Floats
from kdprobe.stats.clustered_tests import mcnemar_of

METRIC = "agreement_difference"


def agreement_difference(study: Study, student: Population, other: Population) -> Estimate:
    """Return how much more often one student has the teacher's label than another.

    Definition: agreement(teacher, student) - agreement(teacher, other), the means over pairs of
    runs, in -1..1; the interval is the paired bootstrap over examples (the same resamples for both
    differences, so what both share cancels); the p-value is McNemar's of "has the teacher's label",
    for models of one run each.

    Args:
        study: gives the teacher, the examples and the resamples.
        student: the model the difference speaks for.
        other: the model it is compared with.

    Returns:
        The estimate, `model_a` the student and `model_b` the other.
    """
    sample, teacher = resamples_of(study), study.teacher

    def same(one: Predictions, two: Predictions) -> Floats:
        return sample.mean(one.predicted == two.predicted)

    draws = pair_draws_of(study, teacher, student, same) - pair_draws_of(
        study, teacher, other, same
    )
    p_value = None
    if all(len(model.runs) == 1 for model in (teacher, student, other)):
        label = teacher.first.predicted
        ours, theirs = student.first.predicted == label, other.first.predicted == label
        p_value = mcnemar_of(ours, theirs, study.split.clusters)
    at = EstimateKey(METRIC, student.name, other.name)
    return estimate(at, draws, n=study.n, undefined="", p_value=p_value)
