"""The debiased calibration error: by hand, by a plain loop, without bias, in clusters."""

from __future__ import annotations

import numpy as np
import pytest

from kdprobe.stats.bootstrap import draw_resamples
from kdprobe.stats.calibration import equal_width
from kdprobe.stats.calibration_error import (
    Bins,
    debiased_square,
    filled_bins,
    in_order_of,
    rank_squares,
    square_quantiles,
)


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


def answers(n: int, error: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Confidences, and hits that are `error` rarer than these say."""
    draw = generator(seed)
    sure = 0.6 + 0.35 * draw.random(n)
    return sure, (draw.random(n) < sure - error).astype(np.float64)


def test_by_hand():
    """Guards a correction by n instead of n - 1, and bins that weigh the same."""
    sure, hits = np.array([0.6, 0.6, 0.6, 0.6, 0.9, 0.9]), np.array([1.0, 1, 0, 0, 1, 0])
    bins = filled_bins(sure, hits, equal_width(sure, 10))
    assert bins.size.tolist() == [4, 2]
    assert bins.claimed == pytest.approx([0.6, 0.9])
    assert bins.right == pytest.approx([0.5, 0.5])
    # 4/6 (.01 - .25/3) + 2/6 (.16 - .25/1)
    assert debiased_square(bins) == pytest.approx(4 / 6 * (0.01 - 0.25 / 3) + 2 / 6 * -0.09)
    alone = filled_bins(np.array([0.8]), np.array([1.0]), np.array([3]))
    assert debiased_square(alone) == pytest.approx(0.04 - 0.16)


def test_against_a_plain_loop():
    """Guards bins mixed up where some are empty."""
    sure, hits = answers(150, 0.1, 1)
    members = equal_width(sure, 12)
    total = 0.0
    for b in set(members.tolist()):
        inside = members == b
        share, size = hits[inside].mean(), inside.sum()
        chance = share * (1 - share) / (size - 1)
        total += size / 150 * ((share - sure[inside].mean()) ** 2 - chance)
    assert debiased_square(filled_bins(sure, hits, members)) == pytest.approx(total)


@pytest.mark.parametrize("error", [0.0, 0.1])
def test_its_expectation_is_the_true_error(error: float):
    """Guards the bias of a plain ECE, which is .05 here where there is no error."""
    values = []
    for seed in range(400):
        sure, hits = answers(200, error, seed)
        values.append(debiased_square(filled_bins(sure, hits, equal_width(sure, 10))))
    spread = np.std(values) / np.sqrt(len(values))
    assert np.mean(values) == pytest.approx(error**2, abs=3 * spread + 1e-4)


def test_quantiles_rise_and_the_level_of_none_is_a_p_value():
    """Guards a distribution that jumps at 0, where its two halves meet."""
    sure, hits = answers(300, 0.03, 4)
    bins = filled_bins(sure, hits, equal_width(sure, 10))
    levels = (np.arange(2000) + 0.5) / 2000
    found = square_quantiles(bins, levels, simulations=4000, generator=generator())
    assert (np.diff(found) >= 0).all()
    draw = generator(9)
    plain = [
        debiased_square(bins, draw.binomial(bins.size, bins.claimed) / bins.size)
        for _ in range(4000)
    ]
    p = np.mean(np.array(plain) >= debiased_square(bins))
    assert (found <= 0).mean() == pytest.approx(p, abs=0.03)
    again = square_quantiles(bins, levels, simulations=4000, generator=generator())
    np.testing.assert_array_equal(found, again)


def test_a_model_that_is_sure_and_right_has_no_error():
    """Guards 0 divided by 0 where nothing varies."""
    bins = Bins(np.array([1.0]), np.array([30]), np.array([1.0]), np.array([1.0]))
    quantiles = square_quantiles(bins, np.array([0.1, 0.9]), simulations=100, generator=generator())
    assert quantiles.tolist() == [0.0, 0.0]


def test_copies_of_examples_count_as_the_examples_they_are_of():
    """Guards four copies of each answer taken for four answers: the effect is about 4."""
    sure, hits = answers(100, 0.0, 2)
    once = filled_bins(sure, hits, equal_width(sure, 5))
    many, right = np.repeat(sure, 4), np.repeat(hits, 4)
    copies = filled_bins(many, right, equal_width(many, 5), np.repeat(np.arange(100), 4))
    np.testing.assert_allclose(copies.size, once.size, rtol=0.1)
    np.testing.assert_allclose(copies.weight, once.weight)


def test_draws_keep_the_order_of_the_resamples():
    """Guards differences of two models on other resamples."""
    sure, hits = answers(80, 0.2, 3)
    members = equal_width(sure, 10)
    resamples = draw_resamples(0, 80, 50)
    order = rank_squares(resamples, hits - sure, members, bins=10)
    for row in (0, 7):
        drawn = np.repeat(np.arange(80), resamples.counts[row].astype(int))
        gaps = (hits - sure)[drawn]
        plain = sum(
            (members[drawn] == b).mean() * gaps[members[drawn] == b].mean() ** 2
            for b in set(members[drawn].tolist())
        )
        assert order[row] == pytest.approx(plain)
    draws = in_order_of(order, 0.5, np.linspace(0, 1, 50))
    assert draws[0] == 0.5
    assert np.array_equal(np.argsort(draws[1:]), np.argsort(order[1:], kind="stable"))
