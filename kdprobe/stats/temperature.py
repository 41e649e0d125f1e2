"""The best temperature of a model's outputs, over all resamples at once.

Does: evaluate the loss at many temperatures, and find where it is least. Does not: make estimates.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kdprobe.stats.arrays import Bools, Floats, Ints, blocks_of
from kdprobe.stats.bootstrap import Resamples

_COLDEST, _HOTTEST = 0.01, 100.0
_COARSE, _FINE, _NEAR = 41, 65, 17
_MANY_FITTED = 20_000  # examples of which temperatures are looked for around the sample's
_BISECTIONS = 50


class Fit(NamedTuple):
    """Best temperatures and the loss they reach, float64 `[B + 1]` each; NaN where none is best."""

    temperature: Floats
    nll: Floats


class _Terms(NamedTuple):
    """Negative log-likelihood and its slope at some inverse temperatures, `[units, k]`."""

    nll: Floats
    slope: Floats


def _above_gold(values: Floats, gold: Ints) -> Floats:
    """How far each output lies above that of the gold class, `[n, c]`."""
    return values - values[np.arange(len(gold)), gold][:, None]


def _terms(resamples: Resamples, relative: Floats, inverse: Floats) -> _Terms:
    """Evaluate -log softmax(u v)[gold] and its derivative in u for each u > 0 of `inverse`.

    Added up in each unit that is drawn, a temperature at a time: no more than that is held.

    Args:
        resamples: of the examples.
        relative: what `_above_gold` gives.
        inverse: inverse temperatures, `[k]`.
    """
    largest = relative.max(axis=1)
    blocks, pooled = list(blocks_of(relative)), []
    scaled = np.empty_like(relative[blocks[0]])
    for u in inverse.tolist():
        top, both = u * largest, np.empty((len(relative), 2))
        for rows in blocks:
            part = relative[rows]
            weights = np.multiply(part, u, out=scaled[: len(part)])
            weights -= top[rows, None]
            np.exp(weights, out=weights)
            total = weights.sum(axis=1)
            weights *= part
            both[rows, 0] = top[rows] + np.log(total)
            both[rows, 1] = weights.sum(axis=1) / total
        pooled.append(resamples.pooled(both))
    nll, slope = np.stack(pooled, axis=2).transpose(1, 0, 2)
    return _Terms(np.ascontiguousarray(nll), np.ascontiguousarray(slope))


def _bracket(slopes: Floats) -> tuple[Ints, Bools]:
    """Return where the sign of each row of rising slopes changes: the node before, and whether.

    A loss that has fallen to 0 for good has a slope that rounds to 0: that is no crossing.
    """
    below = (slopes < 0).sum(axis=1)
    inside = (below > 0) & (slopes[:, -1] > 0)
    return np.clip(below - 1, 0, slopes.shape[1] - 2).astype(np.int64), inside


def _exactly(relative: Floats, low: float, high: float) -> tuple[float, float]:
    """Bisect for the best temperature of the sample itself; low and high bound 1/T."""
    sample = Resamples(np.ones((1, len(relative)), dtype=np.float32))
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if _terms(sample, relative, np.array([middle])).slope.sum() < 0:
            low = middle
        else:
            high = middle
    best = np.array([(low + high) / 2])
    return float(1.0 / best[0]), float(_terms(sample, relative, best).nll.mean())


def fit_temperatures(resamples: Resamples, values: Floats, gold: Ints) -> Fit:
    """Find the temperature that minimises the negative log-likelihood, in every resample.

    Definition: T = argmin mean -log softmax(v / T)[gold] (Guo et al. 2017). The loss is convex in
    u = 1/T, so its slope crosses 0 at most once. Slopes are evaluated per example on a grid of u,
    summed over all resamples by one matrix product, and the crossing is found by linear
    interpolation on a second grid that spans all crossings of the first; for the sample itself by
    bisection, to the last digit. Above 20,000 examples the grid lies around the best temperature of
    the sample, where those of all resamples are.

    Args:
        resamples: of all n examples.
        values: float64 `[n, c]`, logits or log-probabilities.
        gold: int64 `[n]`.

    Returns:
        Temperatures in 0.01..100 and nats; NaN where the loss falls to the end of that range, as it
        does for a model that is always right (T to 0) or no better than chance (T to infinity).
    """
    coarse = np.geomspace(1.0 / _HOTTEST, 1.0 / _COLDEST, _COARSE)
    spans = _span_of_many if resamples.n > _MANY_FITTED else _span
    nothing = np.full(len(resamples.counts), np.nan)
    relative = _above_gold(values, gold)
    span = spans(resamples, relative, coarse)
    if span is None:
        return Fit(nothing, nothing.copy())
    inside, fine, exactly = span
    slopes, losses = map(resamples.sums_of_units, _terms(resamples, relative, fine)[::-1])
    node, within = _bracket(slopes)
    rows = np.arange(len(node))
    rise, width = slopes[rows, node + 1] - slopes[rows, node], fine[node + 1] - fine[node]
    crossed = inside & within & (rise > 0)
    part = np.divide(-slopes[rows, node], rise, out=nothing.copy(), where=crossed)
    inverse = fine[node] + part * width
    best = losses[rows, node] + slopes[rows, node] * part * width / 2  # the slope falls to 0
    temperature, nll = 1.0 / inverse, best / resamples.totals
    if exactly is not None:
        temperature[0], nll[0] = exactly
    return Fit(temperature, nll)


class _Span(NamedTuple):
    """Where slopes cross 0: which resamples have a crossing, the inverse temperatures to look at.

    `exactly` is the best temperature of the sample itself and its loss; None where it has none.
    """

    inside: Bools
    fine: Floats
    exactly: tuple[float, float] | None


def _span(resamples: Resamples, relative: Floats, coarse: Floats) -> _Span | None:
    """Look at the whole grid in every resample."""
    node, inside = _bracket(resamples.sums_of_units(_terms(resamples, relative, coarse).slope))
    if not inside.any():
        return None
    fine = np.geomspace(coarse[node[inside].min()], coarse[node[inside].max() + 1], _FINE)
    ends = coarse[[node[0], node[0] + 1]]
    return _Span(inside, fine, _exactly(relative, *ends) if inside[0] else None)


def _span_of_many(resamples: Resamples, relative: Floats, coarse: Floats) -> _Span | None:
    """Look around the best temperature of the sample, where those of all resamples lie.

    Twice as far as Newton's step from it leads in the resample that it leads farthest in.
    """
    from scipy.optimize import brentq

    sample = Resamples(np.ones((1, len(relative)), dtype=np.float32))

    def slope(u: float) -> float:
        return float(_terms(sample, relative, np.array([u])).slope.sum())

    low, high = 0, len(coarse) - 1
    if slope(float(coarse[low])) >= 0 or slope(float(coarse[high])) <= 0:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if slope(float(coarse[middle])) < 0 else (low, middle)
    best = float(brentq(slope, coarse[low], coarse[high], xtol=1e-14, rtol=1e-14))
    near = np.array([best, best * (1.0 + 1e-4)])
    here, further = resamples.sums_of_units(_terms(resamples, relative, near).slope).T
    steps = here / ((further - here) / (near[1] - near[0]))
    reach = min(2.0 * float(np.abs(steps).max()), 0.9 * best)
    fine = np.linspace(best - reach, best + reach, _NEAR)
    nll = float(_terms(sample, relative, np.array([best])).nll.sum()) / len(relative)
    return _Span(np.ones(len(steps), dtype=bool), fine, (1.0 / best, nll))
