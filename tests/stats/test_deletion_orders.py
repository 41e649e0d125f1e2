"""Orders of deletions: limits against every permutation, and what lies between them."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from kdprobe.stats.arrays import Floats
from kdprobe.stats.deletion_orders import aopc, normalised, order_limits, random_aopc

games = st.integers(1, 6).flatmap(
    lambda n: arrays(np.float64, 2**n, elements=st.floats(0, 1, width=32))
)


def by_hand(values: Floats, order: tuple[int, ...]) -> float:
    """The area as DeYoung et al. write it: take words away one by one, and average the falls."""
    left, falls = set(range(len(order))), []
    for word in order:
        left.remove(word)
        falls.append(values[-1] - values[sum(1 << w for w in left)])
    return float(np.mean(falls))


@given(games)
@settings(max_examples=60, deadline=None)
def test_the_limits_are_those_of_all_orders(values: Floats):
    """Guards a limit that an order beats, or that none attains: normalised would leave 0..1."""
    n = len(values).bit_length() - 1
    areas = [by_hand(values, order) for order in permutations(range(n))]
    limits = order_limits(values)
    assert limits.low == pytest.approx(min(areas), abs=1e-12)
    assert limits.high == pytest.approx(max(areas), abs=1e-12)
    assert random_aopc(values) == pytest.approx(np.mean(areas), abs=1e-12)
    ours = np.array([aopc(values, order) for order in permutations(range(n))])
    assert ours == pytest.approx(areas, abs=1e-12)
    shares = normalised(ours, *(np.full(len(ours), end) for end in limits))
    if max(areas) - min(areas) > 1e-6:
        assert shares.min() == pytest.approx(0, abs=1e-6)
        assert shares.max() == pytest.approx(1, abs=1e-6)
        assert ((shares >= 0) & (shares <= 1)).all()
    elif max(areas) - min(areas) < 9e-7:
        assert np.isnan(shares).all()


@pytest.mark.parametrize("n", [7, 8])
def test_eight_words_against_40320_orders(n: int):
    """Guards a programme that is right only where sets are few."""
    values = np.random.default_rng(n).random(2**n)
    orders = np.array(list(permutations(range(n))))
    left = 2**n - 1 - np.cumsum(1 << orders, axis=1)
    areas = values[-1] - values[left].mean(axis=1)
    limits = order_limits(values)
    assert limits == pytest.approx((areas.min(), areas.max()), abs=1e-12)
    assert random_aopc(values) == pytest.approx(areas.mean(), abs=1e-12)


def test_an_additive_model_by_hand():
    """V = 1/2, 1/4, 1/8 for three words: the best order deletes the greatest first.

    Best: what is left is 3/8, 1/8, 0: 7/8 - 1/6; worst: 6/8, 4/8, 0: 7/8 - 5/12.
    """
    worth = np.array([1 / 2, 1 / 4, 1 / 8])
    values = ((np.arange(8)[:, None] >> np.arange(3)) & 1) @ worth
    limits = order_limits(values)
    assert limits == pytest.approx((7 / 8 - 5 / 12, 7 / 8 - 1 / 6))
    assert aopc(values, [0, 1, 2]) == pytest.approx(limits.high)
    assert aopc(values, [2, 1, 0]) == pytest.approx(limits.low)


def test_one_word_and_a_model_that_never_moves():
    """Guards 0 / 0: one order alone, or limits that rounding alone sets apart."""
    one = order_limits(np.array([0.25, 0.75]))
    assert one == (0.5, 0.5)
    flat = order_limits(np.full(8, 0.9) + 1e-8 * np.arange(8))
    shares = normalised(
        np.array([0.5, flat.low]), np.array([one.low, flat.low]), np.array([one.high, flat.high])
    )
    assert np.isnan(shares).all()
