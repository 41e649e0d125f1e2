"""From a study to draws, and from draws to estimates: what every analysis makes numbers with.

Does: give a study's one resample matrix, average a statistic over the runs of models, and make an
`Estimate` of its draws. Does not: know any metric; the analyses do.

Every statistic is a function to draws `float64[B + 1]`: the value on the sample itself stands
first, so that point value and interval come from the same code (`kdprobe.stats.bootstrap`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import numpy as np

from kdprobe.observations.predictions import Population, Predictions
from kdprobe.observations.study import Study
from kdprobe.results.schema import Estimate
from kdprobe.stats.arrays import Floats
from kdprobe.stats.bootstrap import (
    LEVEL,
    Resamples,
    draw_resamples,
    draw_run_weights,
    interval,
    mean_over_runs,
)
from kdprobe.tasks.task import Split

HOW = "paired bootstrap over examples, percentile"
THREE = "rule of three"
THREE_OF_CLUSTERS = f"{THREE} over clusters"


def resamples_of(study: Study, part: Split | None = None) -> Resamples:
    """Return the run's one resample matrix; drawn once, the same for every analysis.

    Args:
        study: the examples, the seed and B.
        part: some of the examples, where an observation was made of those alone.
    """
    split = study.split if part is None else part
    clusters = None if split.clusters is None else tuple(split.clusters.tolist())
    return draw_resamples(study.seed, len(split), study.resamples, clusters)


def _run_weights(study: Study, population: Population) -> Floats:
    return draw_run_weights(study.seed, population.name, len(population.runs), study.resamples)


def draws_of(
    study: Study, population: Population, statistic: Callable[[Predictions], Floats]
) -> Floats:
    """Average a statistic over the runs of a model, in every resample.

    Args:
        study: gives the seed and the number of resamples.
        population: one model with one or more runs.
        statistic: the draws `float64[B + 1]` of one run.

    Returns:
        float64 `[B + 1]`, the value on the sample first; NaN where undefined.
    """
    values = np.stack([statistic(run) for run in population.runs])
    return mean_over_runs(values, _run_weights(study, population))


def pair_draws_of(
    study: Study,
    a: Population,
    b: Population,
    statistic: Callable[[Predictions, Predictions], Floats],
) -> Floats:
    """Average a statistic of two models over all pairs of their runs, in every resample."""
    values = np.stack([statistic(run, other) for run in a.runs for other in b.runs])
    left, right = _run_weights(study, a), _run_weights(study, b)
    weights = (left[:, :, None] * right[:, None, :]).reshape(len(left), -1)
    return mean_over_runs(values, weights)


@dataclass(frozen=True)
class EstimateKey:
    """Where a number stands: the coordinates of an estimate, the columns of `metrics.csv`."""

    metric: str
    model_a: str
    model_b: str = ""
    subset: str = "all"
    layer: str = ""
    pooling: str = ""
    method: str = ""


_KEPT: ContextVar[dict[EstimateKey, Floats] | None] = ContextVar("kept draws", default=None)


@contextmanager
def kept_draws() -> Iterator[dict[EstimateKey, Floats]]:
    """Keep the draws behind every estimate that is made in a block, by its coordinates.

    >>> with kept_draws() as held:
    ...     number = estimate(EstimateKey("gap", "t"), np.array([0.5, 0.25]), n=9, undefined="")
    >>> held[EstimateKey("gap", "t")].tolist()
    [0.5, 0.25]
    """
    held: dict[EstimateKey, Floats] = {}
    token = _KEPT.set(held)
    try:
        yield held
    finally:
        _KEPT.reset(token)


def estimate(
    at: EstimateKey,
    draws: Floats,
    *,
    n: int,
    undefined: str,
    share: bool = False,
    clusters: int | None = None,
    p_value: float | None = None,
    how: str = HOW,
) -> Estimate:
    """Make an estimate of a statistic's draws.

    Args:
        at: the coordinates of the number.
        draws: float64 `[B + 1]`, the value on the sample first; NaN where undefined.
        n: the number of examples behind the value.
        undefined: the reason given when the value on the sample is NaN.
        share: whether the value is a share of the n examples; a share of exactly 0 or 1 then gets
            the rule-of-three bound 3/n instead of an interval of no width.
        clusters: in how many clusters those examples lie, which then stands for n in that bound;
            None: they are independent.
        p_value: of the test that belongs to this number, in 0..1.
        how: how the interval was made.

    >>> estimate(EstimateKey("agreement", "t"), np.ones(11), n=30, undefined="", share=True).low
    0.9
    """
    kept = _KEPT.get()
    if kept is not None:
        kept[at] = draws
    value = float(draws[0])
    if not np.isfinite(value):
        return Estimate(**vars(at), n=n, undefined=undefined)
    bounds = interval(np.clip(draws, 0.0, 1.0) if share else draws)
    # The resampled share of a sample without a single error never moves: an interval of no width
    # would claim certainty. 3/n is the 95 % bound for an event not seen in n tries.
    if share and n and value in (0.0, 1.0):
        reach = min(1.0, 3 / (clusters or n))
        bounds = (1 - reach, 1.0) if value == 1.0 else (0.0, reach)
        how = THREE_OF_CLUSTERS if clusters else THREE
    return Estimate(
        **vars(at),
        value=value,
        low=bounds[0] if bounds else None,
        high=bounds[1] if bounds else None,
        level=LEVEL,
        interval=how if bounds else "",
        n=n,
        p_value=p_value,
        note=_caveat(bounds),
    )


def _caveat(bounds: tuple[float, float] | None) -> str:
    if bounds is None:
        return "no interval: undefined in more than 1 of 10 resamples"
    if bounds[0] == bounds[1]:
        return "the value is the same in every resample: the interval understates the uncertainty"
    return ""


def undefined_estimate(at: EstimateKey, reason: str, *, n: int | None = None) -> Estimate:
    """Make the estimate of a number that does not exist here, with the reason."""
    return Estimate(**vars(at), n=n, undefined=reason)
