"""Differences of a number between students: one minus the other, on the same resamples.

Does: subtract the draws of every pair of students, test each difference and adjust over the pairs.
Does not: define the number that is subtracted; a `Relation` does.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from kdprobe.analysis.estimates import EstimateKey, undefined_estimate
from kdprobe.analysis.relations import Place, Related, Relation
from kdprobe.analysis.student_differences.relations import closeness
from kdprobe.analysis.student_gaps.gaps import gap_estimate
from kdprobe.observations.predictions import Population
from kdprobe.observations.study import Study
from kdprobe.results.schema import Estimate, Metric
from kdprobe.results.turned import turned
from kdprobe.stats.arrays import Floats
from kdprobe.stats.clustered_tests import mcnemar_of
from kdprobe.stats.differences import Adjusted, adjusted, bootstrap_p
from kdprobe.stats.hypothesis_tests import mcnemar_p


class Difference(NamedTuple):
    """One number of two students: `estimate` with p and q, `adjusted` within its family."""

    estimate: Estimate
    adjusted: Adjusted


class Subtracted(NamedTuple):
    """A difference before it is tested: where it stands, and its draws, float64 `[B + 1]`.

    `draws` is None where a student has no such number; `undefined` says why. `freedom` are the
    degrees of freedom of the draws, see `freedom_of`. `p` is that of an exact test of it; None: the
    bootstrap's.
    """

    at: EstimateKey
    draws: Floats | None
    n: int
    undefined: str
    how: str
    freedom: float = math.inf
    p: float | None = None


def freedom_of(*models: Population) -> float:
    """Return the degrees of freedom of a mean over these models' runs; infinite for single runs.

    Those of the model with the fewest runs, one less: the heaviest tails of them.
    """
    return min((len(model.runs) - 1.0 for model in models if len(model.runs) > 1), default=math.inf)


def agreement_p(study: Study, a: Population, b: Population) -> float | None:
    """Return the p-value of "both students have the teacher's label equally often".

    Definition: McNemar's exact test of the two indicators "has the teacher's label", example by
    example, or by clusters of them (`flip_p`); for models of one run each.

    Returns:
        A probability in 0..1; None where a model has several runs, which are no independent
        examples.
    """
    if any(len(model.runs) > 1 for model in (study.teacher, a, b)):
        return None
    label = study.teacher.first.predicted
    ours, theirs = a.first.predicted == label, b.first.predicted == label
    if study.split.clusters is not None:
        return mcnemar_of(ours, theirs, study.split.clusters)
    return mcnemar_p(int(np.sum(ours & ~theirs)), int(np.sum(theirs & ~ours)), exact=True)


def tested(family: Sequence[Subtracted], metric: Metric) -> list[Difference]:
    """Test differences of one number, and adjust the p-values over all of them (Holm).

    The interval of an estimate is that of the difference alone; the one of `adjusted` is at the
    level that the adjustment compares it with (see `stats.differences.adjusted`).
    """
    defined = [one.draws is not None and bool(np.isfinite(one.draws[0])) for one in family]
    size, reach = sum(defined), _reach(metric)
    nothing = np.array([np.nan])
    draws = [nothing if one.draws is None else np.clip(one.draws, -reach, reach) for one in family]
    p_values = [
        (bootstrap_p(drawn, family=size, freedom=one.freedom) if one.p is None else one.p)
        if known
        else None
        for one, drawn, known in zip(family, draws, defined, strict=True)
    ]
    differences = []
    members = adjusted(draws, p_values, [one.freedom for one in family])
    for one, drawn, p, member in zip(family, draws, p_values, members, strict=True):
        if one.draws is None:
            number = undefined_estimate(one.at, one.undefined, n=one.n)
        else:
            number = gap_estimate(
                one.at, drawn, n=one.n, undefined=one.undefined, p_value=p, how=one.how,
                share=metric.unit == "share",
            )  # fmt: skip
        differences.append(Difference(number.model_copy(update={"q_value": member.q}), member))
    return differences


def _reach(metric: Metric) -> float:
    """Return how large a difference of a number can be: draws over few seeds may lie beyond."""
    if metric.minimum is None or metric.maximum is None:
        return math.inf
    return metric.maximum - metric.minimum


def differences(study: Study, relation: Relation) -> list[Difference]:
    """Return the difference of every pair of students by one number, everywhere it stands.

    Definition: delta = m(a, teacher) - m(b, teacher), over the same resamples of examples (and, of
    a model with several runs, of its runs); a pair in the order of the study. Each place (subset,
    layer, pooling, method) is a family of its own.
    """
    by_place: dict[Place, dict[str, Related]] = {}
    for number in relation.draws(study):
        by_place.setdefault(number.place, {})[number.student] = number
    listed: list[Difference] = []
    for place, known in by_place.items():
        family = list(_subtracted(study, relation, place, known))
        listed += tested(family, relation.metric)
    return listed


def _subtracted(
    study: Study, relation: Relation, place: Place, known: dict[str, Related]
) -> Iterable[Subtracted]:
    exact = relation.name == "agreement"
    for a, b in combinations(study.students, 2):
        if a.name not in known or b.name not in known:
            continue
        one, other = known[a.name], known[b.name]
        at = EstimateKey(relation.name, a.name, b.name, **place._asdict())
        n = min(one.n, other.n)
        if one.draws is None or other.draws is None:
            reason = other.undefined if one.draws is not None else one.undefined
            yield Subtracted(at, None, n, reason, one.how)
            continue
        reason = other.undefined if np.isfinite(one.draws[0]) else one.undefined
        freedom = freedom_of(study.teacher, a, b)
        p = agreement_p(study, a, b) if exact else None
        yield Subtracted(at, one.draws - other.draws, n, reason, one.how, freedom, p)


def closeness_differences(study: Study) -> dict[tuple[str, str], Difference]:
    """Return the difference of each ordered pair of students by agreement, or by a correlation.

    Returns:
        By the names of the two, in both orders.
    """
    drawn = differences(study, closeness(study))
    pairs = {(one.estimate.model_a, one.estimate.model_b): one for one in drawn}
    return {**pairs, **{(b, a): mirrored(one) for (a, b), one in pairs.items()}}


def mirrored(difference: Difference) -> Difference:
    """Return the difference of b and a from that of a and b."""
    q, low, high = difference.adjusted
    ends = Adjusted(q) if low is None or high is None else Adjusted(q, 0.0 - high, 0.0 - low)
    return Difference(turned(difference.estimate), ends)
