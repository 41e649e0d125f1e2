"""Tests, adjustments and correlations against statsmodels, scipy and explicit resampling."""

import warnings
from unittest import mock

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.contingency_tables import SquareTable, cochrans_q, mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from kdprobe.stats.bootstrap import Resamples, draw_resamples
from kdprobe.stats.correlations import pearson_draws
from kdprobe.stats.hypothesis_tests import (
    benjamini_hochberg,
    cochran_q,
    holm,
    mcnemar_p,
    stuart_maxwell,
    wilcoxon_p,
    wilson,
)
from kdprobe.stats.kappa import Pairing
from kdprobe.stats.rank_correlations import spearman_draws
from tests.analysis.studies import labels_of_two, quick

p_values = st.lists(st.floats(0, 1), min_size=1, max_size=12)


@quick
@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_equals_statsmodels_on_both_sides_of_the_switch(only_a: int, only_b: int):
    """Guards against a one-sided p, or the chi-square test where it is not valid."""
    discordant = only_a + only_b
    if discordant == 0:
        assert mcnemar_p(only_a, only_b) == 1.0
        return
    table = [[5, only_a], [only_b, 7]]
    if discordant < 25:
        expected = mcnemar(table, exact=True).pvalue
    elif only_a == only_b:  # statsmodels corrects |0| to -1 and squares it
        expected = 1.0
    else:
        expected = mcnemar(table, exact=False, correction=True).pvalue
    assert mcnemar_p(only_a, only_b) == pytest.approx(expected, abs=1e-12)


def test_two_identical_models_do_not_differ():
    """Guards against p = 0 without a single discordant pair (statsmodels' exact=False)."""
    assert mcnemar_p(0, 0) == 1.0
    assert mcnemar_p(0, 0, mid_p=True) == 1.0
    assert mcnemar_p(30, 30) == 1.0


def test_mcnemar_by_hand():
    """Guards against a doubled or forgotten centre: P(X <= 2 | 10) = 56/1024, P(X = 2) = 45/1024.

    Exact p = 112/1024; mid-p = (112 - 45)/1024.
    """
    assert mcnemar_p(2, 8) == pytest.approx(112 / 1024)
    assert mcnemar_p(8, 2, mid_p=True) == pytest.approx(67 / 1024)


@quick
@given(st.integers(0, 80), st.integers(0, 80))
def test_mcnemar_is_symmetric_and_mid_p_is_never_more_cautious_than_exact(a: int, b: int):
    """Guards against a test that depends on which model is named first."""
    assert mcnemar_p(a, b) == mcnemar_p(b, a)
    assert 0 <= mcnemar_p(a, b, mid_p=True) <= 1
    if a + b < 25:
        assert mcnemar_p(a, b, mid_p=True) <= mcnemar_p(a, b) + 1e-12


@quick
@given(p_values)
def test_adjustments_equal_statsmodels(values: list[float]):
    """Guards against a lost monotone step, which makes a larger p a smaller q."""
    with mock.patch("gc.collect"):  # statsmodels's Holm does it every time: a second in a suite
        expected = multipletests(values, method="holm")[1]
    assert holm(values) == pytest.approx(expected, abs=1e-12)
    expected = multipletests(values, method="fdr_bh")[1]
    assert benjamini_hochberg(values) == pytest.approx(expected, abs=1e-12)


@quick
@given(p_values, st.integers(0, 12))
def test_a_missing_p_value_passes_through_and_does_not_count(values: list[float], place: int):
    """Guards against an untested slice that makes all others less significant."""
    place = min(place, len(values))
    with_hole = [*values[:place], None, *values[place:]]
    for adjust in (holm, benjamini_hochberg):
        found = adjust(with_hole)
        assert found[place] is None
        assert [q for q in found if q is not None] == adjust(values)


def test_nothing_to_adjust_is_nothing():
    """Guards against an error for a family without members."""
    assert holm([]) == []
    assert benjamini_hochberg([None]) == [None]


@quick
@given(st.integers(1, 40), st.integers(2, 5), st.integers(0, 10_000))
def test_cochran_equals_statsmodels(n: int, models: int, seed: int):
    """Guards against wrong degrees of freedom, and against nan for equal columns."""
    hits = np.random.Generator(np.random.PCG64(seed)).random((n, models)) < 0.6
    found = cochran_q(hits)
    if (hits == hits[:, :1]).all():
        assert found is None
    else:
        assert found == pytest.approx(cochrans_q(hits.astype(int)).pvalue, abs=1e-12)


@quick
@given(labels_of_two(max_n=60, max_classes=5))
def test_stuart_maxwell_equals_statsmodels_on_the_labels_in_play(case):
    """Guards against a singular matrix when a label is never confused, and wrong freedom."""
    _, a, b, classes = case
    found = stuart_maxwell(a, b, classes)
    assert 0.0 <= found <= 1.0
    assert found == pytest.approx(stuart_maxwell(b, a, classes), abs=1e-9)
    table = np.zeros((classes, classes))
    np.add.at(table, (a, b), 1)
    off = table + table.T - 2 * np.diag(np.diag(table))
    connected = np.linalg.matrix_rank(np.diag(off.sum(axis=1)) - off) == classes - 1
    if connected:
        expected = SquareTable(table, shift_zeros=False).homogeneity().pvalue
        assert found == pytest.approx(expected, abs=1e-8)


def test_stuart_maxwell_of_two_labels_is_mcnemar_without_correction():
    """Guards against testing symmetry of right and wrong instead of label shares.

    Nine go one way and one goes the other: (9 - 1)^2 / 10 = 6.4 on one degree of freedom.
    """
    a = np.array([0] * 9 + [1] + [0, 1])
    b = np.array([1] * 9 + [0] + [0, 1])
    assert stuart_maxwell(a, b, 2) == pytest.approx(scipy.stats.chi2.sf(6.4, 1))


@quick
@given(st.integers(0, 50), st.integers(1, 50))
def test_wilson_equals_statsmodels_and_stays_inside(hits: int, n: int):
    """Guards against an interval of no width at 0 and 1, or one beyond them."""
    hits = min(hits, n)
    found = wilson(hits, n)
    assert found is not None
    assert found == pytest.approx(proportion_confint(hits, n, method="wilson"), abs=1e-9)
    assert 0 <= found.low < found.high <= 1


def test_a_share_of_nothing_has_no_interval():
    """Guards against nan with two warnings (statsmodels)."""
    assert wilson(0, 0) is None


def test_wilcoxon_of_equal_errors_is_undefined_and_of_shifted_errors_small():
    """Guards against p = nan for identical models."""
    assert wilcoxon_p(np.zeros(5)) is None
    shifted = np.random.Generator(np.random.PCG64(0)).normal(1.0, 1.0, size=60)
    found = wilcoxon_p(shifted)
    assert found is not None
    assert found < 1e-6
    assert found == pytest.approx(wilcoxon_p(-shifted))
    # Three positive differences: P(all of one sign) = 2 / 2**3.
    assert wilcoxon_p(np.array([1.0, 2.0, 3.0])) == pytest.approx(0.25)


few_values = st.lists(
    st.tuples(st.integers(-2, 2), st.sampled_from([-1.5, 0.0, 0.25, 1e6])), min_size=1, max_size=14
)


def reference(function, x, y) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if len(x) < 2:
            return float("nan")
        return float(function(x, y).statistic)


@quick
@given(few_values)
def test_correlations_equal_scipy_in_every_resample(rows: list[tuple[int, float]]):
    """Guards against ranks taken once from the sample, which are wrong within a resample.

    scipy ranks the explicitly resampled arrays; ties are many on purpose.
    """
    x = np.array([row[0] for row in rows], dtype=np.float64)
    y = np.array([row[1] for row in rows])
    resamples = draw_resamples(5, len(x), 8)
    ranked, linear = spearman_draws(resamples, x, y), pearson_draws(resamples, x, y)
    for row in range(9):
        drawn = np.repeat(np.arange(len(x)), resamples.counts[row].astype(int))
        expected = reference(scipy.stats.spearmanr, x[drawn], y[drawn])
        assert ranked[row] == pytest.approx(expected, abs=1e-9, nan_ok=True)
        if len(set(x[drawn])) == 1 or len(set(y[drawn])) == 1:
            assert np.isnan(linear[row])
        else:
            expected = reference(scipy.stats.pearsonr, x[drawn], y[drawn])
            assert linear[row] == pytest.approx(expected, abs=1e-6)


def test_a_constant_far_from_zero_is_undefined_and_not_noise():
    """Guards against a correlation made of rounding errors."""
    resamples = draw_resamples(0, 50, 20)
    flat = np.full(50, 0.1) + 1e8
    moving = np.random.Generator(np.random.PCG64(1)).normal(size=50)
    assert np.isnan(pearson_draws(resamples, flat, moving)).all()
    assert np.isnan(spearman_draws(resamples, moving, flat)).all()


def test_correlation_survives_a_large_offset():
    """Guards against cancellation: a shift of a million must not move the value."""
    resamples = draw_resamples(0, 60, 20)
    x = np.random.Generator(np.random.PCG64(1)).normal(size=60)
    y = x + np.random.Generator(np.random.PCG64(2)).normal(size=60)
    assert pearson_draws(resamples, x + 1e6, y) == pytest.approx(
        pearson_draws(resamples, x, y), abs=1e-8
    )


def test_spearman_by_hand_with_a_tie():
    """Guards against ordinal ranks for ties.

    x = 1, 2, 2, 3 has ranks 1, 2.5, 2.5, 4; y = 1..4: sum of squared differences .5, so
    cov = 4.5, var_x = 4.5, var_y = 5: 4.5 / sqrt(22.5).
    """
    sample = draw_resamples(0, 4, 1)
    found = spearman_draws(sample, np.array([1, 2, 2, 3]), np.array([1, 2, 3, 4]))
    assert found[0] == pytest.approx(4.5 / np.sqrt(22.5))


def test_more_examples_than_a_chunk_holds():
    """Guards against a block boundary that loses or doubles resamples."""
    n = 15_000  # 266 resamples a block
    generator = np.random.Generator(np.random.PCG64(0))
    counts = generator.multinomial(n, np.full(n, 1 / n), size=300).astype(np.float32)
    resamples = Resamples(counts)
    x, y = generator.normal(size=n), generator.integers(0, 5, size=n)
    for row in (0, 265, 266, 299):
        drawn = np.repeat(np.arange(n), resamples.counts[row].astype(int))
        expected = scipy.stats.spearmanr(x[drawn], y[drawn]).statistic
        assert spearman_draws(resamples, x, y)[row] == pytest.approx(expected, abs=1e-10)


@quick
@given(labels_of_two())
def test_kappa_equals_scikit_learn_in_every_resample(case):
    """Guards against marginals of the sample used for a resample, and 0 for a constant rater."""
    _, a, b, classes = case
    resamples = draw_resamples(2, len(a), 6)
    found = Pairing(resamples, a, b, classes).kappa().draws
    for row in range(7):
        drawn = np.repeat(np.arange(len(a)), resamples.counts[row].astype(int))
        if len(set(a[drawn].tolist())) == 1 or len(set(b[drawn].tolist())) == 1:
            assert np.isnan(found[row])
        else:
            expected = cohen_kappa_score(a[drawn], b[drawn])
            assert found[row] == pytest.approx(expected, abs=1e-12)
