"""Calibration errors and the best temperature, over all resamples at once.

Does: bin confidences, give draws of the expected calibration error, simulate the error of a
perfectly calibrated model, and fit temperatures. Does not: make estimates or charts.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kdprobe.stats.arrays import Bools, Floats, Ints
from kdprobe.stats.bootstrap import Resamples

_SIMULATED_AT_ONCE = 2_000_000  # numbers held at once: 16 MB in float64
_MANY = 5_000  # examples of a bin whose hits are drawn as normal
_COLDEST, _HOTTEST = 0.01, 100.0
_COARSE, _FINE, _NEAR = 41, 65, 17
_MANY_FITTED = 20_000  # examples of which temperatures are looked for around the sample's
_BISECTIONS = 50


def equal_width(confidence: Floats, bins: int) -> Ints:
    """Return each confidence its bin of equal width; a confidence on an edge belongs below it.

    Definition: bin b holds (b/bins, (b+1)/bins] (Guo et al. 2017); 0 itself belongs to the first.
    Differs from: torchmetrics puts a confidence on an edge into the bin above it, and 1 into a bin
    of its own.

    Args:
        confidence: float64 `[n]` in 0..1.
        bins: how many.

    >>> equal_width(np.array([0.0, 0.5, 0.51, 1.0]), 2).tolist()
    [0, 0, 1, 1]
    """
    edges = np.linspace(0.0, 1.0, bins + 1)
    places = np.searchsorted(edges, confidence, side="left") - 1
    return np.clip(places, 0, bins - 1).astype(np.int64)


def equal_mass(confidence: Floats, bins: int) -> Ints:
    """Return each confidence its bin of (nearly) equal numbers; equal confidences stay together.

    Definition: the edges are the b/bins quantiles of the sample's own confidences, right-closed
    (Nixon et al. 2019 split by rank instead, so that the bin of a tie depends on the row order).

    >>> equal_mass(np.array([0.9, 0.6, 0.8, 0.7]), 2).tolist()
    [1, 0, 1, 0]
    """
    levels = np.arange(1, bins) / bins
    edges = np.quantile(confidence, levels, method="inverted_cdf")
    return np.searchsorted(edges, confidence, side="left").astype(np.int64)


def ece_draws(resamples: Resamples, gaps: Floats, members: Ints, *, bins: int) -> Floats:
    """Return the expected calibration error in every resample.

    Definition: sum_b (n_b / N) |accuracy_b - confidence_b| = sum_b |sum_{i in b} gap_i| / N
    (Naeini et al. 2015; Guo et al. 2017).

    Args:
        resamples: of all n examples.
        gaps: float64 `[n]`, 1 for a hit or 0, minus the confidence.
        members: int64 `[n]`, the bin of each example.
        bins: how many.

    Returns:
        float64 `[B + 1]` in 0..1.

    >>> sample = Resamples(np.ones((1, 2), dtype=np.float32))
    >>> ece_draws(sample, np.array([0.25, -0.75]), np.array([0, 1]), bins=2)
    array([0.5])
    """
    spread = np.where(members[:, None] == np.arange(bins), gaps[:, None], 0.0)
    errors: Floats = np.abs(resamples.sums(spread)).sum(axis=1) / resamples.totals
    return errors


def simulate_null(
    confidence: Floats,
    members: Ints,
    *,
    bins: int,
    simulations: int,
    generator: np.random.Generator,
) -> Floats:
    """Simulate the ECE that a perfectly calibrated model of these confidences shows.

    Definition: each prediction is right with exactly the probability it claims, independently; the
    ECE of such outcomes is above 0 by chance alone (comparable to Vaicenavicius et al. 2019).
    Examples are sorted by confidence first, so that their order in the file does not matter. In a
    bin of more than 5,000 examples the number of hits is drawn as normal, of their exact variance.

    Args:
        confidence: float64 `[n]`.
        members: int64 `[n]`, the bin of each example.
        bins: how many.
        simulations: how many outcomes to draw.
        generator: the consumer's own.

    Returns:
        float64 `[simulations]`.
    """
    many = np.bincount(members, minlength=bins) > _MANY
    rest = ~many[members]
    errors = _of_many(confidence, members, many, simulations, generator)
    return errors + _one_by_one(
        confidence[rest], members[rest], bins, simulations, generator, n=len(confidence)
    )


def _of_many(
    confidence: Floats,
    members: Ints,
    many: Bools,
    simulations: int,
    generator: np.random.Generator,
) -> Floats:
    """The part of bins of so many examples that their hits are normal, float64 `[simulations]`."""
    if not many.any():
        return np.zeros(simulations)
    variance = np.bincount(members, confidence * (1.0 - confidence), minlength=len(many))[many]
    gaps = generator.normal(size=(simulations, len(variance))) * np.sqrt(np.maximum(variance, 0.0))
    return np.asarray(np.abs(gaps).sum(axis=1) / len(confidence))


def _one_by_one(
    confidence: Floats,
    members: Ints,
    bins: int,
    simulations: int,
    generator: np.random.Generator,
    *,
    n: int,
) -> Floats:
    """The part of the other bins, outcome by outcome, float64 `[simulations]`."""
    if not len(confidence):
        return np.zeros(simulations)
    order = np.lexsort((members, confidence))
    sure, spread = confidence[order], np.eye(bins)[members[order]]
    claimed = sure @ spread
    step = max(1, _SIMULATED_AT_ONCE // len(sure))
    errors = []
    for start in range(0, simulations, step):
        shape = (min(step, simulations - start), len(sure))
        right = (generator.random(shape) < sure).astype(np.float64)
        errors.append(np.abs(right @ spread - claimed).sum(axis=1) / n)
    return np.concatenate(errors)


class Fit(NamedTuple):
    """Best temperatures and the loss they reach, float64 `[B + 1]` each; NaN where none is best."""

    temperature: Floats
    nll: Floats


class _Terms(NamedTuple):
    """Negative log-likelihood and its slope at some inverse temperatures, `[units, k]`."""

    nll: Floats
    slope: Floats


def _terms(resamples: Resamples, values: Floats, gold: Ints, inverse: Floats) -> _Terms:
    """Evaluate -log softmax(u v)[gold] and its derivative in u for each u of `inverse`.

    Added up in each unit that is drawn, a temperature at a time: no more than that is held.
    """
    relative = values - values[np.arange(len(gold)), gold][:, None]  # the gold class stands at 0
    pooled = []
    for u in inverse.tolist():
        scaled = u * relative
        top = scaled.max(axis=1, keepdims=True)
        scaled -= top
        weights = np.exp(scaled, out=scaled)
        total = weights.sum(axis=1)
        weights *= relative
        both = [top[:, 0] + np.log(total), weights.sum(axis=1) / total]
        pooled.append(resamples.pooled(np.stack(both, axis=1)))
    nll, slope = np.stack(pooled, axis=2).transpose(1, 0, 2)
    return _Terms(np.ascontiguousarray(nll), np.ascontiguousarray(slope))


def _bracket(slopes: Floats) -> tuple[Ints, Bools]:
    """Return where the sign of each row of rising slopes changes: the node before, and whether.

    A loss that has fallen to 0 for good has a slope that rounds to 0: that is no crossing.
    """
    below = (slopes < 0).sum(axis=1)
    inside = (below > 0) & (slopes[:, -1] > 0)
    return np.clip(below - 1, 0, slopes.shape[1] - 2).astype(np.int64), inside


def _exactly(values: Floats, gold: Ints, low: float, high: float) -> tuple[float, float]:
    """Bisect for the best temperature of the sample itself; low and high bound 1/T."""
    sample = Resamples(np.ones((1, len(gold)), dtype=np.float32))
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if _terms(sample, values, gold, np.array([middle])).slope.sum() < 0:
            low = middle
        else:
            high = middle
    best = np.array([(low + high) / 2])
    return float(1.0 / best[0]), float(_terms(sample, values, gold, best).nll.mean())


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
    span = spans(resamples, values, gold, coarse)
    if span is None:
        return Fit(nothing, nothing.copy())
    inside, fine, exactly = span
    slopes, losses = map(resamples.sums_of_units, _terms(resamples, values, gold, fine)[::-1])
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


def _span(resamples: Resamples, values: Floats, gold: Ints, coarse: Floats) -> _Span | None:
    """Look at the whole grid in every resample."""
    node, inside = _bracket(resamples.sums_of_units(_terms(resamples, values, gold, coarse).slope))
    if not inside.any():
        return None
    fine = np.geomspace(coarse[node[inside].min()], coarse[node[inside].max() + 1], _FINE)
    ends = coarse[[node[0], node[0] + 1]]
    return _Span(inside, fine, _exactly(values, gold, *ends) if inside[0] else None)


def _span_of_many(resamples: Resamples, values: Floats, gold: Ints, coarse: Floats) -> _Span | None:
    """Look around the best temperature of the sample, where those of all resamples lie.

    Twice as far as Newton's step from it leads in the resample that it leads farthest in.
    """
    from scipy.optimize import brentq

    sample = Resamples(np.ones((1, len(gold)), dtype=np.float32))

    def slope(u: float) -> float:
        return float(_terms(sample, values, gold, np.array([u])).slope.sum())

    low, high = 0, len(coarse) - 1
    if slope(float(coarse[low])) >= 0 or slope(float(coarse[high])) <= 0:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if slope(float(coarse[middle])) < 0 else (low, middle)
    best = float(brentq(slope, coarse[low], coarse[high], xtol=1e-14, rtol=1e-14))
    near = np.array([best, best * (1.0 + 1e-4)])
    here, further = resamples.sums_of_units(_terms(resamples, values, gold, near).slope).T
    steps = here / ((further - here) / (near[1] - near[0]))
    reach = min(2.0 * float(np.abs(steps).max()), 0.9 * best)
    fine = np.linspace(best - reach, best + reach, _NEAR)
    nll = float(_terms(sample, values, gold, np.array([best])).nll.sum()) / len(gold)
    return _Span(np.ones(len(steps), dtype=bool), fine, (1.0 / best, nll))
