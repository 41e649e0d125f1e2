"""Tests of the three words that a paired interval allows."""

import math
from statistics import NormalDist

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kdprobe.results.schema import Estimate
from kdprobe.results.states import BETTER, MARGIN, SAME, STATES, UNTOLD, WORSE, State, state_of

ENDS = st.floats(-1, 1).map(lambda end: round(end, 4))


def difference(value: float, low: float | None, high: float | None, n: int = 1000) -> Estimate:
    return Estimate(metric="d", model_a="t", model_b="s", value=value, low=low, high=high, n=n)


def known(number: Estimate) -> State:
    state = state_of(number)
    assert state is not None
    return state


@given(ENDS, ENDS)
def test_the_words_follow_the_definition(one: float, other: float):
    """A word that does not follow from the interval is an opinion."""
    low, high = sorted((one, other))
    assume(low != high)
    expected = (
        SAME if abs(low) <= MARGIN and abs(high) <= MARGIN
        else WORSE if high < 0 else BETTER if low > 0 else UNTOLD
    )  # fmt: skip
    assert known(difference((low + high) / 2, low, high)).word == expected


@given(ENDS, ENDS)
def test_the_other_side_sees_the_opposite(one: float, other: float):
    """The teacher is worse where the student is better; same and untold stay what they are."""
    low, high = sorted((one, other))
    opposite = {WORSE: BETTER, BETTER: WORSE, SAME: SAME, UNTOLD: UNTOLD}
    there = known(difference((low + high) / 2, low, high)).word
    back = known(difference(-(low + high) / 2, -high, -low)).word
    assert back == opposite[there]
    assert there in STATES


def test_the_smallest_difference_is_that_of_the_normal_test():
    """80 % power at 5 %: 1.96 + .84 standard errors (`paired_tests` says 2.8 sqrt(d / N))."""
    error = math.sqrt(0.12 / 1043)  # d = .12 of 1,043 examples that only one gets right
    half = NormalDist().inv_cdf(0.975) * error
    smallest = known(difference(-0.01, -0.01 - half, -0.01 + half, 1043)).smallest
    assert smallest == pytest.approx(2.8 * error, rel=1e-4)


def test_few_examples_that_agree_do_not_prove_that_all_do():
    """A bootstrap of 5 equal predictions has an interval of no width: `same` of 5 is no finding."""
    few, many = known(difference(0.0, 0.0, 0.0, 5)), known(difference(0.0, 0.0, 0.0, 150))
    assert (few.word, many.word) == (UNTOLD, SAME)
    assert few.smallest == pytest.approx(3 / 5 * (1.96 + 0.84) / 1.96, rel=1e-3)


def test_a_count_at_the_margin_is_within_it():
    """4 of 200 examples are .02; as a difference of two floats they are .020000000000000018."""
    assert known(difference(0.0, 0.78 - 0.8, 0.82 - 0.8, 200)).word == SAME


def test_no_interval_decides_nothing():
    """Without an interval every difference may be noise; without a difference there is no state."""
    assert known(difference(-0.5, None, None)) == State(UNTOLD)
    assert state_of(None) is None
    undefined = Estimate(metric="d", model_a="t", model_b="s", undefined="one label only")
    assert state_of(undefined) is None
