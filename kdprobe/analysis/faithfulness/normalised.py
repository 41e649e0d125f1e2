"""Comprehensiveness and sufficiency that may be compared across models.

Does: put every method's order of words between the best and the worst order that there is for that
model and text, and estimate the differences between teacher and student. Does not: ask a model;
texts whose coalitions no method enumerates have no limits here.
"""

from __future__ import annotations

import numpy as np

from kdprobe.analysis.attribution_agreement.explained import Attributed
from kdprobe.analysis.estimates import EstimateKey, estimate, undefined_estimate
from kdprobe.analysis.faithfulness.deletion import RANDOM
from kdprobe.observations.predictions import Population
from kdprobe.results.schema import Estimate
from kdprobe.stats.arrays import Floats
from kdprobe.stats.deletion_orders import normalised

_SIDES = ("comprehensiveness", "sufficiency")
_UNKNOWN = (
    "the value of every subset of words is known of no text: shap and lime ask for all of them, "
    "of texts of up to 12 words"
)
_REGRESSION = "a regression gives no class a probability"
_NO_ORDER = "no order of deletions differs from another, on any text whose subsets are all known"


def _limits(explained: Attributed, model: Population) -> Floats:
    """Return the least and greatest AOPC of each text, float64 `[m, 2]`, NaN where unknown."""
    none = np.full((len(explained.attributions.ids), 2), np.nan)
    return explained.attributions.order_limits.get(model.name, none)


def _shares(explained: Attributed, model: Population, method: str) -> Floats:
    """Return both sides of a method's order between their limits, float64 `[m, 2]`, or NaN."""
    limits = _limits(explained, model)
    areas = explained.attributions.orders.get((model.name, method), np.full(limits.shape, np.nan))
    low, high = limits.T
    return np.column_stack([normalised(side, low, high) for side in areas.T])


def _mean(at: EstimateKey, explained: Attributed, values: Floats, limits: Floats) -> Estimate:
    """Estimate a mean, or say what it lacks."""
    if explained.study.split.task.kind == "regression":
        return undefined_estimate(at, _REGRESSION)
    reason = _NO_ORDER if np.isfinite(limits).any() else _UNKNOWN
    return estimate(at, explained.draws(values), n=explained.count(values), undefined=reason)


def of_model(explained: Attributed, model: Population) -> list[Estimate]:
    """Estimate the limits of one model, and every method's order between them."""
    limits, random = _limits(explained, model), _shares(explained, model, RANDOM)
    keyed = [
        (EstimateKey(name, model.name), values)
        for name, values in zip(("aopc_low", "aopc_high"), limits.T, strict=True)
    ]
    keyed.append((EstimateKey("normalised_random", model.name), random[:, 0]))
    for method in explained.attributions.methods:
        sides = _shares(explained, model, method).T
        keyed += [
            (EstimateKey(f"normalised_{name}", model.name, method=method), values)
            for name, values in zip(_SIDES, sides, strict=True)
        ]
    return [_mean(at, explained, values, limits) for at, values in keyed]


def differences(explained: Attributed, student: Population) -> list[Estimate]:
    """Estimate teacher minus student, on the texts where both have a value."""
    teacher = explained.teacher
    both = _limits(explained, teacher) + _limits(explained, student)
    estimates = []
    for method in explained.attributions.methods:
        gaps = _shares(explained, teacher, method) - _shares(explained, student, method)
        for name, values in zip(_SIDES, gaps.T, strict=True):
            at = EstimateKey(
                f"normalised_{name}_difference", teacher.name, student.name, method=method
            )
            estimates.append(_mean(at, explained, values, both))
    return estimates


def notes(explained: Attributed) -> tuple[str, ...]:
    """State of which texts the normalised numbers are."""
    m = len(explained.attributions.ids)
    known = np.isfinite(_limits(explained, explained.teacher)).all(axis=1)
    if not known.any():
        return ()
    return (
        f"Normalised numbers are of the {int(known.sum()):,} of {m:,} texts of which the value of "
        "every subset of words is known (up to 12 words); a text on which no order of deletions "
        "differs by more than a millionth counts for none.",
    )
