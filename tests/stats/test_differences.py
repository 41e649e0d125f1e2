"""Tests of p-values and intervals of families of differences."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from kdprobe.stats.differences import Adjusted, adjusted, bootstrap_p, interval_at
from tests.analysis.studies import quick


def drawn(value: float, spread: float = 1.0, *, resamples: int = 1999, seed: int = 0):
    generator = np.random.default_rng(seed)
    return np.concatenate([[value], generator.normal(value, spread, size=resamples)])


def test_a_p_value_by_hand() -> None:
    """Guards the +1, both tails, ties at 0 and the cap: four resamples, one beyond 0."""
    assert bootstrap_p(np.array([0.2, 0.1, 0.3, 0.2, -0.1])) == pytest.approx(2 * 2 / 5)
    assert bootstrap_p(np.array([-0.2, *[-0.1, -0.3, -0.2] * 13])) == pytest.approx(2 * 1 / 40)
    assert bootstrap_p(np.array([0.1, 0.0, 0.0, 0.2, 0.1])) == 1.0  # a tie counts on both sides
    assert bootstrap_p(np.zeros(5)) == 1.0


def test_what_has_no_p_value() -> None:
    """Guards a test of a number that is undefined, or that one example alone gives."""
    assert bootstrap_p(np.array([np.nan, 0.1, 0.2])) is None
    assert bootstrap_p(np.array([0.1, np.nan, 0.2, 0.1])) is None
    assert bootstrap_p(np.full(101, 0.3)) is None


def test_it_is_the_textbooks_for_a_mean() -> None:
    """Guards the size: for a normal mean the bootstrap's p is that of the z test."""
    sample = drawn(1.8, resamples=19_999)
    assert bootstrap_p(sample) == pytest.approx(2 * stats.norm.sf(1.8), abs=0.006)


def test_a_family_too_large_for_the_resamples_is_not_silent() -> None:
    """Guards 30 students: 435 pairs x the floor of 2,000 resamples calls nothing a difference."""
    sure = drawn(8.0)
    assert bootstrap_p(sure, family=50) == pytest.approx(2 / 2000)  # 50 x .001 = .05: it can
    tail = bootstrap_p(sure, family=435)
    low, high = np.quantile(sure[1:], [0.025, 0.975])
    assert tail == pytest.approx(2 * stats.norm.sf(8.0 * 2 * 1.959964 / (high - low)), rel=1e-5)
    heavy = bootstrap_p(sure, family=435, freedom=2.0)  # of three seeds
    width = (high - low) / 2 / stats.t.ppf(0.975, 2)
    assert heavy == pytest.approx(min(2 / 2000, 2 * stats.t.sf(8.0 / width, 2)))
    far = bootstrap_p(drawn(80.0), family=435, freedom=2.0)
    assert far is not None
    assert 1e-5 < far < 2 / 2000  # 1e-300 by the normal tail
    near = drawn(2.0)
    assert bootstrap_p(near, family=435) == bootstrap_p(near)  # the bootstrap's, where it resolves


def test_holm_and_the_levels_behind_it() -> None:
    """Guards the adjusted intervals: the k-th smallest p at 1 - .05 / (m - k + 1), until a stop."""
    draws = [drawn(value, seed=place) for place, value in enumerate((5.0, 2.6, 0.1, 0.3))]
    p = [bootstrap_p(each) for each in draws]
    members = adjusted(draws, p)
    expected = multipletests([float(each or 0) for each in p], method="holm")[1]
    assert [member.q for member in members] == pytest.approx(list(expected))
    for member, own, size in zip(members, draws, (4, 3, 2, 2), strict=True):
        tail = 0.05 / size / 2
        low, high = np.quantile(own[1:], [tail, 1 - tail])
        assert (member.low, member.high) == pytest.approx((low, high))
    assert [member.is_told_from_noise for member in members] == [True, True, False, False]


def test_a_level_beyond_the_resamples_is_normal() -> None:
    """Guards an end that is the largest of 2,000 draws where the level asks for 1 in 17,400."""
    own = drawn(0.0)
    low, high = interval_at(own, 1 - 0.05 / 435) or (0.0, 0.0)
    ends = np.quantile(own[1:], [0.025, 0.975])
    half = (ends[1] - ends[0]) / 2
    reach = stats.norm.ppf(1 - 0.05 / 435 / 2) / stats.norm.ppf(0.975) * half
    assert (low, high) == pytest.approx((-reach, reach))
    assert high > own[1:].max() * 0.9
    heavy = interval_at(own, 1 - 0.05 / 435, freedom=2.0) or (0.0, 0.0)
    assert heavy[1] == pytest.approx(stats.t.ppf(1 - 0.05 / 870, 2) / stats.t.ppf(0.975, 2) * half)


def test_both_must_say_so() -> None:
    """Guards a finding from q alone, or from an interval alone."""
    assert Adjusted(0.049, 0.1, 0.2).is_told_from_noise
    assert not Adjusted(0.05, 0.1, 0.2).is_told_from_noise
    assert not Adjusted(0.01, -0.1, 0.2).is_told_from_noise
    assert not Adjusted(0.01).is_told_from_noise
    assert not Adjusted(None, 0.1, 0.2).is_told_from_noise


values = st.lists(st.floats(-4, 4), min_size=1, max_size=8)


@quick
@given(values, st.integers(0, 5))
def test_properties_of_a_family(centres: list[float], seed: int) -> None:
    """Guards order: a smaller p never has a larger q, q is never below p, no interval narrows."""
    draws = [drawn(c, seed=seed + at, resamples=199) for at, c in enumerate(centres)]
    p = [bootstrap_p(each, family=len(draws)) or 0.0 for each in draws]
    members = adjusted(draws, p)
    order = np.argsort(p, kind="stable")
    q = [members[at].q or 0.0 for at in order]
    assert q == sorted(q)
    assert all((member.q or 0.0) >= own for member, own in zip(members, p, strict=True))
    for own, member in zip(draws, members, strict=True):
        alone = interval_at(own, 0.95) or (0.0, 0.0)
        assert member.low is not None
        assert member.high is not None
        assert member.low <= alone[0] + 1e-12
        assert member.high >= alone[1] - 1e-12


@quick
@given(st.floats(-3, 3), st.integers(0, 9))
def test_the_sign_moves_no_p(centre: float, seed: int) -> None:
    """Guards a one-sided count: d and -d have one p and mirrored intervals."""
    own = drawn(centre, seed=seed, resamples=99)
    assert bootstrap_p(own) == bootstrap_p(-own)
    low, high = interval_at(own, 0.95) or (0.0, 0.0)
    assert interval_at(-own, 0.95) == pytest.approx((-high, -low))
