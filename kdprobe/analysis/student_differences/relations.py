"""Every number that relates a model to the teacher, one row each.

Does: join the rows that the analyses define. Does not: define one.
"""

from __future__ import annotations

from kdprobe.analysis.agreement.relations import RELATIONS as AGREEMENT
from kdprobe.analysis.attribution_agreement.relations import RELATIONS as ATTRIBUTION
from kdprobe.analysis.confidence.relations import RELATIONS as CONFIDENCE
from kdprobe.analysis.overlap import RELATIONS as OVERLAP
from kdprobe.analysis.probing.relations import RELATIONS as PROBING
from kdprobe.analysis.relations import Relation
from kdprobe.analysis.similarity.relations import RELATIONS as SIMILARITY
from kdprobe.observations.study import Study

RELATIONS: tuple[Relation, ...] = (
    *AGREEMENT, *CONFIDENCE, *OVERLAP, *ATTRIBUTION, *PROBING, *SIMILARITY,
)  # fmt: skip
BY_NAME = {relation.name: relation for relation in RELATIONS}


def relations_of(study: Study) -> tuple[Relation, ...]:
    """Return the rows that a study's kind of task has."""
    return tuple(row for row in RELATIONS if study.split.task.kind in row.kinds)


def closeness(study: Study) -> Relation:
    """Return the row that says first how near a student is: agreement, or a correlation."""
    regression = study.split.task.kind == "regression"
    return BY_NAME["score_pearson" if regression else "agreement"]
