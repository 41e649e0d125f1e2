"""Agreement of word scores with the teacher's, as rows to subtract.

Does not define any number; `pairs.py` does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from kdprobe.analysis.attribution_agreement.explained import attributed, skip_reason
from kdprobe.analysis.attribution_agreement.metrics import AGREEMENT
from kdprobe.analysis.attribution_agreement.pairs import (
    NO_ROOM,
    NOT_BOTH_RIGHT,
    UNRANKED,
    ExplainedPair,
    normalised_draws,
    threshold,
    unlike,
)
from kdprobe.analysis.gold import NO_GOLD
from kdprobe.analysis.relations import Place, Related, Relation
from kdprobe.observations.study import Study

_MEANING = {metric.name: metric for metric in AGREEMENT}
_BOTH = ("classification", "regression")


def _of_pairs(related: Callable[[ExplainedPair], Related]) -> Callable[[Study], Iterable[Related]]:
    """Return the draws of every explained student by every method; none without word scores."""

    def draws(study: Study) -> Iterable[Related]:
        if skip_reason(study):
            return
        explained = attributed(study)
        for method in explained.attributions.methods:
            for student in explained.students:
                yield related(ExplainedPair(explained, student, method))

    return draws


def _raw(pair: ExplainedPair) -> Related:
    draws, n = pair.explained.draws(pair.rho), pair.explained.count(pair.rho)
    return Related(pair.student.name, draws, n, UNRANKED, Place(method=pair.method))


def _normalised(pair: ExplainedPair) -> Related:
    n = pair.explained.count(pair.rho)
    place = Place(method=pair.method)
    return Related(pair.student.name, normalised_draws(pair), n, NO_ROOM, place)


def _other_reasons(pair: ExplainedPair) -> Related:
    place, known = Place(method=pair.method), pair.labelled
    others = unlike(known, threshold(pair))
    if others is None:
        return Related(pair.student.name, None, 0, NO_GOLD, place)
    draws = known.explained.draws(others.below, others.right)
    n = known.explained.count(others.below, others.right)
    return Related(pair.student.name, draws, n, NOT_BOTH_RIGHT, place)


RELATIONS = (
    Relation("attribution_agreement", _MEANING["spearman"], _of_pairs(_raw), _BOTH),
    Relation(
        "attribution_agreement_normalised", _MEANING["normalised"], _of_pairs(_normalised), _BOTH
    ),
    Relation("other_reasons", _MEANING["other_reasons"], _of_pairs(_other_reasons)),
)
