"""The calibration error without the part that chance adds, and an interval that covers it.

Does: estimate the mean squared gap between confidence and share of hits without bias, and give its
confidence distribution, also for clusters. Does not: make estimates or know a study; `calibration`
has the plain ECE and its simulated reference.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kdprobe.stats.arrays import Floats, Ints, ratio
from kdprobe.stats.bootstrap import Resamples
from kdprobe.stats.clustered_tests import cluster_sums

_STEPS = 50


class Bins(NamedTuple):
    """The bins that hold examples, `[b]` each.

    Args:
        weight: the share of all examples.
        size: how many independent examples tell as much as those in it: whole numbers from 1 on.
        claimed: mean confidence.
        right: the share of hits.
    """

    weight: Floats
    size: Ints
    claimed: Floats
    right: Floats


def filled_bins(sure: Floats, hits: Floats, members: Ints, clusters: Ints | None = None) -> Bins:
    """Sum up the bins that hold examples.

    With clusters the sizes are divided by the design effect of the gaps: their cluster-robust
    variance over that of independent hits, both weighed by the bins' shares, 1 at least.

    Args:
        sure: float64 `[n]`, confidences.
        hits: float64 `[n]`, 1 where the prediction is right.
        members: int64 `[n]`, the bin of each example.
        clusters: int64 `[n]`, the cluster of each; None: all are independent.
    """
    place = np.unique(members, return_inverse=True)[1]
    counts = np.bincount(place)
    claimed, right = (np.bincount(place, values) / counts for values in (sure, hits))
    bins = Bins(counts / len(sure), counts.astype(np.int64), claimed, right)
    if clusters is None:
        return bins
    off = hits - sure - (right - claimed)[place]
    sums = cluster_sums(off[:, None] * (place[:, None] == np.arange(len(counts))), clusters)
    robust = (bins.weight * (sums**2).sum(axis=0) / counts**2).sum()
    single = (bins.weight * _noise(bins, right)).sum()
    effect = max(1.0, robust / single) if single else 1.0
    return bins._replace(size=np.maximum(1, np.round(counts / effect)).astype(np.int64))


def _noise(bins: Bins, right: Floats) -> Floats:
    """The variance of a bin's share of hits, without bias; of one hit what its confidence says."""
    alone = bins.size < 2
    spread = right * (1.0 - right) / np.where(alone, 1, bins.size - 1)
    return np.where(alone, bins.claimed * (1.0 - bins.claimed), spread)


def debiased_square(bins: Bins, right: Floats | None = None) -> Floats:
    """Return the mean squared gap of confidence and share of hits, without the part of chance.

    Definition: sum_b (n_b / N) [(right_b - claimed_b)^2 - right_b (1 - right_b) / (n_b - 1)]
    (Kumar, Liang and Ma 2019): its expectation is the squared error of the true shares, so that it
    falls below 0 about as often as above where there is none.

    Args:
        bins: see `filled_bins`.
        right: shares of hits `[..., b]` in place of those of the sample.

    >>> bins = Bins(np.array([1.0]), np.array([5]), np.array([0.8]), np.array([0.6]))
    >>> debiased_square(bins).round(12).item()  # 0.04 - 0.06
    -0.02
    """
    shares = bins.right if right is None else right
    squares: Floats = ((shares - bins.claimed) ** 2 - _noise(bins, shares)) @ bins.weight
    return squares


def square_quantiles(
    bins: Bins, levels: Floats, *, simulations: int, generator: np.random.Generator
) -> Floats:
    """Return quantiles of the confidence distribution of the mean squared gap.

    Definition: the level of a true value is the chance that samples of it give at least the
    estimate at hand (an interval is then all values that a test does not refuse; Cox 1958). Samples
    are binomial hits in each bin, with gaps in proportion to those at hand. Below 0, where there
    are no true values, the distribution is that of the estimate at a true value of 0, moved: an
    interval that lies below 0 says that hits follow confidence more closely than chance would let
    them in 19 of 20 samples of a perfectly calibrated model.

    Args:
        bins: see `filled_bins`.
        levels: in 0..1.
        simulations: samples of each true value.
        generator: the consumer's own.

    Returns:
        float64, as many as levels; unit probability squared.
    """
    value, gaps = float(debiased_square(bins)), bins.right - bins.claimed
    size = float(np.sqrt((bins.weight * gaps**2).sum()))
    direction = gaps / size if size else np.ones_like(gaps)
    noise = bins.claimed * (1.0 - bins.claimed) / bins.size
    spread = (2.0 * noise**2 + 4.0 * noise * gaps**2) * bins.weight**2
    far = 6.0 * float(np.sqrt(spread.sum()))
    low, high = (float(np.sqrt(end)) for end in (max(value - far, 0.0), max(value, 0.0) + far))
    levels_at, true = [], []
    calibrated = np.zeros(0)
    for step in (0.0, *np.linspace(low, high, _STEPS).tolist()):
        shares = np.clip(bins.claimed + step * direction, 0.0, 1.0)
        hits = generator.binomial(bins.size, shares, size=(simulations, len(shares)))
        samples = debiased_square(bins, hits / bins.size)
        calibrated = calibrated if len(calibrated) else samples
        levels_at.append(float((samples >= value).mean()))
        true.append(float((bins.weight * (shares - bins.claimed) ** 2).sum()))
    rising = np.maximum.accumulate(levels_at)
    above: Floats = np.interp(levels, rising, true)
    below = value - np.quantile(calibrated, 1.0 - levels)
    return np.where(levels <= rising[0], below, above)


def rank_squares(resamples: Resamples, gaps: Floats, members: Ints, *, bins: int) -> Floats:
    """Return the mean squared gap in every resample, chance and all, to order resamples by.

    Args:
        resamples: of all n examples.
        gaps: float64 `[n]`, 1 for a hit or 0, minus the confidence.
        members: int64 `[n]`, the bin of each example.
        bins: how many.

    Returns:
        float64 `[B + 1]`.
    """
    spread = np.where(members[:, None] == np.arange(bins), gaps[:, None], 0.0)
    counts = resamples.by_group(members, bins)
    squares = np.where(counts > 0, ratio(resamples.sums(spread) ** 2, counts), 0.0)
    means: Floats = squares.sum(axis=1) / resamples.totals
    return means


def in_order_of(order: Floats, value: float, quantiles: Floats) -> Floats:
    """Return draws with these quantiles, in the order that other draws have.

    Draws of two models keep what they share (the same resamples), so that differences are paired,
    and each by itself has the distribution that covers.

    Args:
        order: float64 `[B + 1]`, the value on the sample first.
        value: the value on the sample.
        quantiles: float64 `[B]`, rising.

    >>> in_order_of(np.array([5.0, 7.0, 3.0]), 0.5, np.array([0.1, 0.9]))
    array([0.5, 0.9, 0.1])
    """
    draws = np.empty(len(order))
    draws[0] = value
    draws[1:][np.argsort(order[1:], kind="stable")] = quantiles
    return draws


def signed_root(squares: Floats) -> Floats:
    """Return the root of each size with its sign: the error in units of probability.

    >>> signed_root(np.array([0.04, -0.01]))
    array([ 0.2, -0.1])
    """
    roots: Floats = np.sign(squares) * np.sqrt(np.abs(squares))
    return roots
