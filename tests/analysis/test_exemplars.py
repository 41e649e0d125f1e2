"""Compression-identified exemplars: modal labels over runs, and what one run cannot tell."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import mode

from kdprobe.analysis.exemplars import ANALYSIS, ExemplarOptions
from kdprobe.observations.predictions import Population, Predictions
from kdprobe.observations.study import Study
from kdprobe.results.schema import AnalysisResult, Estimate
from tests.analysis.studies import (
    binary,
    regression,
    several_seeds,
    study_of,
    teacher_alone,
    unlabelled,
)


def of_runs(
    gold: Sequence[int], teacher: Sequence[Sequence[int]], student: Sequence[Sequence[int]]
) -> Study:
    study = study_of(gold, teacher[0], student[0])

    def population(model: Population, rows: Sequence[Sequence[int]]) -> Population:
        runs = tuple(
            Predictions(model.name, study.split.ids, np.array(row, float)[:, None], "labels")
            for row in rows
        )
        return replace(model, runs=runs)

    models = (population(study.models[0], teacher), population(study.models[1], student))
    return replace(study, models=models)


def analysed(study: Study) -> AnalysisResult:
    assert ANALYSIS.skip_reason(study) is None
    return ANALYSIS.run(study, ExemplarOptions(), {})


def at(result: AnalysisResult, metric: str, a: str, b: str = "", subset: str = "all") -> Estimate:
    return next(
        e
        for e in result.estimates
        if (e.metric, e.model_a, e.model_b, e.subset) == (metric, a, b, subset)
    )


TEACHER = [[0, 0, 1, 1], [0, 0, 1, 1], [0, 1, 1, 0]]
STUDENT = [[0, 1, 1, 0], [0, 1, 1, 1], [0, 0, 1, 0]]


def test_by_hand():
    """Disagreements of first runs would give a number of the same kind, for another thing."""
    result = analysed(of_runs([0, 0, 1, 1], TEACHER, STUDENT))
    assert at(result, "exemplars", "t", "s1").value == 0.5
    assert at(result, "seed_stability", "t").value == pytest.approx((1 + 2 / 3 + 1 + 2 / 3) / 4)
    assert at(result, "seed_disagreement", "t").value == pytest.approx((2 / 3 + 2 / 3) / 4)
    assert at(result, "accuracy", "t", "s1", "exemplars").value == pytest.approx(2 / 3)
    assert at(result, "accuracy", "s1", "t", "exemplars").value == pytest.approx(1 / 3)
    assert at(result, "accuracy", "t", "s1", "others").value == 1.0
    (table,) = result.tables
    assert [row[1] for row in table.rows] == ["e1", "e3"]
    assert table.rows[0][3:] == ("bad", 2 / 3, "good", 2 / 3)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 5), st.integers(2, 5), st.integers(0, 1000))
def test_modal_labels_against_scipy(runs_t: int, runs_s: int, seed: int):
    """A tie broken differently on the two sides would make exemplars of nothing."""
    generator = np.random.default_rng(seed)
    t, s = (generator.integers(0, 2, size=(runs, 15)) for runs in (runs_t, runs_s))
    expected = (mode(t, axis=0).mode != mode(s, axis=0).mode).mean()
    result = analysed(of_runs([0, 1, 1] * 5, t.tolist(), s.tolist()))
    found = at(result, "exemplars", "t", "s1")
    assert found.value == pytest.approx(expected)


def test_order_of_runs_does_not_matter():
    """The first run must have no more weight than the others."""
    study = several_seeds()
    teacher = replace(study.teacher, runs=study.teacher.runs[::-1])
    turned = replace(study, models=(teacher, *study.students))
    one, other = (at(analysed(s), "exemplars", "teacher", "student-1") for s in (study, turned))
    assert (one.value, one.low, one.high) == (other.value, other.low, other.high)


def test_one_run_a_side_is_refused():
    """With one run a side this is plain disagreement under a grander name."""
    assert "are just the disagreements" in (ANALYSIS.skip_reason(binary()) or "")
    assert "regression" in (ANALYSIS.skip_reason(regression(runs=2)) or "")
    assert "no student" in (ANALYSIS.skip_reason(teacher_alone()) or "")


def test_the_single_side_is_named():
    """A student with one run may differ by accident of its seed; the reader must know."""
    study = of_runs([0, 0, 1, 1], TEACHER, STUDENT[:1])
    result = analysed(study)
    assert any(note.startswith("s1 has one run") for note in result.notes)
    assert at(result, "seed_stability", "s1").undefined == (
        "s1 has one run; agreement between runs needs two"
    )
    (table,) = result.tables
    assert table.rows[0][6] is None


def test_a_pair_of_single_runs_is_undefined():
    """Several seeds of one student say nothing about the pair of teacher and another student."""
    study = several_seeds()
    teacher, first, second = study.models
    single = replace(
        study,
        models=(
            replace(teacher, runs=teacher.runs[:1]),
            replace(first, runs=first.runs[:1]),
            second,
        ),
    )
    result = analysed(single)
    assert "plain disagreements" in at(result, "exemplars", "teacher", "student-1").undefined
    assert at(result, "exemplars", "teacher", "student-2").value is not None


def test_ties_are_told():
    """Two runs that disagree have no modal label; which one counts must be said."""
    result = analysed(of_runs([0, 1], [[0, 1], [1, 1]], [[1, 1], [1, 1]]))
    assert at(result, "exemplars", "t", "s1").value == 0.5
    assert any("On 1 of 2 examples two labels are equally frequent" in n for n in result.notes)


def test_equal_models_have_no_exemplars_and_a_reason():
    """Accuracy on an empty set is a reason, not 0."""
    result = analysed(of_runs([0, 0, 1, 1], TEACHER, TEACHER))
    found = at(result, "exemplars", "t", "s1")
    assert (found.value, found.low, found.high) == (0.0, 0.0, 0.75)
    assert at(result, "accuracy", "t", "s1", "exemplars").undefined == (
        "there are no exemplars of this pair"
    )


def test_without_gold_labels():
    """Exemplars need no gold labels; accuracies do."""
    result = analysed(unlabelled(several_seeds()))
    assert "accuracy" not in {e.metric for e in result.estimates}
    assert at(result, "exemplars", "teacher", "student-1").value is not None
