"""What was lost: the ranking claims no more than the intervals and q-values behind it."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from kdprobe.analysis import minimal_pairs, slices
from kdprobe.analysis.protocol import NoOptions
from kdprobe.analysis.slicing import SliceOptions
from kdprobe.analysis.student_gaps import ANALYSIS
from kdprobe.observations.minimal_pairs import MinimalPairs
from kdprobe.observations.study import Study
from kdprobe.results.losses import certainty
from kdprobe.results.schema import AnalysisResult, Estimate, Gap, Metric
from tests.analysis.studies import (
    binary,
    classification,
    identical_models,
    regression,
    several_seeds,
    small_studies,
    study_of,
    teacher_alone,
    unlabelled,
    with_minimal_pairs,
)


def measured(study: Study) -> dict[str, AnalysisResult]:
    done = {}
    if slices.ANALYSIS.skip_reason(study) is None:
        done["slices"] = slices.ANALYSIS.run(study, SliceOptions(), {})
    if minimal_pairs.ANALYSIS.skip_reason(study) is None:
        options = minimal_pairs.MinimalPairAnalysisOptions()
        done["minimal_pairs"] = minimal_pairs.ANALYSIS.run(study, options, {})
    return done


def analysed(study: Study, done: Mapping[str, AnalysisResult] | None = None) -> AnalysisResult:
    assert ANALYSIS.skip_reason(study) is None
    return ANALYSIS.run(study, NoOptions(), measured(study) if done is None else done)


def gap_row(*, gap: float = 0.1, low: float | None, q: float | None) -> Gap:
    return Gap(
        student="s",
        kind="label",
        subset="label: x",
        metric="accuracy",
        teacher_value=0.9,
        student_value=0.9 - gap,
        gap=gap,
        low=low,
        high=None if low is None else 1.0,
        q_value=q,
        n=10,
    )


def test_status():
    """An interval that includes 0, or a q of .05 and more, must never be claimed as a loss."""
    assert certainty(gap_row(low=0.02, q=0.01)) == "lost"
    assert certainty(gap_row(low=0.02, q=0.05)) == "perhaps lost"
    assert certainty(gap_row(low=0.02, q=None)) == "perhaps lost"
    assert certainty(gap_row(low=0.0, q=0.01)) == "within noise"
    assert certainty(gap_row(low=None, q=0.01)) == "within noise"


def test_by_hand():
    """The teacher's hits that the student misses must be named, the surest first."""
    gold = [0] * 20 + [1] * 20
    student = [1] * 15 + [0] * 5 + [1] * 20
    study = study_of(gold, gold, student)
    values = study.teacher.first.values.copy()
    values[4, 0] = 9.0
    run = replace(study.teacher.first, values=values)
    study = replace(study, models=(replace(study.teacher, runs=(run,)), study.models[1]))
    result = analysed(study)
    first = result.gaps[0]
    assert (first.subset, first.kind, first.n) == ("label: bad", "label", 20)
    assert (first.teacher_value, first.student_value, first.gap) == (1.0, 0.25, 0.75)
    assert first.examples == ("e4", "e0", "e1")
    assert "label: good" not in {each.subset for each in result.gaps}
    (note,) = result.notes
    assert note.startswith(
        "s1 loses most on label: bad (25.0% right where the teacher has 100.0%: 75.0 points"
    )


def test_small_noisy_parts_do_not_top_the_list():
    """A gap of 40 points on ten examples is less sure than one of 30 points on two hundred."""
    result = analysed(classification(400, students=2, resamples=500))
    order = ["lost", "perhaps lost", "within noise"]
    ranks = [order.index(certainty(each)) for each in result.gaps]
    assert ranks == sorted(ranks)
    for status in order:
        lows = [each.low for each in result.gaps if certainty(each) == status]
        known = [low for low in lows if low is not None]
        assert known == sorted(known, reverse=True)
    assert [row[0] for row in result.tables[0].rows] == [certainty(x) for x in result.gaps]


@settings(max_examples=25, deadline=None)
@given(small_studies())
def test_every_example_is_a_real_loss(study: Study):
    """An example the student gets right under the heading 'lost' would be a lie."""
    result = analysed(study)
    row_of = {name: row for row, name in enumerate(study.split.ids)}
    gold = np.asarray(study.split.labels)
    t, s = study.teacher.first.predicted, study.students[0].first.predicted
    for each in result.gaps:
        assert each.gap > 0
        assert each.gap == pytest.approx(each.teacher_value - each.student_value)
        assert len(each.examples) <= 3
        for name in each.examples:
            row = row_of[name]
            assert t[row] == gold[row] != s[row]
            if each.kind == "label":
                assert each.subset == f"label: {study.split.task.labels[gold[row]]}"


def test_a_regression_loses_when_its_error_grows():
    """For an error smaller is better: losses must be students that are further off."""
    study = regression()
    result = analysed(study)
    assert result.gaps
    row_of = {name: row for row, name in enumerate(study.split.ids)}
    gold = np.asarray(study.split.labels)
    for each in result.gaps:
        assert each.metric == "mae"
        assert each.student_value > each.teacher_value
        assert each.gap == pytest.approx(each.student_value - each.teacher_value)
        student = next(model for model in study.students if model.name == each.student)
        for name in each.examples:
            row = row_of[name]
            errors = [abs(m.first.scores[row] - gold[row]) for m in (study.teacher, student)]
            assert errors[1] > errors[0]
    assert "score points" in " ".join(result.notes)


def test_phenomena_stand_beside_slices():
    """Minimal pairs have their own ids: no example of the split may stand for them."""
    result = analysed(with_minimal_pairs())
    phenomena = [each for each in result.gaps if each.kind == "phenomenon"]
    assert {each.subset for each in phenomena} <= {"agreement", "islands", "binding"}
    assert phenomena
    assert all(each.examples == () for each in phenomena)
    assert {each.kind for each in result.gaps} > {"phenomenon"}


def test_identical_models_lose_nothing():
    """A list that always names something would invent a loss."""
    result = analysed(identical_models())
    assert result.gaps == ()
    assert result.notes == ("For student-1 nothing is lost beyond noise on any of 11 parts.",)


def test_slices_of_other_options_are_found_again():
    """Slices cut by other options have other names; examples must come from those parts."""
    study = binary()
    options = SliceOptions(length_bins=2, minimum=30)
    result = analysed(study, {"slices": slices.ANALYSIS.run(study, options, {})})
    lengths = {each.subset for each in result.gaps if each.kind == "length"}
    assert lengths <= {"length: 1–5 words", "length: 6–9 words"}
    assert lengths


def test_the_primary_score_is_told_where_it_is_known():
    """The sentence must quote the score the task ranks models by, of the right models."""
    study = identical_models()
    metric = Metric(name="accuracy", label="accuracy", definition="share of hits")
    scores = AnalysisResult(
        name="task_scores",
        version=1,
        title="Scores",
        metrics=(metric,),
        estimates=(
            Estimate(metric="accuracy", model_a="teacher", value=0.75),
            Estimate(metric="accuracy", model_a="student-1", value=0.5),
        ),
    )
    (note,) = analysed(study, {**measured(study), "task_scores": scores}).notes
    assert note.endswith("Overall accuracy: 0.500, the teacher's 0.750.")


def test_several_seeds():
    """Gaps of averaged runs are ranked as well."""
    result = analysed(several_seeds())
    assert result.gaps
    assert all(each.q_value is not None for each in result.gaps)


def test_nothing_to_rank_is_said():
    """Skipped analyses must not read as nothing lost."""
    result = analysed(binary(), {})
    assert result.gaps == ()
    assert result.notes == ("Neither slices nor minimal_pairs ran, so there are no gaps to rank.",)


def test_reasons():
    """A study in which nothing can be known to be lost must say so."""
    assert "no student" in (ANALYSIS.skip_reason(teacher_alone()) or "")
    assert "neither gold labels nor minimal pairs" in (
        ANALYSIS.skip_reason(unlabelled(binary(9))) or ""
    )


def test_unlabelled_minimal_pairs_are_enough():
    """Phenomena can be lost where no gold label of the split is known."""
    result = analysed(unlabelled(with_minimal_pairs()))
    assert {each.kind for each in result.gaps} == {"phenomenon"}


def test_pairs_are_quoted_where_there_are_no_examples():
    """A lost phenomenon without a sentence to look at cannot be checked by its reader."""
    study = with_minimal_pairs()
    pairs = study.get(MinimalPairs)
    assert pairs is not None
    lost = [each for each in analysed(study).gaps if each.kind == "phenomenon"]
    assert lost
    said = {
        f"{g} / *{b}": row for row, (g, b) in enumerate(zip(pairs.good, pairs.bad, strict=True))
    }
    for each in lost:
        assert not each.examples
        assert len(each.quotes) <= 3
        for quote in each.quotes:
            row = said[quote]
            assert pairs.phenomena[row] == each.subset
            assert pairs.margins[study.teacher.name][0][row] > 0
            assert pairs.margins[each.student][0][row] < 0
    assert any(each.quotes for each in lost)
