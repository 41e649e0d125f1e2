"""Selective prediction: how good the answers are that a model is surest of, and how many may stand.

Does: curves of coverage against the share of good answers, the area under them beside chance and
oracle, and the threshold of confidence that guarantees a share. Does not: know a model or a study;
an answer is good when it is the teacher's, or the gold label: the caller says which.

A threshold takes every example of at least that confidence, so equal confidences stand together.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kdprobe.stats.arrays import Bools, Floats, Ints
from kdprobe.stats.bootstrap import Resamples
from kdprobe.stats.hypothesis_tests import fewest_trials, lower_bound

_MANY = 20_000  # examples from which on confidences are counted in groups
_GROUPS = 200
_CHUNK = 64  # rows that fit the cache: twice as fast as 256


class CoverageCurve(NamedTuple):
    """The answers at or above each confidence, from the highest down.

    Args:
        thresholds: the distinct confidences, descending, float64 `[g]`.
        answered: how many examples have at least that confidence, int64 `[g]`.
        good: how many of their answers are good, int64 `[g]`.
    """

    thresholds: Floats
    answered: Ints
    good: Ints


def coverage_curve(confidence: Floats, good: Bools) -> CoverageCurve:
    """Count answers, and good ones, at every threshold of confidence.

    >>> curve = coverage_curve(np.array([0.5, 0.9, 0.9]), np.array([False, True, False]))
    >>> curve.thresholds.tolist(), curve.answered.tolist(), curve.good.tolist()
    ([0.9, 0.5], [2, 3], [1, 1])
    """
    thresholds, members = np.unique(-confidence, return_inverse=True)
    answered = np.cumsum(np.bincount(members, minlength=len(thresholds)))
    right = np.cumsum(np.bincount(members, good, minlength=len(thresholds)))
    return CoverageCurve(-thresholds, answered.astype(np.int64), right.astype(np.int64))


class Areas(NamedTuple):
    """Areas under curves of coverage against the share of good answers, float64 `[B + 1]` each.

    `area` is the model's, `chance` that of a confidence that says nothing, `oracle` that of one
    that puts every good answer above every other.
    """

    area: Floats
    chance: Floats
    oracle: Floats

    @property
    def excess(self) -> Floats:
        """What the order of confidences costs: oracle minus area, 0 at best."""
        return self.oracle - self.area

    @property
    def normalised(self) -> Floats:
        """0 for chance, 1 for the oracle; NaN where all answers are good, or none is."""
        room = self.oracle - self.chance
        share: Floats = np.divide(
            self.area - self.chance, room, out=np.full(len(room), np.nan), where=room > 1e-12
        )
        return share


def area_draws(resamples: Resamples, confidence: Floats, good: Bools) -> Areas:
    """Return the areas in every resample.

    Definition: the mean over i = 1..n of the share of good answers among the i surest: 1 - AURC;
    `excess` is the excess AURC (Geifman, Uziel and El-Yaniv 2019). Within equal confidences the
    expectation over their orders counts, so that no order of rows moves a number: from (k0, r0) to
    (k1, r1) answers and good answers, sum of (r0 + (i - k0) s) / i with s = (r1 - r0) / (k1 - k0),
    a difference of harmonic numbers.

    Above 20,000 examples, resamples are counted in 200 groups of neighbouring confidences, each
    taken for equal; the value on the sample stays exact, and its draws lie around it as they lie
    around that of the groups.

    Args:
        resamples: of all n examples.
        confidence: float64 `[n]`.
        good: bool `[n]`.

    >>> sample = Resamples(np.ones((1, 2), dtype=np.float32))
    >>> areas = area_draws(sample, np.array([0.9, 0.6]), np.array([False, True]))
    >>> areas.area.tolist(), areas.chance.tolist(), areas.oracle.tolist()
    ([0.25], [0.5], [0.75])
    """
    order = np.argsort(-confidence, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(confidence[order]) != 0])
    harmonic = np.r_[0.0, np.cumsum(1.0 / np.arange(1, int(resamples.totals.max()) + 1))]
    if resamples.n > _MANY:
        return _in_groups(resamples, order, starts, good, harmonic)
    parts = []
    units = order if resamples.unit_of is None else resamples.unit_of[order]
    for row in range(0, len(resamples.counts), _CHUNK):
        counts = np.take(resamples.counts[row : row + _CHUNK], units, axis=1)
        answered, right = (
            np.cumsum(np.add.reduceat(each, starts, axis=1, dtype=np.float64), axis=1)
            for each in (counts, counts * good[order])
        )
        parts.append(_areas(answered, right, harmonic))
    return Areas(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def _in_groups(
    resamples: Resamples,
    order: NDArray[np.intp],
    starts: NDArray[np.intp],
    good: Bools,
    harmonic: Floats,
) -> Areas:
    """Count confidences in groups of neighbours, equal ones together; see `area_draws`."""
    n = resamples.n
    sizes = np.diff(starts, append=n)
    groups = np.empty(n, dtype=np.int64)
    groups[order] = np.repeat(starts * _GROUPS // n, sizes)
    answered = np.cumsum(resamples.by_group(groups, _GROUPS), axis=1)
    right = np.cumsum(resamples.within(good).by_group(groups[good], _GROUPS), axis=1)
    coarse = _areas(answered, right, harmonic)
    each = np.cumsum(sizes, dtype=np.float64)[None, :]
    hits = np.cumsum(np.add.reduceat(good[order], starts, dtype=np.float64))[None, :]
    exact = _areas(each, hits, harmonic).area[0]
    return coarse._replace(area=coarse.area + (exact - coarse.area[0]))


def _areas(answered: Floats, right: Floats, harmonic: Floats) -> Areas:
    """Add up the groups of equal confidence, `[draws, groups]` running counts each."""
    n, most = answered[:, -1], right[:, -1]
    new, new_right = (np.diff(each, axis=1, prepend=0.0) for each in (answered, right))
    slope = np.divide(new_right, new, out=np.zeros_like(new), where=new > 0)
    places = answered.astype(np.int64)
    rise = np.diff(harmonic[places], axis=1, prepend=0.0)
    offset = right - new_right - slope * (answered - new)
    area = (most + (offset * rise).sum(axis=1)) / n
    left = harmonic[places[:, -1]] - harmonic[most.astype(np.int64)]
    return Areas(area, most / n, (most + most * left) / n)


def first_size(n: int, target: float, delta: float) -> int:
    """Return how many of n answers the first step of a sequence of tests takes.

    Definition: the fewest that meet the target when half as many are bad as the target allows, so
    that one early bad answer does not end the sequence; at least a fifth and at most half of the n,
    but never fewer than meet the target without a bad answer, with room for two halves' counts to
    differ (two standard deviations of a difference of two such counts).

    >>> first_size(1000, 0.95, 0.05), first_size(500, 0.95, 0.05), first_size(100, 0.95, 0.05)
    (200, 153, 81)
    """
    least = fewest_trials(target, delta)
    least += math.ceil(2 * math.sqrt(2 * least))
    bad = 0
    while (size := fewest_trials(target, delta, misses=bad)) * (1 - target) / 2 >= bad + 1:
        bad += 1
    return max(least, min(size, n // 2), n // 5)


def threshold_grid(confidence: Floats, first: int, steps: int) -> Floats:
    """Return the thresholds that are tested, descending; the last, 0, answers everything.

    Args:
        confidence: of examples other than those that are tested on, float64 `[n]`: a grid that
            depends on what is tested would make every bound too high.
        first: how many examples the first threshold takes.
        steps: how many thresholds at most, at equal steps of coverage.

    >>> threshold_grid(np.array([0.9, 0.6, 0.7, 0.8]), 2, 3).tolist()
    [0.8, 0.7, 0.0]
    """
    falling = -np.sort(-confidence)
    sizes = np.linspace(first, len(falling), steps).round().astype(np.int64)
    inside = falling[sizes[sizes < len(falling)] - 1]
    return np.append(-np.unique(-inside[inside > falling[-1]]), 0.0)


class Sequence(NamedTuple):
    """A sequence of tests, one a threshold, from the fewest answers to the most.

    Args:
        thresholds, answered, good, bounds: of every threshold of the grid, `[m]` each.
        passed: how many met the target before the first that did not.
    """

    thresholds: Floats
    answered: Ints
    good: Ints
    bounds: Floats
    passed: int


def fixed_sequence(
    thresholds: Floats, confidence: Floats, good: Bools, *, target: float, delta: float
) -> Sequence:
    """Test thresholds in a fixed order, and stop at the first whose bound misses the target.

    Definition: fixed-sequence testing (Bauer 1991; Learn then Test, Angelopoulos et al. 2021). The
    first threshold whose true share lies below the target is passed with a chance of at most delta,
    and none after it is reached otherwise: so the last that passes is good with chance 1 - delta,
    whatever the shape of the curve, and no price is paid for choosing.

    Args:
        thresholds: descending, fixed without a look at `good`; see `threshold_grid`.
        confidence: of the examples tested on, float64 `[n]`.
        good: whether their answers are good, bool `[n]`.
        target: the share to be guaranteed, in 0..1.
        delta: the chance of being wrong.

    >>> sure = np.linspace(1, 0.5, 100)
    >>> tested = fixed_sequence(
    ...     np.array([0.7, 0.0]), sure, sure > 0.6, target=0.9, delta=0.05)
    >>> tested.answered.tolist(), tested.good.tolist(), tested.passed
    ([60, 100], [60, 80], 1)
    """
    curve = coverage_curve(confidence, good)
    places = np.searchsorted(-curve.thresholds, -thresholds, side="right")
    answered, right = (np.r_[0, each][places] for each in (curve.answered, curve.good))
    bounds = lower_bound(right, answered, delta)
    met = np.append(bounds >= target, False)
    return Sequence(thresholds, answered, right, bounds, int(np.argmin(met)))
