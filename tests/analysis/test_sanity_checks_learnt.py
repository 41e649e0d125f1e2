"""Whether models have learnt anything: agreement with the teacher by chance, heads at random."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from statsmodels.stats.inter_rater import cohens_kappa

from kdprobe.analysis.sanity_checks.learnt import check_chance, check_sure
from kdprobe.observations.predictions import Population, Predictions
from kdprobe.observations.study import Study
from kdprobe.stats.kappa import chance_error
from tests.analysis.studies import binary, labels_of_two, many_classes, quick, regression


def with_student(study: Study, values: np.ndarray) -> Study:
    """The study with one student that says these logits."""
    run = Predictions("s", study.split.ids, values)
    return replace(study, models=(study.teacher, Population("s", "student", (run,))))


@quick
@given(labels_of_two())
def test_the_error_under_chance_is_that_of_statsmodels(drawn):
    """Guards a wrong null variance: every weak student would be called a chance one, or none."""
    _, a, b, classes = drawn
    table = np.bincount(a * classes + b, minlength=classes**2).reshape(classes, classes)
    error = chance_error(table)
    if error is not None:
        # Perfect agreement rounds another of its variances to a little under 0.
        with np.errstate(invalid="ignore"):
            reference = cohens_kappa(table).std_kappa0
        assert error == pytest.approx(reference, abs=1e-9)


def test_one_label_only_has_no_error():
    """Guards a rater of one label whose shares add up to .9999…: an error of 0 proves anything."""
    assert chance_error(np.array([[4, 1, 2], [0, 0, 0], [0, 0, 0]])) is None


@pytest.mark.parametrize("study", [binary(300), many_classes(600)], ids=["two", "57"])
def test_a_random_student_is_called_so_and_a_weak_one_is_not(study):
    """Guards an unrelated model passing as a student that "agrees on 54 %"."""
    generator = np.random.Generator(np.random.PCG64(3))
    stranger = with_student(study, generator.normal(size=(study.n, study.classes)))
    (check,) = check_chance(stranger)
    assert check.notice is not None
    assert "no more than chance" in check.notice.message
    assert all(check.notice is None for check in check_chance(study))


def test_false_alarms_are_as_rare_as_said():
    """Guards a rule that fires on students: of unrelated ones it must miss 1 in 40, no more."""
    silent = 0
    for seed in range(200):
        generator = np.random.Generator(np.random.PCG64(seed))
        study = with_student(binary(200, resamples=10), generator.normal(size=(200, 2)))
        silent += check_chance(study)[0].notice is None
    assert 0 <= silent <= 12  # binomial(200, .025): 12 or fewer with probability .996


def test_a_constant_student_is_not_checked():
    """Guards a kappa of 0 by construction told as a finding."""
    (check,) = check_chance(with_student(binary(40), np.tile([0.0, 1.0], (40, 1))))
    assert check.outcome == "not checked"


def test_a_head_of_random_weights_is_told():
    """Guards numbers of a head that nobody trained; a trained, unsure model is not told."""
    study = binary(100)
    generator = np.random.Generator(np.random.PCG64(5))
    flat = with_student(study, 0.05 * generator.normal(size=(100, 2)))
    teacher, student = check_sure(flat)
    assert teacher.notice is None
    assert student.notice is not None
    assert "was its head trained?" in student.notice.message
    assert check_sure(regression(20)) == []
    assert check_chance(regression(20)) == []
