"""Very many examples: drawn in random groups, and ranked in first order around the sample."""

import numpy as np
import pytest
from scipy import stats

from kdprobe.stats import bootstrap, rank_correlations
from kdprobe.stats.bootstrap import Resamples, draw_resamples
from kdprobe.stats.correlations import pearson_draws
from kdprobe.stats.rank_correlations import spearman_draws

MANY = 12_345


def _generator() -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(4))


def _by_hand(resamples: Resamples, row: int) -> np.ndarray:
    assert resamples.unit_of is not None
    return np.repeat(
        np.arange(resamples.n), resamples.counts[row][resamples.unit_of].astype(np.int64)
    )


def test_groups_are_of_one_size_and_no_order_of_rows():
    """Guards against groups of neighbours: rows sorted by label would make every interval wide."""
    resamples = draw_resamples(0, MANY, 3)
    assert resamples.unit_of is not None
    sizes = np.bincount(resamples.unit_of)
    assert len(sizes) == bootstrap.MOST_UNITS
    assert (sizes.min(), sizes.max()) == (1, 2)
    assert resamples.totals[0] == MANY == resamples.n
    ranks = stats.spearmanr(np.arange(MANY), resamples.unit_of).statistic
    assert abs(ranks) < 0.05


def test_whole_clusters_stay_together_in_their_groups():
    """Guards against a cluster that lies in two groups, one drawn and the other not."""
    clusters = np.arange(30_000) // 2
    resamples = draw_resamples(0, 30_000, 3, tuple(clusters.tolist()))
    assert resamples.unit_of is not None
    assert (resamples.unit_of[::2] == resamples.unit_of[1::2]).all()
    assert len(np.unique(resamples.unit_of)) == bootstrap.MOST_UNITS


def test_sums_groups_and_quantiles_equal_a_loop_over_resampled_arrays():
    """Guards against a pass over groups that counts other examples than were drawn."""
    resamples, generator = draw_resamples(1, MANY, 4), _generator()
    values, groups = generator.normal(size=MANY), generator.integers(0, 50, size=MANY)
    mask = generator.random(MANY) < 0.3
    for row in range(5):
        drawn = _by_hand(resamples, row)
        assert resamples.sums(values)[row] == pytest.approx(values[drawn].sum())
        assert resamples.sums(values > 0)[row] == (values[drawn] > 0).sum()
        counted = np.bincount(groups[drawn], minlength=50).tolist()
        assert resamples.by_group(groups, 50)[row].tolist() == counted
        inside = drawn[mask[drawn]]
        part = resamples.within(mask)
        assert part.totals[row] == len(inside)
        counted = np.bincount(groups[inside], minlength=50).tolist()
        assert part.by_group(groups[mask], 50)[row].tolist() == counted
        for share in (0.0, 0.5, 0.95, 1.0):
            assert resamples.quantile(values, share)[row] == np.quantile(values[drawn], share)
            assert part.quantile(values[mask], share)[row] == np.quantile(values[inside], share)
        expected = stats.pearsonr(values[drawn], groups[drawn]).statistic
        assert pearson_draws(resamples, values, groups)[row] == pytest.approx(expected, abs=1e-12)


def test_a_quantile_outside_of_the_window_is_looked_for_further():
    """Guards against the edge of the window given as the quantile of a resample far off."""
    values = np.arange(5_000.0)
    counts = np.ones((3, 5_000), dtype=np.float32)
    counts[1, :2_500], counts[1, 2_500:] = 2, 0
    counts[2, :2_500], counts[2, 2_500:] = 0, 2
    for share in (0.5, 0.95):
        drawn = Resamples(counts).quantile(values, share)
        for row in range(3):
            assert drawn[row] == np.quantile(np.repeat(values, counts[row].astype(int)), share)


@pytest.mark.parametrize("rate", [0.5, 0.02])
def test_groups_give_the_interval_of_single_examples(rate: float):
    """Guards against intervals too narrow or wide by the grouping, of frequent and rare events."""
    n = 200_000
    hits = _generator().random(n) < rate
    resamples = draw_resamples(0, n, 4000)
    drawn = resamples.mean(hits)[1:]
    expected = np.sqrt(hits.mean() * (1 - hits.mean()) / n)
    # The spread of 4,000 draws has a standard error of 1.1 %, the grouping adds .7 %.
    assert drawn.std() == pytest.approx(expected, rel=0.04)


def test_first_order_ranks_follow_exact_ones(monkeypatch: pytest.MonkeyPatch):
    """Guards against a slope with a wrong sign or factor: the spread of draws would differ."""
    generator = _generator()
    n = 12_000
    x = generator.normal(size=n).round(1)
    y = x + generator.normal(size=n)
    resamples = draw_resamples(0, n, 400)
    exact = spearman_draws(resamples, x, y)
    monkeypatch.setattr(rank_correlations, "MOST_RANKED", 1)
    near = spearman_draws(resamples, x, y)
    assert near[0] == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-12)
    assert near[0] == pytest.approx(exact[0], abs=1e-12)
    assert np.corrcoef(near[1:], exact[1:])[0, 1] > 0.999
    assert near[1:].std() == pytest.approx(exact[1:].std(), rel=0.01)
    assert np.abs(near - exact).max() < 0.1 * exact[1:].std()
    assert np.isnan(spearman_draws(resamples, np.ones(n), y)).all()


def test_many_members_of_a_value_and_few_give_the_same_ranks():
    """Guards against cubes of counts that overflow small numbers: one value of 900 of 1,000."""
    generator = _generator()
    x = np.where(np.arange(1_000) < 900, 0.0, generator.normal(size=1_000))
    y = generator.normal(size=1_000)
    resamples = draw_resamples(2, 1_000, 5)
    for row in range(6):
        drawn = np.repeat(np.arange(1_000), resamples.counts[row].astype(int))
        expected = stats.spearmanr(x[drawn], y[drawn]).statistic
        assert spearman_draws(resamples, x, y)[row] == pytest.approx(expected, abs=1e-12)


def test_counts_by_group_that_are_kept_are_those_of_their_groups():
    """Guards against the counts of other groups, or of another part, given from memory."""
    resamples, generator = draw_resamples(0, 40, 5), _generator()
    for _ in range(200):
        groups, mask = generator.integers(0, 3, size=40), generator.random(40) < 0.5
        for part, members in (
            (resamples, groups),
            (resamples.within(mask), groups[mask]),
            (resamples.within(~mask), groups[~mask]),
        ):
            units = np.arange(40) if part.unit_of is None else part.unit_of
            expected = [part.counts[:, units[members == group]].sum(axis=1) for group in range(3)]
            assert (part.by_group(members, 3) == np.stack(expected, axis=1)).all()
