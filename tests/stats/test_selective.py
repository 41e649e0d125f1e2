"""Selective prediction: areas over all orders of ties, exact bounds, and a guarantee enumerated."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from statsmodels.stats.proportion import proportion_confint

from kdprobe.stats import selective
from kdprobe.stats.arrays import Bools, Floats
from kdprobe.stats.bootstrap import Resamples, draw_resamples, whole_sample
from kdprobe.stats.hypothesis_tests import clopper_pearson, fewest_trials, lower_bound
from tests.analysis.studies import quick

answers = st.lists(
    st.tuples(st.sampled_from([0.5, 0.6, 0.7, 0.9]), st.booleans()), min_size=1, max_size=6
)


def apart(rows: list[tuple[float, bool]]) -> tuple[Floats, Bools]:
    return np.array([sure for sure, _ in rows]), np.array([good for _, good in rows])


def area_of_order(good: Bools) -> float:
    """The mean share of good answers among the first i, as a person would count it."""
    return float(np.mean([np.mean(good[: i + 1]) for i in range(len(good))]))


@given(answers)
@quick
def test_equal_confidences_count_as_all_their_orders(rows: list[tuple[float, bool]]):
    """Guards an area that the order of the rows moves: a file sorted by label would look better."""
    sure, good = apart(rows)
    areas = selective.area_draws(whole_sample(len(rows)), sure, good)
    sorted_orders = [
        good[list(order)]
        for order in permutations(range(len(rows)))
        if (np.diff(sure[list(order)]) <= 0).all()
    ]
    assert areas.area[0] == pytest.approx(np.mean([area_of_order(o) for o in sorted_orders]))
    every = [area_of_order(good[list(order)]) for order in permutations(range(len(rows)))]
    assert areas.chance[0] == pytest.approx(np.mean(every))
    assert areas.oracle[0] == pytest.approx(max(every))
    assert areas.excess[0] >= -1e-12
    flat = selective.area_draws(whole_sample(len(rows)), np.ones(len(rows)), good)
    assert flat.area[0] == pytest.approx(good.mean())


@given(st.integers(0, 100))
@quick
def test_a_resample_is_the_sample_with_rows_repeated(seed: int):
    """Guards draws of another statistic than the value: the interval would be of something else."""
    generator = np.random.default_rng(seed)
    n = int(generator.integers(2, 30))
    sure, good = generator.integers(0, 8, n) / 8, generator.random(n) < 0.7
    resamples = draw_resamples(seed, n, 5)
    areas = selective.area_draws(resamples, sure, good)
    for row, counts in enumerate(resamples.counts.astype(int)):
        rows = np.repeat(np.arange(n), counts)
        alone = selective.area_draws(whole_sample(n), sure[rows], good[rows])
        for one, whole in zip(alone, areas, strict=True):
            assert whole[row] == pytest.approx(one[0])


def test_areas_by_hand():
    """Good, bad, good by falling confidence: (1 + 1/2 + 2/3) / 3; oracle (1 + 1 + 2/3) / 3."""
    areas = selective.area_draws(
        whole_sample(3), np.array([0.7, 0.9, 0.8]), np.array([True, True, False])
    )
    assert areas.area[0] == pytest.approx(13 / 18)
    assert areas.chance[0] == pytest.approx(2 / 3)
    assert areas.oracle[0] == pytest.approx(8 / 9)
    assert areas.excess[0] == pytest.approx(1 / 6)
    assert areas.normalised[0] == pytest.approx(1 / 4)
    all_good = selective.area_draws(whole_sample(3), np.array([0.7, 0.9, 0.8]), np.ones(3, bool))
    assert np.isnan(all_good.normalised[0])
    assert all_good.excess[0] == 0


def test_a_subset_of_a_resample_may_hold_more_rows_than_the_sample():
    """Guards an index beyond the table of harmonic numbers, where clusters or subsets are drawn."""
    counts = np.array([[1, 1], [5, 4]], dtype=np.float32)
    areas = selective.area_draws(Resamples(counts), np.array([0.9, 0.8]), np.array([True, False]))
    alone = selective.area_draws(
        whole_sample(9), np.repeat([0.9, 0.8], [5, 4]), np.repeat([True, False], [5, 4])
    )
    assert areas.area[1] == pytest.approx(alone.area[0])


@pytest.mark.parametrize("delta", [0.05, 0.01, 0.3])
def test_the_bound_is_that_of_scipy_and_statsmodels(delta: float):
    """Guards a bound a hair too high: the guarantee would be broken more often than it says."""
    for n in (1, 7, 59, 400):
        for good in {0, 1, n // 2, n - 1, n}:
            bound = lower_bound(np.array([good]), np.array([n]), delta)[0]
            exact = binomtest(good, n, alternative="greater").proportion_ci(1 - delta).low
            assert bound == pytest.approx(exact, abs=1e-9)
            low, high = clopper_pearson(np.array([good]), np.array([n]), level=1 - 2 * delta)
            expected = proportion_confint(good, n, alpha=2 * delta, method="beta")
            assert (low[0], high[0]) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("target", [0.5, 0.9, 0.95, 0.99])
@pytest.mark.parametrize("delta", [0.05, 0.2])
def test_the_fewest_answers_are_found_by_counting_up(target: float, delta: float):
    """Guards a first step that no answers could pass, so that nothing is ever guaranteed."""
    for bad in (0, 1, 4):
        n = next(
            n
            for n in range(bad + 1, 5000)
            if lower_bound(np.array([n - bad]), np.array([n]), delta)[0] >= target
        )
        assert fewest_trials(target, delta, misses=bad) == n
    for n in (40, 100, 1000, 50_000):
        first = selective.first_size(n, target, delta)
        assert first >= fewest_trials(target, delta)
        assert first >= n // 5


def test_a_threshold_takes_all_of_equal_confidence():
    """Guards a grid that splits ties by the order of the rows."""
    sure = np.array([0.9] * 5 + [0.8] * 5)
    grid = selective.threshold_grid(sure, 2, 4)
    assert grid.tolist() == [0.9, 0.0]
    tests = selective.fixed_sequence(grid, sure, sure > 0, target=0.5, delta=0.3)
    assert tests.answered.tolist() == [5, 10]
    assert selective.threshold_grid(sure, 30, 4).tolist() == [0.0]


@given(st.integers(0, 10_000))
@quick
def test_the_sequence_stops_at_the_first_that_misses(seed: int):
    """Guards going on after a miss: choosing the best of many bounds breaks the guarantee."""
    generator = np.random.default_rng(seed)
    sure, good = generator.integers(0, 20, 60) / 20, generator.random(60) < 0.8
    grid = selective.threshold_grid(generator.random(60), 5, 12)
    tests = selective.fixed_sequence(grid, sure, good, target=0.6, delta=0.2)
    passed = 0
    for threshold in grid:
        taken = sure >= threshold
        hits = int((taken & good).sum())
        p = binomtest(hits, int(taken.sum()), 0.6, alternative="greater").pvalue if hits else 1.0
        if p > 0.2:
            break
        passed += 1
    assert tests.passed == passed


@given(st.integers(0, 10_000), st.sampled_from([0.1, 0.25]))
@quick
def test_the_guarantee_holds_over_every_outcome(seed: int, delta: float):
    """Guards a rule that promises more than it keeps: all 2^10 outcomes, with their chances."""
    generator = np.random.default_rng(seed)
    sure = generator.integers(0, 6, 10) / 6
    chance = generator.choice([0.3, 0.5, 0.69, 0.9], 6)
    grid = selective.threshold_grid(generator.integers(0, 6, 10) / 6, 3, 5)
    # Given the confidences, the agreement above a threshold is the mean over the examples there.
    p = chance[(sure * 6).round().astype(int)]
    broken = 0.0
    for outcome in product([False, True], repeat=10):
        good = np.array(outcome)
        tests = selective.fixed_sequence(grid, sure, good, target=0.7, delta=delta)
        if tests.passed:
            taken = sure >= grid[tests.passed - 1]
            if p[taken].mean() < 0.7:
                broken += float(np.prod(np.where(good, p, 1 - p)))
    assert broken <= delta + 1e-12
