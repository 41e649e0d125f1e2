"""Confidence: numbers by hand, scipy as the reference, and what stays unmoved."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from kdprobe.analysis.confidence import ANALYSIS
from kdprobe.analysis.gold import gold_of
from kdprobe.analysis.protocol import NoOptions
from kdprobe.observations.predictions import Population, Predictions
from kdprobe.observations.study import Study
from kdprobe.results.schema import AnalysisResult, Estimate
from tests.analysis import studies


def confidence(study: Study) -> AnalysisResult:
    assert ANALYSIS.skip_reason(study) is None
    return ANALYSIS.run(study, NoOptions(), {})


def found(
    result: AnalysisResult, metric: str, a: str, b: str = "", subset: str = "all"
) -> Estimate:
    return next(
        item
        for item in result.estimates
        if (item.metric, item.model_a, item.model_b, item.subset) == (metric, a, b, subset)
    )


def of_probabilities(gold: list[int], *models: list[float]) -> Study:
    """Build binary models, called t, s1 and so on, from their probabilities of class 1."""
    shapes = studies.study_of(gold, *([0] * len(gold) for _ in models))
    return replace(
        shapes,
        models=tuple(
            Population(
                model.name,
                model.role,
                (
                    Predictions(
                        model.name,
                        model.first.ids,
                        np.log(np.stack([1 - np.array(p), np.array(p)], axis=1)),
                        "log-probabilities",
                    ),
                ),
            )
            for model, p in zip(shapes.models, models, strict=True)
        ),
    )


def test_mean_confidence_by_hand():
    """The probability of class 1 averaged instead of that of the predicted class."""
    result = confidence(of_probabilities([1, 1, 0, 0], [0.9, 0.2, 0.4, 0.7]))
    # Confidences .9 .8 .6 .7; hits are the first and the third.
    for subset, expected, n in (("all", 0.75, 4), ("hits", 0.75, 2), ("mistakes", 0.75, 2)):
        estimate = found(result, "mean_confidence", "t", subset=subset)
        assert estimate.value == pytest.approx(expected)
        assert estimate.n == n
    skewed = confidence(of_probabilities([1, 0, 0, 0], [0.9, 0.8, 0.6, 0.3]))
    assert found(skewed, "mean_confidence", "t", subset="hits").value == pytest.approx(0.8)
    assert found(skewed, "mean_confidence", "t", subset="mistakes").value == pytest.approx(0.7)


def test_difference_is_b_minus_a():
    """The sign turned round: an underconfident student shown as overconfident."""
    result = confidence(of_probabilities([1, 1], [0.9, 0.8], [0.6, 0.3]))
    assert found(result, "confidence_difference", "t", "s1").value == pytest.approx(-0.2)


def test_thesis_table_of_averages():
    """Standard deviations lost, or hits and mistakes exchanged."""
    study = studies.binary()
    table = confidence(study).tables[0]
    sure = study.teacher.first.confidence
    wrong = study.teacher.first.predicted != gold_of(study)
    row = next(row for row in table.rows if row[:2] == ("teacher", "mistakes"))
    assert row[2:] == pytest.approx((wrong.sum(), sure[wrong].mean(), sure[wrong].std()))


@pytest.mark.parametrize("build", [studies.binary, studies.many_classes])
@pytest.mark.parametrize("subset", ["all", "agree", "disagree"])
def test_correlations_are_those_of_scipy(build, subset):
    """Correlations over the wrong examples, or margins of the student's own class."""
    study = build()
    result = confidence(study)
    for left, right in ((0, 1), (0, 2), (1, 2)):
        a, b = study.models[left].first, study.models[right].first
        same = a.predicted == b.predicted
        mask = {"all": np.full(study.n, True), "agree": same, "disagree": ~same}[subset]
        sure = [special.softmax(run.values, axis=1).max(axis=1)[mask] for run in (a, b)]
        rows = np.arange(study.n)
        odds = [
            special.logit(special.softmax(run.values, axis=1)[rows, a.predicted])[mask]
            for run in (a, b)
        ]
        for metric, expected in {
            "pearson": stats.pearsonr(*sure).statistic,
            "spearman": stats.spearmanr(*sure).statistic,
            "margin_pearson": stats.pearsonr(*odds).statistic,
            "margin_spearman": stats.spearmanr(*odds).statistic,
        }.items():
            estimate = found(result, metric, a.model, b.model, subset)
            assert estimate.value == pytest.approx(expected, abs=1e-9)
            assert estimate.n == mask.sum()
            assert estimate.low is not None
            assert estimate.low <= expected <= estimate.high


def test_saturation_hides_what_the_margin_shows():
    """Confidences that all round to 1 must not look like models without any relation."""
    generator = np.random.default_rng(1)
    teacher = generator.uniform(40, 80, size=80)  # 1 - p is below the last digit of a float
    student = teacher + generator.normal(0, 2, size=80)
    base = studies.classification(80, students=1)
    study = replace(
        base,
        models=tuple(
            Population(
                model.name,
                model.role,
                (Predictions(model.name, base.split.ids, np.stack([v, 0 * v], axis=1)),),
            )
            for model, v in zip(base.models, (teacher, student), strict=True)
        ),
    )
    result = confidence(study)
    assert found(result, "pearson", "teacher", "student-1").undefined == (
        "teacher says the same of every example here"
    )
    margin = found(result, "margin_pearson", "teacher", "student-1")
    assert margin.value == pytest.approx(stats.pearsonr(teacher, student).statistic)


def test_noise_of_the_last_bit_is_no_relation():
    """A constant model of 57 classes whose confidences differ by rounding seems related."""
    generator = np.random.default_rng(2)
    base = studies.many_classes(100)
    flat = np.array([generator.permutation(np.linspace(0, 3, 57)) for _ in range(100)])
    constant = Population("student-1", "student", (Predictions("student-1", base.split.ids, flat),))
    result = confidence(replace(base, models=(base.teacher, constant)))
    for metric in ("pearson", "spearman"):
        assert found(result, metric, "teacher", "student-1").undefined == (
            "student-1 says the same of every example here"
        )


def test_seeds_give_the_ceiling():
    """A run correlated with itself, or the ceiling filed under another subset."""
    study = studies.several_seeds(runs=3)
    result = confidence(study)
    runs = study.teacher.runs
    expected = np.mean(
        [
            stats.spearmanr(runs[i].confidence, runs[j].confidence).statistic
            for i, j in ((0, 1), (0, 2), (1, 2))
        ]
    )
    estimate = found(result, "spearman", "teacher", "teacher", "between seeds")
    assert estimate.value == pytest.approx(expected)
    assert estimate.interval.endswith("the runs themselves are not resampled")
    pairs = [
        stats.spearmanr(a.confidence, b.confidence).statistic
        for a in runs
        for b in study.students[0].runs
    ]
    across = found(result, "spearman", "teacher", "student-1")
    assert across.value == pytest.approx(np.mean(pairs))


def test_undefined_has_its_reason():
    """NaN or 0 instead of a reason."""
    mixed = confidence(studies.mixed_scales())
    assert found(mixed, "mean_confidence", "student-2").undefined == (
        "only predicted labels are known of this model, no probabilities"
    )
    assert found(mixed, "confidence_difference", "teacher", "student-2").undefined == (
        "student-2: only predicted labels are known of this model, no probabilities"
    )
    assert found(mixed, "margin_spearman", "teacher", "student-2").undefined == (
        "student-2: only predicted labels are known of this model, no probabilities"
    )
    unlabelled = confidence(studies.unlabelled(studies.binary(30)))
    assert found(unlabelled, "mean_confidence", "teacher", subset="hits").undefined == (
        "the split has no gold labels, so no prediction is known to be right or wrong"
    )
    perfect = confidence(studies.perfect_models())
    assert found(perfect, "mean_confidence", "t", subset="mistakes").undefined == (
        "t makes no mistakes"
    )
    assert found(perfect, "spearman", "t", "s1", "disagree").undefined == (
        "examples here: 0; a correlation needs at least 3"
    )
    constant = confidence(studies.constant_student())
    assert found(constant, "pearson", "teacher", "student-1").undefined == (
        "student-1 says the same of every example here"
    )
    seeds = studies.several_seeds(2, runs=2)
    assert found(confidence(seeds), "pearson", "teacher", "teacher", "between seeds").undefined == (
        "examples here: 2; a correlation needs at least 3"
    )
    flat = studies.constant_student()
    twice = replace(flat.students[0], runs=(flat.students[0].first,) * 2)
    both = confidence(replace(flat, models=(flat.teacher, twice)))
    assert found(both, "pearson", "student-1", "student-1", "between seeds").undefined == (
        "a run of this model says the same of every example"
    )


def test_values_that_differ_too_little_have_a_reason():
    """A variance that underflows gives NaN although the values are not all equal."""
    study = studies.regression(10, students=1)
    tiny = np.full((10, 1), 1.0)
    tiny[0] = 1.0 + 2.0**-52
    spread = Predictions("student-1", study.split.ids, tiny * 1e-200, "scores")
    result = confidence(
        replace(study, models=(study.teacher, Population("student-1", "student", (spread,))))
    )
    assert found(result, "pearson", "teacher", "student-1").undefined == (
        "the values differ by too little to correlate"
    )


def test_regression_correlates_scores():
    """A regression asked for a softmax of its one column: confidence 1 everywhere."""
    study = studies.regression()
    result = confidence(study)
    a, b = study.teacher.first.scores, study.students[0].first.scores
    assert found(result, "pearson", "teacher", "student-1").value == pytest.approx(
        stats.pearsonr(a, b).statistic
    )
    far = found(result, "mean_absolute_difference", "teacher", "student-1")
    assert far.value == pytest.approx(float(np.abs(a - b).mean()))
    bias = found(result, "mean_difference", "teacher", "student-1")
    assert bias.value == pytest.approx(float((b - a).mean()))  # positive: the student gives more
    assert bias.low is not None
    assert bias.value is not None
    assert bias.high is not None
    assert bias.low < bias.value < bias.high
    names = {"pearson", "spearman", "mean_absolute_difference", "mean_difference"}
    assert {item.metric for item in result.estimates} == names
    assert "confidence" not in result.curves[0].x_title


def test_charts():
    """Points without their example, or bars that do not add up to all examples."""
    study = studies.many_classes(200)
    curves = {curve.name: curve for curve in confidence(study).curves}
    scatter = curves["teacher:student-1"]
    assert [series.name for series in scatter.series] == ["agree", "disagree"]
    assert sorted(label for series in scatter.series for label in series.labels) == sorted(
        study.split.ids
    )
    place = study.split.ids.index(scatter.series[1].labels[0])
    assert scatter.series[1].x[0] == study.teacher.first.confidence[place]
    assert scatter.series[1].y[0] == study.students[0].first.confidence[place]
    for series in curves["confidences"].series:
        assert sum(series.counts) == study.n
        assert sum(series.y) == pytest.approx(1.0)
    binary = {curve.name: curve for curve in confidence(studies.binary()).curves}
    assert binary["confidences"].series[0].labels[0] == ".50–.55"
    assert set(curves) == {"teacher:student-1", "teacher:student-2", "confidences"}


def test_skip_reason():
    """A section full of undefined numbers where nothing can be said at all."""
    assert ANALYSIS.skip_reason(studies.hard_labels(20)) == (
        "of all models only the predicted labels are known, no probabilities"
    )
    assert ANALYSIS.skip_reason(studies.regression(20, students=0)) == (
        "a regression has no confidences, and one model has nothing to be compared with"
    )


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.floats(-50, 50), st.integers(2, 6))
def test_adding_a_constant_to_all_logits_changes_nothing(seed, shift, classes):
    """Numbers read off raw logits, which are only known up to a constant per example."""
    study = studies.classification(30, classes=classes, students=1, seed=seed, resamples=20)
    offsets = np.linspace(-1, 1, 30)[:, None] * shift
    moved = replace(
        study,
        models=(
            study.teacher,
            Population(
                "student-1",
                "student",
                (
                    replace(
                        study.students[0].first, values=study.students[0].first.values + offsets
                    ),
                ),
            ),
        ),
    )
    before, after = confidence(study), confidence(moved)
    for one, other in zip(before.estimates, after.estimates, strict=True):
        assert one.undefined == other.undefined
        if one.value is not None:
            assert other.value == pytest.approx(one.value, abs=1e-6)
