"""Calibration errors over all resamples at once.

Does: bin confidences, give draws of the expected calibration error, and simulate the error of a
perfectly calibrated model. Does not: fit temperatures (`temperature.py`), or make estimates.
"""

from __future__ import annotations

import numpy as np

from kdprobe.stats.arrays import Bools, Floats, Ints
from kdprobe.stats.bootstrap import Resamples

_SIMULATED_AT_ONCE = 2_000_000  # numbers held at once: 16 MB in float64
_MANY = 5_000  # examples of a bin whose hits are drawn as normal


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
