"""Calibration: bins by hand, slow references written apart, and what must not move."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy import special
from sklearn.metrics import brier_score_loss, log_loss

from kdprobe.analysis.calibration import ANALYSIS
from kdprobe.analysis.calibration.draws import CalibrationOptions
from kdprobe.analysis.estimates import resamples_of
from kdprobe.analysis.gold import gold_of
from kdprobe.observations.predictions import Population, Predictions
from kdprobe.observations.study import Study
from kdprobe.results.schema import AnalysisResult, Estimate
from kdprobe.stats import calibration as _calibration
from kdprobe.stats.arrays import Floats
from tests.analysis import studies

QUICK = CalibrationOptions(simulations=200)


def calibration(study: Study, options: CalibrationOptions = QUICK) -> AnalysisResult:
    assert ANALYSIS.skip_reason(study) is None
    return ANALYSIS.run(study, options, {})


def found(result: AnalysisResult, metric: str, a: str, b: str = "") -> Estimate:
    return next(
        item
        for item in result.estimates
        if (item.metric, item.model_a, item.model_b) == (metric, a, b)
    )


def ends(estimate: Estimate) -> tuple[float, float, float]:
    """Low, value and high of an estimate that must have them all."""
    assert estimate.value is not None
    assert estimate.low is not None
    assert estimate.high is not None
    return estimate.low, estimate.value, estimate.high


def with_teacher(study: Study, values: Floats) -> Study:
    """The study with other logits of the teacher."""
    run = Predictions("teacher", study.split.ids, values)
    return replace(study, models=(Population("teacher", "teacher", (run,)), *study.students))


def reference_ece(sure: Floats, right: Floats, bins: int) -> float:
    """ECE by the words of the definition, one bin after the other."""
    total = 0.0
    for b in range(bins):
        low, high = b / bins, (b + 1) / bins
        inside = [i for i, p in enumerate(sure) if low < p <= high]
        if inside:
            accuracy = sum(right[i] for i in inside) / len(inside)
            confidence = sum(sure[i] for i in inside) / len(inside)
            total += len(inside) / len(sure) * abs(accuracy - confidence)
    return total


def test_ece_by_hand():
    """Accuracy and confidence compared over all examples instead of within bins."""
    # Two bins are filled: {.6, .6} with one hit, {.9, .9} with two: (.1 + .1) / 2.
    p = np.array([0.6, 0.6, 0.9, 0.9])
    base = studies.classification(4, students=0)
    study = with_teacher(base, np.log(np.stack([p, 1 - p], axis=1)))
    study = replace(study, split=replace(study.split, labels=np.array([0, 1, 0, 0])))
    result = calibration(study)
    assert found(result, "ece", "teacher").value == pytest.approx(0.1)
    assert found(result, "overconfidence", "teacher").value == pytest.approx(0.0)
    # Brier: .4^2 * 2, .6^2 * 2, .1^2 * 2 twice, over 4 examples.
    assert found(result, "brier", "teacher").value == pytest.approx((0.32 + 0.72 + 0.04) / 4)
    nll = -(np.log(0.6) + np.log(0.4) + 2 * np.log(0.9)) / 4
    assert found(result, "nll", "teacher").value == pytest.approx(nll)


@pytest.mark.parametrize("build", [studies.binary, studies.many_classes])
def test_against_references(build):
    """Top-label ECE mixed up with that of class 1; Brier of one class; the wrong rows' NLL."""
    study = build()
    gold = gold_of(study)
    result = calibration(study)
    for model in study.models:
        p = special.softmax(model.first.values, axis=1)
        right = (p.argmax(axis=1) == gold).astype(float)
        expected = {
            "ece": reference_ece(p.max(axis=1), right, 15),
            "overconfidence": p.max(axis=1).mean() - right.mean(),
            "brier": brier_score_loss(gold, p, labels=range(study.classes), scale_by_half=False),
            "nll": log_loss(gold, p, labels=range(study.classes)),
        }
        for metric, value in expected.items():
            estimate = found(result, metric, model.name)
            assert estimate.value == pytest.approx(value, abs=1e-9)
            assert estimate.n == study.n
            if metric != "ece":
                low, _, high = ends(estimate)
                assert low <= value <= high


def test_edges_belong_to_the_bin_below():
    """A confidence of exactly 1 in a bin of its own, or outside of all bins."""
    assert _calibration.equal_width(np.array([0.2, 0.2000001, 1.0, 0.0]), 5).tolist() == [
        0,
        1,
        4,
        0,
    ]


def test_equal_mass_bins():
    """Equal confidences split over bins by the order of the file."""
    confidence = np.repeat([0.5, 0.7, 0.9], 10)
    assert np.bincount(_calibration.equal_mass(confidence, 3)).tolist() == [10, 10, 10]
    tied = _calibration.equal_mass(np.full(30, 0.8), 15)
    assert len(set(tied.tolist())) == 1
    spread = _calibration.equal_mass(np.random.default_rng(0).uniform(0.5, 1, 150), 15)
    assert np.bincount(spread).tolist() == [10] * 15


def test_equal_mass_ece_is_that_of_sorted_chunks():
    """Bins of equal width used twice under two names."""
    study = studies.binary(150)
    right = (study.teacher.first.predicted == gold_of(study)).astype(float)
    sure = study.teacher.first.confidence
    chunks = np.array_split(np.argsort(sure), 15)
    expected = sum(abs(right[c].mean() - sure[c].mean()) * len(c) / 150 for c in chunks)
    estimate = found(calibration(study), "ece_equal_mass", "teacher")
    assert estimate.value == pytest.approx(expected)


def test_draws_are_the_ece_of_each_resample():
    """The bin sums of one resample divided by the sizes of another."""
    study = studies.binary(60, resamples=5)
    resamples, gold = resamples_of(study), gold_of(study)
    sure = study.teacher.first.confidence
    right = (study.teacher.first.predicted == gold).astype(float)
    members = _calibration.equal_width(sure, 15)
    draws = _calibration.ece_draws(resamples, right - sure, members, bins=15)
    for row, counts in enumerate(resamples.counts):
        drawn = np.repeat(np.arange(60), counts.astype(int))
        assert draws[row] == pytest.approx(reference_ece(sure[drawn], right[drawn], 15))


def test_the_calibration_error_stands_clear_of_chance():
    """An interval that holds the biased ECE and not the error itself."""
    base = studies.binary(300, resamples=500)
    gold, generator = gold_of(base), np.random.default_rng(5)
    p = generator.uniform(0.5, 1.0, size=300)
    classes = np.where(generator.random(300) < p, gold, 1 - gold)
    values = np.log(np.where(classes[:, None] == [0, 1], p[:, None], 1 - p[:, None]))
    calm = calibration(with_teacher(base, values))
    low, value, high = ends(found(calm, "calibration_error", "teacher"))
    assert low < 0 < high
    assert low <= value <= high
    ece = found(calm, "ece", "teacher")
    assert ece.value is not None
    assert ece.value > value
    assert ece.note == "no interval: chance alone makes an ECE larger; calibration_error has one"
    loud = calibration(with_teacher(base, 6 * values))
    low, value, _ = ends(found(loud, "calibration_error", "teacher"))
    assert 0.1 < low < value


def test_clusters_have_no_simulated_reference():
    """A reference of independent outcomes for answers that share a passage."""
    study = studies.clustered(studies.binary(200, resamples=400), 5)
    result, alone = calibration(study), calibration(studies.binary(200, resamples=400))
    for metric in ("ece_null", "ece_null_95"):
        assert found(result, metric, "teacher").undefined == (
            "the simulated outcomes are independent, those of examples in one cluster are not"
        )
    assert found(result, "ece", "teacher").p_value is None
    assert found(alone, "ece", "teacher").p_value is not None


def test_null_is_that_of_a_plain_simulation():
    """The null of a model with other confidences, or of another number of examples."""
    study = studies.binary(200)
    sure = study.teacher.first.confidence
    generator = np.random.default_rng(11)
    plain = [
        reference_ece(sure, (generator.random(200) < sure).astype(float), 15) for _ in range(400)
    ]
    result = calibration(study, CalibrationOptions(simulations=2000))
    null = found(result, "ece_null", "teacher")
    assert null.value == pytest.approx(np.mean(plain), abs=0.003)
    assert (null.low, null.high) == pytest.approx(
        tuple(np.quantile(plain, [0.025, 0.975])), abs=0.01
    )
    high = found(result, "ece_null_95", "teacher")
    assert high.value == pytest.approx(np.quantile(plain, 0.95), abs=0.008)
    assert high.note == "no interval: a percentile of 2,000 simulated outcomes"
    assert null.interval == "the middle 95 % of 2,000 simulated outcomes"


def test_p_value_tells_a_calibrated_model_from_an_overconfident_one():
    """A p-value that falls for calibrated models, or never can."""
    base = studies.classification(400, students=1, seed=4)
    generator = np.random.default_rng(8)
    p = generator.uniform(0.5, 1.0, size=400)
    classes = np.where(generator.random(400) < p, gold_of(base), 1 - gold_of(base))
    calm = np.log(np.where(classes[:, None] == [0, 1], p[:, None], 1 - p[:, None]))
    quiet = found(calibration(with_teacher(base, calm)), "ece", "teacher")
    assert quiet.p_value is not None
    assert quiet.p_value > 0.05
    loud = found(calibration(with_teacher(base, 6 * calm)), "ece", "teacher")
    assert loud.p_value == pytest.approx(1 / 201)
    several = found(calibration(studies.several_seeds(40, runs=2)), "ece", "teacher")
    assert several.p_value is None


def test_difference_is_paired_and_student_minus_teacher():
    """Two separate intervals subtracted, or the sign turned round."""
    study = studies.binary()
    result = calibration(study)
    for metric in ("calibration_error", "brier", "nll"):
        values = [ends(found(result, metric, name))[1] for name in ("teacher", "student-1")]
        paired = found(result, f"{metric}_difference", "teacher", "student-1")
        assert paired.value == pytest.approx(values[1] - values[0])
    same = calibration(studies.identical_models())
    for metric in ("calibration_error", "brier", "nll"):
        paired = found(same, f"{metric}_difference", "teacher", "student-1")
        assert (paired.value, paired.low, paired.high) == (0.0, 0.0, 0.0)


def test_hard_labels_are_a_reason():
    """Hard labels read as logits: a model sure of everything."""
    result = calibration(studies.mixed_scales())
    reason = "only predicted labels are known of this model, no probabilities"
    assert found(result, "ece", "student-2").undefined == reason
    assert found(result, "temperature", "student-2").undefined == reason
    assert found(result, "calibration_error_difference", "teacher", "student-2").undefined == (
        f"student-2: {reason}"
    )
    assert [series.name for series in result.curves[0].series] == ["teacher", "student-1"]
    assert ANALYSIS.skip_reason(studies.hard_labels(20)) == (
        "of all models only the predicted labels are known, no probabilities"
    )
    assert ANALYSIS.skip_reason(studies.regression(20)) == (
        "a regression predicts numbers, which are more or less close, not right or wrong"
    )
    assert ANALYSIS.skip_reason(studies.unlabelled(studies.binary(20))) == (
        "the split has no gold labels, so no prediction is known to be right or wrong"
    )


def test_reliability_diagram():
    """Bins without examples drawn at 0, or counts that lose examples."""
    study = studies.many_classes(300)
    series = calibration(study).curves[0].series[0]
    gold, run = gold_of(study), study.teacher.first
    assert sum(series.counts) == study.n
    assert min(series.counts) > 0
    right = np.average(series.y, weights=series.counts)
    assert right == pytest.approx((run.predicted == gold).mean())
    assert np.average(series.x, weights=series.counts) == pytest.approx(run.confidence.mean())
    for low, y, high in zip(series.low, series.y, series.high, strict=True):
        assert low is not None
        assert high is not None
        assert low - 1e-12 <= y <= high + 1e-12
        assert high - low > 0


def test_runs_are_averaged():
    """Only the first seed's calibration reported."""
    study = studies.several_seeds(runs=3)
    gold = gold_of(study)
    expected = np.mean(
        [
            reference_ece(run.confidence, (run.predicted == gold).astype(float), 15)
            for run in study.teacher.runs
        ]
    )
    assert found(calibration(study), "ece", "teacher").value == pytest.approx(expected)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 30), st.integers(2, 5))
def test_bounds_and_order(seed, n, classes):
    """Values outside of their stated range; results that depend on the order of the file."""
    study = studies.classification(n, classes=classes, students=1, seed=seed, resamples=30)
    result = calibration(study, CalibrationOptions(simulations=100))
    moved = calibration(studies.permuted(study), CalibrationOptions(simulations=100))
    limits = {metric.name: (metric.minimum, metric.maximum) for metric in result.metrics}
    for one, other in zip(result.estimates, moved.estimates, strict=True):
        assert (one.value is None) == (other.value is None)
        if one.value is None:
            continue
        assert other.value == pytest.approx(one.value, rel=1e-6, abs=1e-9)
        low, high = limits[one.metric]
        assert low is None or one.value >= low - 1e-12
        assert high is None or one.value <= high + 1e-12
    fitted, plain = (found(result, name, "teacher").value for name in ("nll_at_temperature", "nll"))
    assert plain is not None
    assert fitted is None or fitted <= plain + 1e-9


def test_options_are_checked():
    """One bin, in which ECE is only the difference of two averages."""
    with pytest.raises(ValidationError, match="greater than or equal to 2"):
        CalibrationOptions(bins=1)
    result = calibration(studies.binary(50), CalibrationOptions(bins=5, simulations=100))
    assert result.options == {"bins": 5, "simulations": 100}
    assert "5 equally wide bins" in result.metrics[0].definition
