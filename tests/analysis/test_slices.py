"""Slices: the cut is right and named, and every number on a part is that of the part."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ttest_rel
from sklearn.metrics import mean_absolute_error, recall_score
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from kdprobe.analysis.estimates import EstimateKey
from kdprobe.analysis.slices import ANALYSIS
from kdprobe.analysis.slicing import SliceOptions, length_bins, slices_of, words_of
from kdprobe.analysis.student_gaps.gaps import gap_estimate, paired_p
from kdprobe.errors import TaskError
from kdprobe.observations.study import Study
from kdprobe.results.schema import AnalysisResult, Estimate
from tests.analysis.studies import (
    binary,
    classification,
    identical_models,
    many_classes,
    regression,
    several_seeds,
    small_studies,
    study_of,
    teacher_alone,
    unlabelled,
)


def analysed(study: Study, options: SliceOptions | None = None) -> AnalysisResult:
    assert ANALYSIS.skip_reason(study) is None
    return ANALYSIS.run(study, options or SliceOptions(), {})


def at(result: AnalysisResult, metric: str, a: str, b: str, subset: str) -> Estimate:
    return next(
        e
        for e in result.estimates
        if (e.metric, e.model_a, e.model_b, e.subset) == (metric, a, b, subset)
    )


def test_by_hand():
    """A swapped sign or a slice of the wrong label would turn a loss into a gain."""
    result = analysed(study_of([0, 0, 1, 1, 1], [0, 0, 1, 1, 0], [0, 1, 1, 0, 0]))
    assert at(result, "accuracy", "t", "", "label: bad").value == 1.0
    assert at(result, "accuracy", "s1", "", "label: bad").value == 0.5
    assert at(result, "gap", "t", "s1", "label: bad").value == 0.5
    assert at(result, "gap", "t", "s1", "label: good").value == pytest.approx(1 / 3)
    assert at(result, "agreement", "t", "s1", "label: good").value == pytest.approx(2 / 3)
    assert at(result, "gap", "t", "s1", "label: good").n == 3


def test_label_slices_are_recall():
    """Accuracy on one gold label must be that label's recall as scikit-learn counts it."""
    study = many_classes()
    result = analysed(study)
    gold = study.split.labels
    assert gold is not None
    recall = recall_score(gold, study.models[1].first.predicted, average=None, labels=range(57))
    for place, label in enumerate(study.split.task.labels):
        found = at(result, "accuracy", "student-1", "", f"label: {label}").value
        assert found == pytest.approx(recall[place])


def test_p_and_q_against_statsmodels():
    """A q-value over the wrong family would call noise a finding."""
    study = binary()
    result = analysed(study)
    gold, t = study.split.labels, study.teacher.first.predicted
    parts = slices_of(study, SliceOptions())
    gaps = [e for e in result.estimates if e.metric == "gap"]
    expected = []
    for student in study.students:
        s = student.first.predicted
        for part in parts:
            only_t = int((part.mask & (t == gold) & (s != gold)).sum())
            only_s = int((part.mask & (t != gold) & (s == gold)).sum())
            table = [[0, only_t], [only_s, 0]]
            expected.append(mcnemar(table, exact=only_t + only_s < 25).pvalue)
    assert [e.p_value for e in gaps] == pytest.approx(expected)
    assert [e.q_value for e in gaps] == pytest.approx(multipletests(expected, method="fdr_bh")[1])


def test_interval_covers_an_independent_bootstrap():
    """Resamples that lose the pairing would give an interval far too wide."""
    study = classification(300, students=1, resamples=2000)
    found = at(analysed(study), "gap", "teacher", "student-1", "label: bad")
    gold = np.asarray(study.split.labels)
    inside = gold == 0
    difference = (study.teacher.first.predicted == gold).astype(float) - (
        study.students[0].first.predicted == gold
    )
    generator = np.random.default_rng(5)
    own = difference[inside]
    means = [own[generator.integers(0, len(own), len(own))].mean() for _ in range(2000)]
    assert (found.low, found.high) == pytest.approx(np.quantile(means, [0.025, 0.975]), abs=0.02)


def test_rare_levels_are_pooled_and_said():
    """A rare level dropped without a word would hide where a student fails."""
    study = binary(60)
    levels = tuple("common" if row < 50 else f"rare-{row % 4}" for row in range(60))
    study = replace(
        study, split=replace(study.split, columns={"source": levels}), slice_columns=("source",)
    )
    result = analysed(study)
    assert at(result, "accuracy", "teacher", "", "source: other (4 levels)").n == 10
    assert any("pools the levels of the column source" in note for note in result.notes)


def test_at_most_so_many_levels():
    """Hundreds of levels would drown the page; the rest must still be counted."""
    study = binary(60)
    levels = tuple(f"level-{row % 6}" for row in range(60))
    study = replace(study, split=replace(study.split, columns={"domain": levels}), slice_columns=())
    parts = [p for p in slices_of(study, SliceOptions(max_levels=2)) if p.kind == "domain"]
    assert [(p.subset, p.n) for p in parts] == [
        ("domain: level-0", 10),
        ("domain: level-1", 10),
        ("domain: other (4 levels)", 40),
    ]


def test_unknown_column_is_named():
    """A misspelt column must not silently give no slices."""
    study = replace(binary(), slice_columns=("sorce",))
    with pytest.raises(TaskError) as caught:
        ANALYSIS.skip_reason(study)
    assert str(caught.value) == (
        "toy dev: there is no column 'sorce' to slice by, expected one of genre, hard"
    )


def test_no_columns_at_all_is_said():
    """The message must not offer an empty list of columns."""
    study = binary()
    study = replace(study, split=replace(study.split, columns={}))
    with pytest.raises(TaskError) as caught:
        ANALYSIS.skip_reason(study)
    assert str(caught.value) == (
        "toy dev: there is no column 'genre' to slice by; this split has no extra columns at all"
    )


@given(st.lists(st.integers(1, 40), min_size=1, max_size=60), st.integers(2, 6))
def test_length_bins_hold_every_length_once(lengths: list[int], bins: int):
    """A gap between two ranges would lose examples, an overlap would count them twice."""
    ranges = length_bins(lengths, bins)
    assert len(ranges) <= bins
    for length in lengths:
        assert sum(low <= length <= high for low, high in ranges) == 1


@settings(max_examples=30, deadline=None)
@given(small_studies())
def test_slices_of_a_kind_add_up(study: Study):
    """Weighted by n, the slices of one kind must give the score on all examples."""
    if ANALYSIS.skip_reason(study):
        return
    result = analysed(study)
    overall = float((study.teacher.first.predicted == study.split.labels).mean())
    parts = [e for e in result.estimates if e.metric == "accuracy" and e.model_a == "t"]
    labels = [e for e in parts if e.subset.startswith("label: ")]
    total = sum((e.value or 0) * (e.n or 0) for e in labels)
    assert total / study.n == pytest.approx(overall)
    for made in result.estimates:
        if made.metric == "gap" and made.low is not None and made.high is not None:
            assert made.value is not None
            assert -1 <= made.low <= made.value + 1e-9 <= made.high + 2e-9 <= 1 + 2e-9


def test_identical_models_lose_nothing_without_certainty():
    """Two equal models must get a gap of 0, p = 1, and an interval that is not of zero width."""
    gaps = [e for e in analysed(identical_models()).estimates if e.metric == "gap"]
    assert {e.value for e in gaps} == {0.0}
    assert {e.p_value for e in gaps} == {1.0}
    for made in gaps:
        assert made.low is not None
        assert made.low == pytest.approx(max(-1.0, -3 / (made.n or 1)))
        assert made.interval == "rule of three"


def test_regression_gap_is_positive_when_the_student_is_worse():
    """Errors are better when small: a gap with the sign of accuracy would hide every loss."""
    study = regression()
    result = analysed(study)
    inside = np.array([value == "news" for value in study.split.columns["genre"]])
    gold = np.asarray(study.split.labels)
    t, s = (
        mean_absolute_error(gold[inside], model.first.scores[inside]) for model in study.models[:2]
    )
    found = at(result, "gap", "teacher", "student-1", "genre: news")
    assert found.value == pytest.approx(s - t)
    assert at(result, "mae", "student-1", "", "genre: news").value == pytest.approx(s)


def test_several_seeds_average_over_runs():
    """Only the first run would be scored if runs were not averaged."""
    study = several_seeds()
    gold = np.asarray(study.split.labels)
    inside = gold == 1
    expected = np.mean([(run.predicted == gold)[inside].mean() for run in study.teacher.runs])
    found = at(analysed(study), "accuracy", "teacher", "", "label: good")
    assert found.value == pytest.approx(expected)


def test_without_gold_labels_agreement_is_left():
    """Scores against unknown labels must not be made up; agreement needs none."""
    result = analysed(unlabelled(binary(60)))
    assert {e.metric for e in result.estimates} == {"agreement"}
    assert any("no gold labels" in note for note in result.notes)


def test_reasons():
    """A study that cannot be cut must say why."""
    assert (
        ANALYSIS.skip_reason(teacher_alone()) == "there is no student to compare the teacher with"
    )
    assert "no gold scores" in (ANALYSIS.skip_reason(unlabelled(regression())) or "")
    assert "one slice" in (ANALYSIS.skip_reason(regression(1)) or "")


def test_options_that_leave_one_slice_are_said():
    """Nothing to compare is a sentence, not an empty section."""
    study = unlabelled(binary(9))
    split = replace(study.split, texts=("same words",) * 9)
    study = replace(study, split=split, slice_columns=("genre",))
    assert ANALYSIS.skip_reason(study) is not None
    result = ANALYSIS.run(study, SliceOptions(), {})
    assert not result.estimates
    assert "nothing to compare" in " ".join(result.notes)


def test_second_texts_count_as_words():
    """The length of a pair is that of both texts."""
    study = study_of([0, 1], [0, 1], [1, 1])
    study = replace(study, split=replace(study.split, pairs=("a b", "c")))
    assert words_of(study) == [3, 3]


def test_paired_p_against_scipy():
    """With one run a side the test must be the paired t-test, and it must see both models."""
    generator = np.random.default_rng(2)
    t, s = generator.normal(size=(2, 1, 40))
    assert paired_p(t, s) == pytest.approx(ttest_rel(t[0], s[0]).pvalue)
    assert paired_p(t, s) == paired_p(s, t)


def test_paired_p_counts_the_spread_over_runs():
    """Seeds that disagree more than the models must not make a finding of their mean."""
    wins = np.ones((3, 50))
    wins[:, ::5] = 0
    none = np.zeros((3, 50))
    steady = paired_p(wins, none)
    shaky = paired_p(np.concatenate([wins[:1], none[:2]]), none)
    assert steady is not None
    assert shaky is not None
    assert steady < 1e-6 < 0.2 < shaky


def test_paired_p_where_nothing_varies():
    """Zero variance must give neither a division by zero nor a certainty."""
    assert paired_p(np.ones((2, 3)), np.ones((2, 3))) == 1.0
    assert paired_p(np.ones((2, 3)), np.zeros((2, 3))) == 0.25
    assert paired_p(np.ones((2, 0)), np.zeros((2, 0))) is None


def test_a_gap_of_numbers_that_never_moves_has_no_interval():
    """An interval of zero width claims certainty."""
    made = gap_estimate(
        EstimateKey("gap", "t", "s"), np.full(9, 0.5), n=4, undefined="", share=False, p_value=0.5
    )
    assert (made.low, made.high, made.interval) == (None, None, "")
    assert "same in all resamples" in made.note


def test_a_column_called_label_is_no_gold_label():
    """Guards against its parts being counted as those of gold labels, each example in one."""
    study = study_of([0, 0, 1, 1, 1], [0, 0, 1, 1, 0], [0, 1, 1, 0, 0])
    study = replace(study, split=replace(study.split, columns={"label": tuple("xxxyy")}))
    result = analysed(replace(study, slice_columns=("label",)), SliceOptions(minimum=1))
    assert at(result, "accuracy", "s1", "", "label: good").value == pytest.approx(1 / 3)
    assert at(result, "accuracy", "s1", "", "label column: x").value == pytest.approx(2 / 3)
    assert at(result, "accuracy", "s1", "", "label column: y").value == 0.0
