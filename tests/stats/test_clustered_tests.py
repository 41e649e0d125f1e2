"""Tests of clusters: by hand, against statsmodels and scipy, and by counting every sign."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import wilcoxon
from statsmodels.regression.linear_model import OLS

from kdprobe.stats.bootstrap import draw_resamples
from kdprobe.stats.clustered_tests import (
    cluster_sums,
    equal_shares_p,
    flip_p,
    mcnemar_of,
    robust_variance,
    wilcoxon_of,
)
from kdprobe.stats.hypothesis_tests import mcnemar_p, stuart_maxwell
from tests.analysis.studies import quick


def test_resamples_of_clusters_hold_whole_clusters_and_the_sample_stands_first():
    """Guards a resample that tears a cluster apart, and one with another number of clusters."""
    clusters = (3, 3, 9, 9, 9, 0)
    counts = draw_resamples(1, 6, 50, clusters).counts
    assert (counts[0] == 1).all()
    assert (counts[:, 0] == counts[:, 1]).all()
    assert (counts[:, 2] == counts[:, 3]).all()
    assert (counts[:, 3] == counts[:, 4]).all()
    assert (counts[:, [0, 2, 5]].sum(axis=1) == 3).all()
    assert len(set(counts.sum(axis=1).tolist())) > 1  # clusters differ in size


def test_a_cluster_each_changes_no_resample():
    """Guards numbers that move when every example is a cluster of its own."""
    alone = draw_resamples(5, 30, 40)
    np.testing.assert_array_equal(draw_resamples(5, 30, 40, tuple(range(30))).counts, alone.counts)


@quick
@given(st.lists(st.integers(-4, 4), min_size=1, max_size=9))
def test_flips_equal_counting_every_way_to_give_signs(sums: list[int]):
    """Guards an off-by-one at the observed sum, on which the whole p-value rests."""
    signs = itertools.product((-1, 1), repeat=len(sums))
    totals = np.array([np.dot(each, sums) for each in signs])
    far = abs(sum(sums))
    terms = np.array(sums, dtype=np.float64)
    assert flip_p(terms) == pytest.approx(np.mean(np.abs(totals) >= far))
    half = np.mean(np.abs(totals) > far) + 0.5 * np.mean(np.abs(totals) == far)
    assert flip_p(terms, mid_p=True) == pytest.approx(1.0 if far == 0 else half)


@quick
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=24))
def test_clusters_of_one_are_the_exact_test_of_mcnemar(pairs: list[tuple[bool, bool]]):
    """Guards two tests under one name: below 25 discordant pairs statsmodels' exact one is ours."""
    a, b = (np.array(column) for column in zip(*pairs, strict=True))
    alone = np.arange(len(a))
    for mid in (False, True):
        expected = mcnemar_p(int((a & ~b).sum()), int((b & ~a).sum()), mid_p=mid)
        assert mcnemar_of(a, b, mid_p=mid) == expected
        assert mcnemar_of(a, b, alone, mid_p=mid) == pytest.approx(expected)


def test_copies_of_an_example_add_no_evidence():
    """Guards p-values that fall when every example is written down ten times."""
    a = np.array([True] * 6 + [False] * 2)
    once = mcnemar_of(a, ~a, np.arange(8))
    many = mcnemar_of(np.repeat(a, 10), np.repeat(~a, 10), np.repeat(np.arange(8), 10))
    assert many == pytest.approx(once)
    assert mcnemar_of(np.repeat(a, 10), np.repeat(~a, 10)) < once / 10


def test_many_large_clusters_are_tested_by_the_normal_distribution():
    """Guards a table of sums that takes minutes, and a jump where it is no longer filled."""
    generator = np.random.default_rng(0)
    sums = generator.integers(-9, 10, size=700).astype(np.float64) + 0.0
    exact = flip_p(sums)
    assert flip_p(sums * 1000) == pytest.approx(exact, abs=0.01)


def test_wilcoxon_of_clusters_of_one_is_scipys_exact_test():
    """Guards ranks that lose their signs, or twice the observed sum."""
    differences = np.array([0.3, -0.1, 0.7, 1.1, -0.2, 0.9, 0.4, 1.5])
    expected = wilcoxon(differences, method="exact").pvalue
    assert wilcoxon_of(differences, np.arange(8)) == pytest.approx(expected)
    assert wilcoxon_of(np.zeros(4), np.arange(4)) is None
    # Twice each: ranks 1.5, 3.5 …, so sums 3, 7, 11 …; 4 of 256 ways lose at most 3 + 7.
    doubled = wilcoxon_of(np.repeat(differences, 2), np.repeat(np.arange(8), 2))
    assert doubled == pytest.approx(2 * 4 / 256)


@quick
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=40))
def test_equal_shares_of_clusters_of_one_is_stuart_maxwell(pairs: list[tuple[int, int]]):
    """Guards a singular covariance whose inverse is noise: labels nobody confuses."""
    a, b = (np.array(column, dtype=np.int64) for column in zip(*pairs, strict=True))
    labels = np.eye(3)
    found = equal_shares_p(labels[a] - labels[b], np.arange(len(a)))
    assert (1.0 if found is None else found) == pytest.approx(stuart_maxwell(a, b, 3), abs=1e-9)


def test_the_robust_variance_is_that_of_statsmodels():
    """Guards a variance without the small-sample factor, or one of sums instead of means."""
    generator = np.random.default_rng(3)
    clusters = generator.integers(0, 12, size=80)
    values = generator.normal(size=80) + generator.normal(size=12)[clusters]
    fit = OLS(values, np.ones(80)).fit(cov_type="cluster", cov_kwds={"groups": clusters})
    variance, freedom = robust_variance(values, clusters)
    assert variance == pytest.approx(fit.cov_params()[0, 0])
    assert freedom == len(np.unique(clusters)) - 1
    alone, _ = robust_variance(values, np.arange(80))
    assert alone == pytest.approx(values.var(ddof=1) / 80)


def test_sums_by_cluster_by_hand():
    """Guards sums that count a cluster's first example only."""
    assert cluster_sums(np.array([True, True, False]), np.array([8, 8, 2])).tolist() == [0, 2]
    rows = cluster_sums(np.array([[1, 2], [3, 4], [5, 6]]), np.array([0, 1, 0]))
    assert rows.tolist() == [[6, 8], [3, 4]]
