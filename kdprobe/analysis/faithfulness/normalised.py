"""Comprehensiveness and sufficiency that may be compared across models.

Does: put every method's order of words between the best and the worst order that there is for that
model and text, and estimate the differences between teacher and student. Does not: ask a model;
texts whose coalitions no method enumerates have no limits here.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from kdprobe.analysis.attribution_agreement.explained import Attributed
from kdprobe.analysis.estimates import EstimateKey, estimate, undefined_estimate
from kdprobe.analysis.faithfulness.deletion import RANDOM
from kdprobe.observations.predictions import Population
from kdprobe.results.schema import Curve, Estimate, Series
from kdprobe.stats.arrays import Floats
from kdprobe.stats.deletion_orders import normalised

_SIDES = ("comprehensiveness", "sufficiency")
_UNKNOWN = (
    "the value of every subset of words is known of no text: shap and lime ask for all of them, "
    "of texts of up to 12 words"
)
_REGRESSION = "a regression gives no class a probability"
_NO_ORDER = "no order of deletions differs from another, on any text whose subsets are all known"


def _limits(explained: Attributed, model: Population, *, estimated: bool) -> Floats:
    """Return the least and greatest AOPC of each text, float64 `[m, 2]`, NaN where unknown."""
    attributions = explained.attributions
    none = np.full((len(attributions.ids), 2), np.nan)
    limits = attributions.order_limits.get(model.name, none)
    kind = attributions.estimated.get(model.name, np.zeros(len(limits), dtype=np.bool_))
    return np.where((kind == estimated)[:, None], limits, np.nan)


def _shares(explained: Attributed, limits: Floats, model: Population, method: str) -> Floats:
    """Return both sides of a method's order between their limits, float64 `[m, 2]`, or NaN."""
    areas = explained.attributions.orders.get((model.name, method), np.full(limits.shape, np.nan))
    low, high = limits.T
    return np.column_stack([normalised(side, low, high) for side in areas.T])


def _mean(at: EstimateKey, explained: Attributed, values: Floats, limits: Floats) -> Estimate:
    """Estimate a mean, or say what it lacks."""
    if explained.study.split.task.kind == "regression":
        return undefined_estimate(at, _REGRESSION)
    reason = _NO_ORDER if np.isfinite(limits).any() else _UNKNOWN
    return estimate(at, explained.draws(values), n=explained.count(values), undefined=reason)


def _subsets(explained: Attributed) -> dict[str, bool]:
    """Return the subsets of texts to speak of, and whether their limits are estimated."""
    is_estimated = any(rows.any() for rows in explained.attributions.estimated.values())
    beam = f"estimated, beam {explained.attributions.beam}"
    return {"all": False, beam: True} if is_estimated else {"all": False}


def of_model(explained: Attributed, model: Population) -> list[Estimate]:
    """Estimate the limits of one model, and every method's order between them."""
    estimates = []
    for subset, estimated in _subsets(explained).items():
        limits = _limits(explained, model, estimated=estimated)
        of = partial(EstimateKey, model_a=model.name, subset=subset)
        keyed = [(of(name), limits[:, end]) for end, name in enumerate(("aopc_low", "aopc_high"))]
        if not estimated:
            random = _shares(explained, limits, model, RANDOM)
            keyed.append((of("normalised_random"), random[:, 0]))
        for method in explained.attributions.methods:
            sides = _shares(explained, limits, model, method).T
            keyed += [
                (of(f"normalised_{name}", method=method), values)
                for name, values in zip(_SIDES, sides, strict=True)
            ]
        estimates += [_mean(at, explained, values, limits) for at, values in keyed]
    return estimates


def differences(explained: Attributed, student: Population) -> list[Estimate]:
    """Estimate teacher minus student, on the texts where both have a value."""
    teacher = explained.teacher
    estimates = []
    for subset, estimated in _subsets(explained).items():
        left, right = (
            _limits(explained, model, estimated=estimated) for model in (teacher, student)
        )
        of = partial(EstimateKey, model_a=teacher.name, model_b=student.name, subset=subset)
        for method in explained.attributions.methods:
            gaps = _shares(explained, left, teacher, method)
            gaps = gaps - _shares(explained, right, student, method)
            estimates += [
                _mean(of(f"normalised_{name}_difference", method=method), explained, values,
                      left + right)
                for name, values in zip(_SIDES, gaps.T, strict=True)
            ]  # fmt: skip
    return estimates


def curves(explained: Attributed, estimates: Sequence[Estimate]) -> list[Curve]:
    """Draw every model's normalised numbers beside each other, by method."""
    places = {name: place for place, name in enumerate((*explained.attributions.methods, ""))}
    drawn = []
    for side, better in zip(_SIDES, ("higher", "lower"), strict=True):
        series = []
        for model in explained.models:
            bars = [
                each
                for each in estimates
                if each.metric in (f"normalised_{side}", "normalised_random")
                and (each.model_a, each.subset) == (model.name, "all")
                and each.value is not None
            ]
            series.append(
                Series(
                    name=model.name, x=tuple(places[each.method] for each in bars),
                    y=tuple(each.value for each in bars if each.value is not None),
                    low=tuple(each.low for each in bars),
                    high=tuple(each.high for each in bars),
                    counts=tuple(each.n or 0 for each in bars),
                    labels=tuple(each.method or "random order" for each in bars),
                )
            )  # fmt: skip
        drawn.append(
            Curve(
                name=f"normalised-{side}",
                title=f"{side.capitalize()}, normalised for each model",
                caption="0 is the least and 1 the most that any order of deletions reaches for the "
                f"model, so that models may be compared; {better} is better.",
                kind="bars",
                x_title="method",
                y_title=f"normalised {side}",
                series=tuple(series),
            )
        )
    return [curve for curve in drawn if any(series.x for series in curve.series)]


def notes(explained: Attributed) -> tuple[str, ...]:
    """State of which texts the normalised numbers are."""
    m = len(explained.attributions.ids)
    exact, beam = (
        int(np.isfinite(_limits(explained, explained.teacher, estimated=kind)).all(axis=1).sum())
        for kind in (False, True)
    )
    if not exact + beam:
        return ()
    width = explained.attributions.beam
    long = f"; of {beam:,} longer ones the limits are estimated, by a beam of {width}"
    return (
        f"Normalised numbers are of the {exact:,} of {m:,} texts of which the value of every "
        f"subset of words is known (up to 12 words){long if beam else ''}; a text on which all "
        "orders of deletions are within a millionth of each other counts for none.",
    )
