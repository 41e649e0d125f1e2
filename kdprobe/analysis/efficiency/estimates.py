"""Costs as estimates: what was counted, what was timed, and ratios of teacher and student.

Does: medians, quantiles and ratios with intervals by bootstrap over rounds. Does not: measure.
"""

from __future__ import annotations

from collections.abc import Iterator

from kdprobe.analysis.estimates import EstimateKey, estimate, undefined_estimate
from kdprobe.observations.efficiency import COUNTS, SPEED, ModelCost
from kdprobe.results.schema import Estimate
from kdprobe.stats.arrays import Floats
from kdprobe.stats.bootstrap import draw_resamples

HOW = "bootstrap over rounds, percentile"
_SCALES = {"multiply_adds": 1e6, "peak_memory": 1e6, "model_memory": 1e6}
_QUANTILES = {"latency_p50": (0.5, 1), "latency_p95": (0.95, 20), "latency_p99": (0.99, 100)}
"""Metric -> its share, and the fewest rounds in which one is slower."""
_BATCHES = {"throughput": 32, "throughput_128": 128}
_RATIOS = {
    "parameters_ratio": "parameters",
    "bytes_ratio": "bytes",
    "multiply_adds_ratio": "multiply_adds",
    "memory_ratio": "model_memory",
}


def cost_estimates(cost: ModelCost, *, seed: int, resamples: int) -> Iterator[Estimate]:
    """Estimate every number of one model.

    Args:
        cost: what was measured.
        seed: of the resamples.
        resamples: how many.
    """
    for name in COUNTS:
        at = EstimateKey(name, cost.model)
        if name in cost.counts:
            value = cost.counts[name] / _SCALES.get(name, 1.0)
            yield Estimate(**vars(at), value=value, n=1)
        elif name in cost.reasons:
            yield undefined_estimate(at, cost.reasons[name])
    if cost.times is None:
        reason = cost.reasons.get(SPEED, "")
        names = (*_QUANTILES, *_BATCHES) if reason else ()
        yield from (undefined_estimate(EstimateKey(name, cost.model), reason) for name in names)
        return
    for name, (share, fewest) in _QUANTILES.items():
        at, rounds = EstimateKey(name, cost.model), len(cost.times.rounds[1])
        if rounds < fewest:
            reason = f"needs {fewest} timed sentences or more, and there was time for {rounds}"
            yield undefined_estimate(at, reason, n=rounds)
        else:
            draws = 1000.0 * quantile_draws(cost, 1, share, seed=seed, resamples=resamples)
            yield estimate(at, draws, n=rounds, undefined="", how=HOW)
    for name, size in _BATCHES.items():
        if size in cost.times.rounds:
            draws = 1.0 / quantile_draws(cost, size, 0.5, seed=seed, resamples=resamples)
            n = len(cost.times.rounds[size])
            yield estimate(EstimateKey(name, cost.model), draws, n=n, undefined="", how=HOW)


def quantile_draws(
    cost: ModelCost, size: int, share: float, *, seed: int, resamples: int
) -> Floats:
    """Return a quantile of the seconds a sentence in every resample of the rounds, `[B + 1]`.

    Rounds are resampled alike for all models, so that ratios of two are paired.
    """
    assert cost.times is not None
    seconds = cost.times.rounds[size]
    return draw_resamples(seed, len(seconds), resamples).quantile(seconds, share)


def ratio_estimates(
    teacher: ModelCost, student: ModelCost, *, seed: int, resamples: int
) -> Iterator[Estimate]:
    """Estimate how many times cheaper a student is than the teacher."""
    for name, size in (("speedup", 1), ("throughput_ratio", 32)):
        at = EstimateKey(name, teacher.model, student.model)
        missing = next((each for each in (teacher, student) if each.times is None), None)
        if missing is not None:
            reason = f"{missing.model}: {missing.reasons[SPEED]}"
            yield undefined_estimate(at, reason)
            continue
        theirs, mine = (
            quantile_draws(each, size, 0.5, seed=seed, resamples=resamples)
            for each in (teacher, student)
        )
        assert teacher.times is not None
        yield estimate(at, theirs / mine, n=len(teacher.times.rounds[size]), undefined="", how=HOW)
    for name, count in _RATIOS.items():
        at = EstimateKey(name, teacher.model, student.model)
        missing = next((each for each in (teacher, student) if count not in each.counts), None)
        if missing is None and student.counts[count]:
            value = teacher.counts[count] / student.counts[count]
            yield Estimate(**vars(at), value=value, n=1)
        elif missing is None:
            yield undefined_estimate(at, f"{student.model} has none to divide by")
        elif count in missing.reasons:
            yield undefined_estimate(at, f"{missing.model}: {missing.reasons[count]}")
