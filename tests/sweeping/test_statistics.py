"""Tests of the differences between many students."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from kdprobe.analysis.student_differences import ANALYSIS as STUDENT_DIFFERENCES
from kdprobe.observations.predictions import Population, Predictions
from kdprobe.observations.study import Study
from kdprobe.sweeping.scores import closeness_rows
from kdprobe.sweeping.statistics import (
    closeness_differences,
    interval_method,
    score_differences,
)
from tests.analysis.studies import classification_task, ids_of, split_of

N = 400


def study(*shares: tuple[float, ...], resamples: int = 1000) -> Study:
    """Students right on the first examples of an order of their own: one share a seed."""
    truth = np.arange(N) % 2
    split = split_of(classification_task(), truth.astype(np.int64), N)
    generator = np.random.default_rng(3)

    def said(name: str, share: float) -> Predictions:
        hit = generator.permutation(N) < round(share * N)
        label = np.where(hit, truth, 1 - truth)
        return Predictions(name, ids_of(N), 3.0 * np.eye(2)[label])

    students = [
        Population(f"s{i}", "student", tuple(said(f"s{i}", share) for share in seeds))
        for i, seeds in enumerate(shares)
    ]
    teacher = Population("t", "teacher", (said("t", 0.9),))
    return Study(split, (teacher, *students), seed=1, resamples=resamples)


def test_a_difference_against_the_test_of_paired_shares() -> None:
    """Guards the p-value: it must be that of the textbook's z test of two paired shares."""
    two_students = study((0.70,), (0.78,))
    (difference,) = score_differences(two_students)
    a, b = (model.first.predicted == two_students.split.labels for model in two_students.students)
    only_a, only_b = int((a & ~b).sum()), int((b & ~a).sum())
    error = np.sqrt((only_a + only_b) - (only_a - only_b) ** 2 / N) / N
    expected = 2 * stats.norm.sf(abs(only_b - only_a) / N / error)
    assert (difference.model_a, difference.model_b) == ("s1", "s0")
    assert difference.value == pytest.approx((only_b - only_a) / N)
    assert difference.p_value == pytest.approx(expected, rel=0.35)
    assert difference.q_value == difference.p_value
    assert difference.interval == "paired percentile bootstrap over examples, one seed"
    assert difference.low is not None
    assert difference.low == pytest.approx(difference.value - 1.96 * error, abs=0.01)


def test_closeness_is_that_of_a_comparison() -> None:
    """Guards two definitions of who is nearer: a sweep's numbers are those of the analysis."""
    three = study((0.6,), (0.7,), (0.75, 0.8))
    listed = closeness_differences(three, closeness_rows(three))
    compared = STUDENT_DIFFERENCES.run(three, STUDENT_DIFFERENCES.options(), {}).estimates
    assert [each.metric for each in listed[::3]] == [
        "agreement_difference", "cohens_kappa_difference", "kl_difference",
    ]  # fmt: skip
    for one in listed:
        name = one.metric.removesuffix("_difference")
        (twin,) = (
            each
            for each in compared
            if (each.metric, each.model_a, each.model_b) == (name, one.model_a, one.model_b)
        )
        assert one == twin.model_copy(update={"metric": one.metric, "interval": one.interval})
    assert listed[0].interval == "paired percentile bootstrap over examples, one seed"
    assert listed[1].interval == "paired percentile bootstrap over examples and over the 2 seeds"


def test_holm_over_all_pairs() -> None:
    """Guards the family: with three students, three tests are adjusted together."""
    differences = score_differences(study((0.6,), (0.7,), (0.72,)))
    raw = [difference.p_value for difference in differences]
    expected = multipletests(raw, method="holm")[1]
    assert [difference.q_value for difference in differences] == pytest.approx(list(expected))
    assert len(differences) == 3


def test_equal_students_and_seeds() -> None:
    """Guards a student that differs from itself, and an interval that hides the seeds."""
    one_student = study((0.7,))
    twin = Population("twin", "student", one_student.students[0].runs)
    (difference,) = score_differences(
        Study(one_student.split, (*one_student.models, twin), resamples=200)
    )
    assert (difference.value, difference.p_value, difference.q_value) == (0.0, 1.0, 1.0)
    apart = study((0.5, 0.9), (0.7, 0.7))
    (wide,) = score_differences(apart)
    assert wide.low is not None
    assert wide.high is not None
    assert wide.high - wide.low > 0.3  # one seed twice instead of both moves the mean by .2
    assert wide.interval == "paired percentile bootstrap over examples and over the 2 seeds"
    assert (
        interval_method(apart.students[0])
        == "percentile bootstrap over examples and over the 2 seeds"
    )


def test_an_undefined_score_is_told() -> None:
    """Guards MCC of a student that always says one label: no number, no test, a reason."""
    both = study((0.7,), (0.8,))
    task = classification_task(primary="mcc")
    split = split_of(task, np.asarray(both.split.labels), N)
    flat = Predictions("s0", ids_of(N), np.tile([1.0, 0.0], (N, 1)))
    models = (both.models[0], Population("s0", "student", (flat,)), both.models[2])
    (difference,) = score_differences(Study(split, models, resamples=200))
    assert difference.value is None
    assert (difference.p_value, difference.q_value) == (None, None)
    assert difference.undefined.startswith("the predictions or the gold labels are all one label")
