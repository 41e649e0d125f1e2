"""Agreement with the teacher, as rows to subtract. Does not define any number; `pairs.py` does."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from kdprobe.analysis.agreement.distances import UNLISTED
from kdprobe.analysis.agreement.metrics import METRICS
from kdprobe.analysis.agreement.pairs import (
    CONSTANT,
    NEVER,
    NO_GOLD,
    PairView,
    consistency_draws,
    distance_draws,
    without_probabilities,
)
from kdprobe.analysis.relations import Related, Relation, of_each, of_each_labelled
from kdprobe.observations.predictions import Population
from kdprobe.observations.study import Study


def _agreement(study: Study, student: Population) -> Related:
    view = PairView(study, study.teacher, student)
    return Related(student.name, view.draws(lambda pairing: pairing.observed), study.n, "")


def _kappa(study: Study, student: Population) -> Related:
    view = PairView(study, study.teacher, student)
    draws = view.draws(lambda pairing: pairing.kappa().draws)
    return Related(student.name, draws, study.n, CONSTANT)


def _consistency(study: Study, student: Population) -> Related:
    gold = np.asarray(study.split.labels, dtype=np.int64)
    view = PairView(study, study.teacher, student)
    return Related(student.name, consistency_draws(view, gold), study.n, NEVER)


def _distance(name: str) -> Callable[[Study, Population], Related]:
    def related(study: Study, student: Population) -> Related:
        view = PairView(study, study.teacher, student)
        lacking = without_probabilities(view)
        draws = None if lacking else distance_draws(view, name)
        return Related(student.name, draws, study.n, lacking or UNLISTED)

    return related


RELATIONS = (
    Relation("agreement", METRICS["agreement"], of_each(_agreement)),
    Relation("cohens_kappa", METRICS["cohens_kappa"], of_each(_kappa)),
    Relation(
        "error_consistency", METRICS["error_consistency"], of_each_labelled(_consistency, NO_GOLD)
    ),
    Relation("kl", METRICS["kl"], of_each(_distance("kl"))),
    Relation("jensen_shannon", METRICS["jensen_shannon"], of_each(_distance("jensen_shannon"))),
)
