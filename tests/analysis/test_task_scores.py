"""Task scores against scikit-learn and scipy, by hand, and on data without an answer."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from sklearn import metrics as sk

from kdprobe.analysis.task_scores import ANALYSIS, TaskScoresOptions
from kdprobe.observations.study import Study
from kdprobe.results.schema import AnalysisResult, Estimate
from tests.analysis.studies import (
    binary,
    constant_student,
    many_classes,
    one_class,
    quick,
    regression,
    several_seeds,
    small_studies,
    study_of,
    unlabelled,
)


def found(
    study: Study | AnalysisResult, metric: str, model: str, other: str = "", subset: str = "all"
) -> Estimate:
    result = (
        study if isinstance(study, AnalysisResult) else ANALYSIS.run(study, TaskScoresOptions(), {})
    )
    wanted = (metric, model, other, subset)
    return next(e for e in result.estimates if (e.metric, e.model_a, e.model_b, e.subset) == wanted)


def test_scores_by_hand():
    """Guards against rows and columns changed over, and F1 of the wrong class.

    Gold 0011 1111, predicted 0111 1100: hits 5 of 8; class 1: 6 true, 5 predicted, 4 hit, so
    precision 4/5, recall 4/6, F1 8/11. MCC = (5*8 - (3*2 + 5*6)) / sqrt((64-34) (64-40)).
    """
    study = study_of([0, 0, 1, 1, 1, 1, 1, 1], [0, 1, 1, 1, 1, 1, 0, 0])
    assert found(study, "accuracy", "t").value == 5 / 8
    assert found(study, "precision", "t", subset="good").value == 4 / 5
    assert found(study, "precision", "t", subset="good").n == 5
    assert found(study, "recall", "t", subset="good").value == 4 / 6
    assert found(study, "f1", "t").value == pytest.approx(8 / 11)
    assert found(study, "mcc", "t").value == pytest.approx(4 / np.sqrt(30 * 24))
    baseline = found(study, "majority_baseline", "majority baseline")
    assert (baseline.value, baseline.note) == (0.75, "always 'good'")


@quick
@given(small_studies())
def test_scores_equal_scikit_learn_where_it_has_an_answer(study: Study):
    """Guards against a multi-class formula that agrees on two classes only."""
    gold = np.asarray(study.split.labels)
    predicted = study.teacher.first.predicted
    result = ANALYSIS.run(study, TaskScoresOptions(), {})
    assert found(result, "accuracy", "t").value == pytest.approx(sk.accuracy_score(gold, predicted))
    mcc = found(result, "mcc", "t")
    if len(set(gold.tolist())) == 1 or len(set(predicted.tolist())) == 1:
        assert mcc.value is None
    else:
        assert mcc.value == pytest.approx(sk.matthews_corrcoef(gold, predicted), abs=1e-12)
    if study.classes > 2:
        macro = sk.f1_score(gold, predicted, average="macro", zero_division=0)
        micro = sk.f1_score(gold, predicted, average="micro", zero_division=0)
        assert found(result, "f1_macro", "t").value == pytest.approx(macro)
        assert found(result, "f1_micro", "t").value == pytest.approx(micro)
    present = sorted({*gold.tolist(), *predicted.tolist()})
    for name, reference in (("precision", sk.precision_score), ("recall", sk.recall_score)):
        expected = reference(gold, predicted, labels=present, average=None, zero_division=np.nan)
        for place, value in zip(present, expected, strict=True):
            estimate = found(result, name, "t", subset=study.split.task.labels[place])
            if np.isnan(value):
                assert estimate.undefined
            else:
                assert estimate.value == pytest.approx(value)


def test_57_classes_equal_scikit_learn():
    """Guards against a class count baked in, and labels without examples dropped."""
    study = many_classes(resamples=20)
    gold, predicted = study.split.labels, study.students[0].first.predicted
    macro = sk.f1_score(gold, predicted, average="macro", zero_division=0)
    assert found(study, "f1_macro", "student-1").value == pytest.approx(macro)
    mcc = sk.matthews_corrcoef(gold, predicted)
    assert found(study, "mcc", "student-1").value == pytest.approx(mcc)


def test_f1_is_about_the_positive_label_of_the_task():
    """Guards against F1 of the last label when the task names another."""
    study = study_of([0, 0, 0, 1], [0, 0, 1, 1])
    task = replace(study.split.task, positive="bad")
    study = replace(study, split=replace(study.split, task=task))
    assert found(study, "f1", "t").value == pytest.approx(2 * 2 / (2 + 3))


def test_intervals_equal_an_explicit_loop_over_resamples():
    """Guards against draws that belong to other resamples than the counts say."""
    from kdprobe.analysis.estimates import resamples_of

    study = binary(60, resamples=60)
    gold, predicted = np.asarray(study.split.labels), study.teacher.first.predicted
    values = []
    for row in resamples_of(study).counts[1:]:
        drawn = np.repeat(np.arange(study.n), row.astype(int))
        values.append(sk.matthews_corrcoef(gold[drawn], predicted[drawn]))
    estimate = found(study, "mcc", "teacher")
    assert estimate.low == pytest.approx(np.quantile(values, 0.025))
    assert estimate.high == pytest.approx(np.quantile(values, 0.975))
    assert estimate.n == 60


def test_mcc_of_a_constant_predictor_is_undefined_and_so_is_the_difference():
    """Guards against GLUE's 0, which reads as 'as good as guessing' when nothing was learned."""
    study = constant_student()
    reason = "the predictions or the gold labels are all one label; MCC compares at least two"
    assert found(study, "mcc", "student-1").undefined == reason
    assert found(study, "mcc_difference", "teacher", "student-1").undefined == reason
    never = found(study, "precision", "student-1", subset="bad")
    assert never.undefined == "student-1 never predicts 'bad'"
    assert found(one_class(), "mcc", "teacher").undefined == reason
    empty = found(one_class(), "recall", "teacher", subset="bad")
    assert empty.undefined == "no example has the label 'bad'"


def test_f1_of_an_absent_positive_label_is_undefined_but_a_missed_one_is_zero():
    """Guards against 0/0 told as 0, and against a real 0 told as undefined."""
    absent = found(study_of([0, 0], [0, 0]), "f1", "t")
    assert absent.undefined == "no example has the positive label or is predicted so"
    assert found(study_of([0, 1], [0, 0]), "f1", "t").value == 0.0


def test_the_difference_is_student_minus_teacher_and_paired():
    """Guards against the sign, and against an interval of two unpaired errors."""
    study = binary(300)
    gap = found(study, "accuracy_difference", "teacher", "student-1")
    teacher, student = (found(study, "accuracy", name) for name in ("teacher", "student-1"))
    assert teacher.value is not None
    assert student.value is not None
    assert gap.value == pytest.approx(student.value - teacher.value)
    assert gap.value is not None
    assert gap.value < 0
    drop = found(study, "relative_drop", "teacher", "student-1")
    assert drop.value == pytest.approx((teacher.value - student.value) / teacher.value)
    same = study_of([0, 1] * 20, [0, 1, 1, 1] * 10, [0, 1, 1, 1] * 10)
    nothing = found(same, "accuracy_difference", "t", "s1")
    assert (nothing.value, nothing.low, nothing.high) == (0.0, -3 / 40, 3 / 40)  # none in 40
    assert nothing.note.startswith("the value is the same in every resample")


def test_a_teacher_without_a_score_has_none_to_lose():
    """Guards against a relative drop over 0 or a negative score."""
    drop = found(study_of([0, 1], [1, 0], [0, 1]), "relative_drop", "t", "s1")
    assert drop.undefined == (
        "the accuracy of the teacher or of the student is undefined, or the teacher's is not "
        "above 0, so there is no share of it to lose"
    )


def test_several_seeds_average():
    """Guards against the first run standing for all."""
    study = several_seeds(runs=3)
    values = [float((run.predicted == study.split.labels).mean()) for run in study.teacher.runs]
    assert found(study, "accuracy", "teacher").value == pytest.approx(np.mean(values))


def test_regression_equals_scikit_learn_and_scipy():
    """Guards against ranks of the wrong side and n - 1 in the concordance.

    Concordance by its definition: 2 cov / (var + var + squared difference of means), by n.
    """
    study = regression()
    gold, predicted = np.asarray(study.split.labels), study.teacher.first.scores
    expected = {
        "pearson": scipy.stats.pearsonr(gold, predicted).statistic,
        "spearman": scipy.stats.spearmanr(gold, predicted).statistic,
        "mse": sk.mean_squared_error(gold, predicted),
        "mean_absolute_error": sk.mean_absolute_error(gold, predicted),
        "concordance": 2
        * np.cov(gold, predicted, ddof=0)[0, 1]
        / (gold.var() + predicted.var() + (gold.mean() - predicted.mean()) ** 2),
        "mse_difference": sk.mean_squared_error(gold, study.students[0].first.scores)
        - sk.mean_squared_error(gold, predicted),
    }
    for name, value in expected.items():
        other = "student-1" if name.endswith("difference") else ""
        assert found(study, name, "teacher", other).value == pytest.approx(value), name
    baseline = found(study, "mean_baseline", "mean baseline")
    assert baseline.value == pytest.approx(gold.var())


def test_nothing_warns():
    """Guards against divisions by zero that a reader of the terminal would see."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = ANALYSIS.run(constant_student(), TaskScoresOptions(), {})
    assert [number.metric for number in result.estimates if number.undefined]


def test_labels_can_be_left_out_of_the_table():
    """Guards against an option that does nothing."""
    result = ANALYSIS.run(binary(), TaskScoresOptions(per_label=False), {})
    assert not result.tables
    assert {e.subset for e in result.estimates} == {"all"}
    full = ANALYSIS.run(binary(), TaskScoresOptions(), {})
    assert [row[0] for row in full.tables[0].rows] == ["bad", "good"]
    assert full.curves[0].series[0].labels == ("teacher", "student-1", "student-2")


def test_without_gold_labels_nothing_is_scored():
    """Guards against a score against labels that are not there."""
    assert ANALYSIS.skip_reason(unlabelled(binary())) == (
        "the split has no gold labels, so nothing can be scored against them"
    )
