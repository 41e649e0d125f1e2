"""Paired tests against statsmodels and by hand."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import mcnemar

from kdprobe.analysis.paired_tests import ANALYSIS
from kdprobe.analysis.paired_tests.pairs import combined_p
from kdprobe.analysis.protocol import NoOptions
from kdprobe.observations.study import Study
from kdprobe.results.schema import AnalysisResult, Estimate
from tests.analysis.studies import (
    binary,
    classification,
    identical_models,
    quick,
    regression,
    several_seeds,
    study_of,
    teacher_alone,
    unlabelled,
)


def found(study: Study | AnalysisResult, metric: str, a: str, b: str = "") -> Estimate:
    result = study if isinstance(study, AnalysisResult) else ANALYSIS.run(study, NoOptions(), {})
    return next(e for e in result.estimates if (e.metric, e.model_a, e.model_b) == (metric, a, b))


def one_sided(only_a: int, only_b: int, both: int = 3, neither: int = 2) -> Study:
    """Two models of which the first alone is right only_a times and the second only_b times."""
    gold = [1] * (both + only_a + only_b + neither)
    a = [1] * both + [1] * only_a + [0] * only_b + [0] * neither
    b = [1] * both + [0] * only_a + [1] * only_b + [0] * neither
    return study_of(gold, a, b, resamples=50)


@quick
@given(st.integers(0, 20), st.integers(1, 20))
def test_mcnemar_equals_statsmodels_on_the_table_of_hits(only_a: int, only_b: int):
    """Guards against the test on labels instead of hits, and the sign of the difference."""
    study = one_sided(only_a, only_b)
    result = ANALYSIS.run(study, NoOptions(), {})
    estimate = found(result, "mcnemar", "t", "s1")
    exact = only_a + only_b < 25
    expected = mcnemar([[3, only_a], [only_b, 2]], exact=exact).pvalue
    if only_a == only_b:
        expected = 1.0
    assert estimate.p_value == pytest.approx(expected)
    assert estimate.value == pytest.approx((only_a - only_b) / study.n)
    mid = found(result, "mcnemar_midp", "t", "s1")
    assert mid.value == estimate.value
    assert mid.p_value is not None
    assert 0 <= mid.p_value <= 1


def test_the_minimum_detectable_difference_by_hand():
    """Guards against a wrong unit: d = 17 of 100, 2.8 sqrt(.17 / 100) = .11545."""
    study = one_sided(10, 7, both=60, neither=23)
    estimate = found(study, "minimum_detectable_difference", "t", "s1")
    assert estimate.value == pytest.approx(0.115447, abs=1e-6)


def test_models_without_a_discordant_example():
    """Guards against p = 0 and a detectable difference of 0 for two models that never differ."""
    study = identical_models(60)
    estimate = found(study, "mcnemar", "teacher", "student-1")
    assert (estimate.value, estimate.p_value, estimate.q_value) == (0.0, 1.0, 1.0)
    assert (estimate.low, estimate.high, estimate.interval) == (-0.05, 0.05, "rule of three")
    assert found(study, "stuart_maxwell", "teacher", "student-1").p_value == 1.0
    smallest = found(study, "minimum_detectable_difference", "teacher", "student-1")
    assert smallest.undefined == (
        "no example is right for one model only, so how much such differences vary is unknown"
    )


def test_holm_is_over_the_teacher_and_its_students_only():
    """Guards against a family that grows with pairs nobody planned to test."""
    study = classification(200, students=3)
    planned = [found(study, "mcnemar", "teacher", f"student-{i}") for i in (1, 2, 3)]
    raw = [e.p_value for e in planned if e.p_value is not None]
    order = np.argsort(raw)
    expected = np.empty(3)
    expected[order] = np.maximum.accumulate(np.array(raw)[order] * [3, 2, 1])
    assert [e.q_value for e in planned] == pytest.approx(np.minimum(expected, 1).tolist())
    assert all("q: Holm over 3 teacher-student tests" in e.note for e in planned)
    between = found(study, "mcnemar", "student-1", "student-2")
    assert between.q_value is None
    assert between.p_value is not None


def test_cochran_is_over_all_models_and_only_for_three_or_more():
    """Guards against two tests of one question, and against nan when nothing tells models apart."""
    study = binary(200)
    estimate = found(study, "cochran_q", "all models")
    accuracies = [float((m.first.predicted == study.split.labels).mean()) for m in study.models]
    assert estimate.value == pytest.approx(max(accuracies) - min(accuracies))
    assert estimate.p_value is not None
    assert estimate.p_value < 0.01
    two = ANALYSIS.run(one_sided(3, 4), NoOptions(), {})
    assert "cochran_q" not in {e.metric for e in two.estimates}
    same = study_of([0, 1], [0, 0], [0, 0], [0, 0])
    assert found(same, "cochran_q", "all models").undefined == (
        "every example is right for all models or for none, so nothing tells them apart"
    )


def test_a_shift_of_labels_is_seen_without_gold_labels():
    """Guards against refusing a test that needs no gold.

    One model says bad, bad, good, good, the other good four times: two of four must change.
    """
    study = study_of(None, [0, 0, 1, 1], [1, 1, 1, 1])
    shift = found(study, "stuart_maxwell", "t", "s1")
    assert shift.value == 0.5
    assert shift.p_value == pytest.approx(scipy.stats.chi2.sf(2.0, 1))
    assert found(study, "mcnemar", "t", "s1").undefined == (
        "the split has no gold labels, so no prediction is known to be right or wrong"
    )


def test_several_runs_combine_by_twice_the_median():
    """Guards against the luckiest run, and against a p that no run supports."""
    assert combined_p([0.2]) == 0.2
    assert combined_p([0.01, 0.02, 0.9]) == pytest.approx(0.04)
    assert combined_p([0.8, 0.9]) == 1.0
    estimate = found(several_seeds(runs=2), "mcnemar", "teacher", "student-1")
    assert "several runs: p is twice the median over all pairs of runs" in estimate.note


def test_the_table_counts_every_example_once():
    """Guards against counts that do not sum to n."""
    result = ANALYSIS.run(one_sided(4, 6, both=5, neither=7), NoOptions(), {})
    row = result.tables[0].rows[0]
    assert row[:6] == ("t", "s1", 5.0, 4.0, 6.0, 7.0)


def test_regression_differences_by_the_references():
    """Guards against errors compared without their absolute value, and the sign."""
    study = regression()
    gold = np.asarray(study.split.labels)
    a, b = study.teacher.first.scores, study.students[0].first.scores
    errors = found(study, "absolute_error_difference", "teacher", "student-1")
    gap = np.abs(a - gold) - np.abs(b - gold)
    assert errors.value == pytest.approx(gap.mean())
    assert errors.p_value == pytest.approx(scipy.stats.wilcoxon(gap).pvalue)
    assert errors.q_value is not None
    assert errors.p_value is not None
    assert errors.q_value >= errors.p_value
    pearson = found(study, "pearson_difference", "teacher", "student-1")
    expected = np.corrcoef(a, gold)[0, 1] - np.corrcoef(b, gold)[0, 1]
    assert pearson.value == pytest.approx(expected)
    assert pearson.low is not None
    assert pearson.low > 0


def test_what_cannot_be_tested_is_refused_in_words():
    """Guards against a test of one model, or of unknown errors."""
    assert ANALYSIS.skip_reason(teacher_alone()) == (
        "there is one model only, so there is no pair to test"
    )
    assert ANALYSIS.skip_reason(unlabelled(regression())) == (
        "the split has no gold scores, so errors are not known"
    )
