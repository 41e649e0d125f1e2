"""Ranks within resamples: shared by many pairs, and in whole numbers of 32 bits where those do."""

import numpy as np
import pytest
from scipy import stats

from kdprobe.stats import rank_correlations
from kdprobe.stats.bootstrap import Resamples, draw_resamples
from kdprobe.stats.rank_correlations import several_spearman_draws, spearman_draws

DIGITS = (9, 2, 1, 0)
"""Of rounded values: no ties, few, many, and fewer pairs of values than half of the examples."""


def _variables(n: int) -> list[np.ndarray]:
    generator = np.random.Generator(np.random.PCG64(7))
    base = generator.normal(size=n)
    return [(base + generator.normal(size=n)).round(digits) for digits in DIGITS]


@pytest.mark.parametrize("part", [False, True])
def test_ranks_that_are_shared_give_what_each_pair_gives(part: bool):
    """Guards against memory of one variable's ranks that another overwrites, or of a subset's."""
    n = 400
    whole, mask = draw_resamples(3, n, 60), np.arange(n) % 3 > 0
    resamples = whole.within(mask) if part else whole
    values = [each[mask] if part else each for each in _variables(n)]
    pairs = [(one, other) for one in range(4) for other in range(4)]
    together = several_spearman_draws(resamples, values, pairs)
    for (one, other), draws in zip(pairs, together, strict=True):
        alone = spearman_draws(resamples, values[one], values[other])
        assert draws.tolist() == alone.tolist()
        for row in (0, 1, 60):
            drawn = np.repeat(np.arange(n), whole.counts[row].astype(int) * (mask | (not part)))
            x, y = (_variables(n)[side][drawn] for side in (one, other))
            assert draws[row] == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-12)


def test_blocks_of_resamples_give_what_one_pass_gives(monkeypatch: pytest.MonkeyPatch):
    """Guards against a block whose ranks are those of other resamples."""
    resamples, values = draw_resamples(3, 90, 50), _variables(90)
    pairs = [(0, 1), (2, 3), (1, 2)]
    expected = several_spearman_draws(resamples, values, pairs)
    monkeypatch.setattr(
        Resamples, "blocks", lambda self, n: [slice(k, k + 7) for k in range(0, 51, 7)]
    )
    again = several_spearman_draws(draw_resamples(3, 90, 50), values, pairs)
    assert [draws.tolist() for draws in again] == [draws.tolist() for draws in expected]


@pytest.mark.parametrize("n", [1_860, 1_861])
@pytest.mark.parametrize("heavy", [False, True])
def test_products_at_the_edge_of_32_bits(n: int, heavy: bool):
    """Guards against sums that wrap: those of equal and of opposite ranks are the largest."""
    x = np.arange(n) // (n // 3) if heavy else np.arange(n)
    resamples = draw_resamples(0, n, 4)
    assert spearman_draws(resamples, x, x) == pytest.approx([1.0] * 5, abs=1e-12)
    assert spearman_draws(resamples, x, -x) == pytest.approx([-1.0] * 5, abs=1e-12)


def test_products_are_the_same_in_32_and_64_bits(monkeypatch: pytest.MonkeyPatch):
    """Guards against two ways of adding that differ in their last digits."""
    resamples, values = draw_resamples(1, 700, 40), _variables(700)
    pairs = [(one, other) for one in range(4) for other in range(one, 4)]
    short = several_spearman_draws(resamples, values, pairs)
    monkeypatch.setattr(rank_correlations, "_WRAPS", 0)
    wide = several_spearman_draws(resamples, values, pairs)
    assert [draws.tolist() for draws in short] == [draws.tolist() for draws in wide]


def test_many_examples_in_few_cells_are_counted_exactly():
    """Guards against a count of 10,000 examples times its rank in 24 bits."""
    generator = np.random.Generator(np.random.PCG64(5))
    x = (generator.random(18_001) < 0.3).astype(int)
    y = np.where(generator.random(18_001) < 0.8, x, 2)
    resamples = draw_resamples(0, len(x), 2)
    assert resamples.unit_of is not None
    for row in range(3):
        drawn = np.repeat(np.arange(len(x)), resamples.counts[row][resamples.unit_of].astype(int))
        expected = stats.spearmanr(x[drawn], y[drawn]).statistic
        assert spearman_draws(resamples, x, y)[row] == pytest.approx(expected, abs=1e-12)
