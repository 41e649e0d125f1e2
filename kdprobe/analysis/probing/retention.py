"""What a student keeps of a teacher's layers: retention, and the centre of gravity.

Does: make the estimates of one probing task. Does not: compare layers; `__init__` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from kdprobe.analysis.estimates import EstimateKey, estimate, undefined_estimate
from kdprobe.analysis.probing.cells import HOW, gravity_draws
from kdprobe.analysis.probing.scores import ProbedTask
from kdprobe.results.schema import Estimate
from kdprobe.stats.arrays import Floats
from kdprobe.stats.bootstrap import interval


class Retained(NamedTuple):
    """What a student keeps: its draws `[B + 1]`, or None; and why it is undefined where it is."""

    draws: Floats | None
    reason: str
    n: int | None = None


def retention_draws(probed: ProbedTask, teacher: str, student: str, pooling: str) -> Retained:
    """Return which share of what the teacher learnt a student has at its best layer.

    Definition: (student - floor) / (teacher - floor) of the accuracies at the best layers, the
    floor that of the teacher's encoder with random weights; undefined where the teacher is not
    beyond it.
    """
    if teacher not in probed.random:
        return Retained(None, "no encoder with random weights was probed")
    t, s, floor = probed.trained[teacher], probed.trained[student], probed.random[teacher]
    places = [cells.best(pooling) for cells in (t, s, floor)]
    for model, place in zip((teacher, student, teacher), places, strict=True):
        if place is None:
            return Retained(None, probed.without(model, pooling))
    of_teacher, of_student, low = (
        cells.draws[:, place] for cells, place in zip((t, s, floor), places, strict=True)
    )
    above, n = of_teacher - low, probed.task.test
    bounds = interval(above)
    if bounds is None or bounds[0] <= 0:
        reason = "the teacher is not beyond random weights by more than noise"
        return Retained(None, f"{reason} ({above[0]:+.3f})", n)
    kept = of_student - low
    draws = np.full(len(kept), np.nan)
    np.divide(kept, above, out=draws, where=above > 0)
    return Retained(draws, "nothing to keep", n)


def retention_of(probed: ProbedTask, teacher: str, student: str, pooling: str) -> Estimate:
    """Estimate what a student keeps; see `retention_draws`."""
    at = EstimateKey(
        "retention", teacher, student, subset=probed.task.name, layer="best", pooling=pooling
    )
    draws, reason, n = retention_draws(probed, teacher, student, pooling)
    if draws is None:
        return undefined_estimate(at, reason, n=n)
    return estimate(at, draws, n=n or 0, undefined=reason, how=HOW)


def gravity_of(
    probed: ProbedTask, teacher: str, students: Sequence[str], poolings: Sequence[str]
) -> list[Estimate]:
    """Return each model's centre of gravity over its layers, and how far each student's moved."""
    estimates = []
    nothing = "no layer is above the majority class"
    task, n = probed.task.name, probed.task.test
    for pooling in poolings:
        draws, reasons = {}, {}
        for model, cells in probed.trained.items():
            reasons[model] = (
                nothing if cells.of_pooling(pooling) else probed.without(model, pooling)
            )
            draws[model] = gravity_draws(cells, pooling, probed.task.majority)
            at = EstimateKey("centre_of_gravity", model, subset=task, pooling=pooling)
            estimates.append(estimate(at, draws[model], n=n, undefined=reasons[model], how=HOW))
        for student in students:
            at = EstimateKey(
                "centre_of_gravity_shift", teacher, student, subset=task, pooling=pooling
            )
            shift = draws[student] - draws[teacher]
            lacking = teacher if np.isnan(draws[teacher][0]) else student
            estimates.append(estimate(at, shift, n=n, undefined=reasons[lacking], how=HOW))
    return estimates
