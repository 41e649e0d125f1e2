"""Where a student may answer itself: by hand, by recounting, and what cannot be said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kdprobe.analysis.selective_agreement import ANALYSIS
from kdprobe.analysis.selective_agreement.threshold import SelectiveAgreementOptions, choosing_half
from kdprobe.comparison.analyses import analysis_options
from kdprobe.errors import ConfigError
from kdprobe.observations.predictions import Population, Predictions
from kdprobe.observations.study import Study
from kdprobe.results.schema import AnalysisResult, Estimate
from kdprobe.stats.arrays import Bools, Floats
from tests.analysis import studies
from tests.contracts.test_analyses import points


def sure_student(sure: Floats, same: Bools, *, gold: Bools | None = None) -> Study:
    """A teacher that always says 1, and a student of these confidences that agrees on `same`.

    `gold` says on which examples the student is right; by default where it agrees.
    """
    n = len(sure)
    said = same.astype(np.int64)
    truth = np.where(same if gold is None else gold, said, 1 - said)
    study = studies.study_of(truth.tolist(), [1] * n, said.tolist())
    two = np.stack([1 - sure, sure], axis=1)
    values = np.log(np.where(same[:, None], two, two[:, ::-1]))
    run = Predictions("s1", study.split.ids, values, "log-probabilities")
    return replace(study, models=(study.teacher, Population("s1", "student", (run,))))


def result_of(study: Study, **options: float) -> AnalysisResult:
    assert ANALYSIS.skip_reason(study) is None
    return ANALYSIS.run(study, SelectiveAgreementOptions(**options), {})


def number(result: AnalysisResult, metric: str, student: str = "s1") -> Estimate:
    return next(
        e for e in result.estimates if e.metric == metric and student in (e.model_a, e.model_b)
    )


def spread(n: int) -> Floats:
    return np.linspace(0.99, 0.55, n)


def test_areas_by_hand():
    """The surest 60 of 80 agree: area 60 / 80 + (sum of 60 / i, i = 61..80) / 80, the oracle's."""
    same = np.arange(80) < 60
    result = result_of(sure_student(spread(80), same))
    area = (60 + sum(60 / i for i in range(61, 81))) / 80
    assert number(result, "agreement_auc").value == pytest.approx(area)
    assert number(result, "agreement_auc_oracle").value == pytest.approx(area)
    assert number(result, "agreement_auc_chance").value == pytest.approx(0.75)
    assert number(result, "agreement_auc_excess").value == pytest.approx(0)
    assert number(result, "agreement_auc_normalised").value == pytest.approx(1)
    turned = result_of(sure_student(spread(80)[::-1], same))
    assert (number(turned, "agreement_auc_normalised").value or 0) < 0
    assert number(result, "accuracy_auc").model_b == ""


def test_accuracy_is_of_the_gold_labels():
    """Guards the two curves mixed up: the student is right where it disagrees."""
    same = np.arange(80) < 60
    result = result_of(sure_student(spread(80), same, gold=~same))
    assert number(result, "accuracy_auc_chance").value == pytest.approx(0.25)
    assert number(result, "agreement_auc_chance").value == pytest.approx(0.75)
    bare = result_of(studies.unlabelled(sure_student(spread(80), same)))
    assert "no gold labels" in number(bare, "accuracy_auc").undefined
    assert number(bare, "agreement_auc_chance").value == pytest.approx(0.75)


def test_the_threshold_is_checked_on_the_other_half():
    """Guards a check on the half that chose: it would always look as good as the target."""
    generator = np.random.default_rng(4)
    sure = generator.permutation(spread(1000))
    same = generator.random(1000) < np.where(sure > 0.7, 0.99, 0.6)
    study = sure_student(sure, same)
    result = result_of(study, target=0.9)
    half = choosing_half(study)
    threshold = number(result, "selective_threshold").value
    assert threshold is not None
    assert 0.6 < threshold < 0.72
    checked = ~half & (sure.round(12) >= threshold)
    coverage, agreement = (
        number(result, f"selective_{name}") for name in ("coverage", "agreement")
    )
    assert coverage.value == pytest.approx(checked.sum() / (~half).sum())
    assert agreement.value == pytest.approx(same[checked].mean())
    assert agreement.low is not None
    assert agreement.low < (agreement.value or 0) < (agreement.high or 0)
    assert agreement.n == checked.sum()
    taken = half & (sure.round(12) >= threshold)
    row = result.tables[0].rows[0]
    assert row[3] == taken.sum()
    assert row[4] >= 0.9  # type: ignore[operator]
    percent = f"{100 * (coverage.value or 0):.0f} %"
    promise = (
        f"s1: answer {percent} of the texts yourself, at least 90 % as the teacher would (95 %"
    )
    assert f"{promise} confidence), hand on the rest" in result.caption
    assert list(result.curves[0].series[0].marks.values()) == [coverage.value]


def test_halves_are_of_all_labels_and_of_the_seed():
    """Guards halves by the order of the file, or with one label in one half only."""
    study = studies.binary(101)
    half = choosing_half(study)
    assert half.sum() == 51
    teacher = study.teacher.first.predicted
    for label in (0, 1):
        assert abs(int(half[teacher == label].sum() * 2 - (teacher == label).sum())) <= 1
    other = studies.permuted(study)
    moved = choosing_half(other)
    assert {other.split.ids[i] for i in np.flatnonzero(moved)} == {
        study.split.ids[i] for i in np.flatnonzero(half)
    }
    assert (choosing_half(replace(study, seed=1)) != half).any()


def test_without_a_threshold_the_nearest_is_named():
    """Guards a threshold of 0 or a NaN where nothing meets the target."""
    generator = np.random.default_rng(1)
    sure = spread(600)
    result = result_of(sure_student(sure, generator.random(600) < 0.8))
    for metric in ("selective_threshold", "selective_coverage", "selective_agreement"):
        reason = number(result, metric).undefined
        assert reason.startswith("no threshold guarantees 95.0 %: the nearest is ")
        assert "of 300 are answered" in reason
    assert "s1: hand everything on; no threshold guarantees" in result.caption
    never = result_of(sure_student(sure, np.arange(600) < 0), target=0.5)
    assert "0.0 % as the teacher would" in number(never, "selective_threshold").undefined
    few = result_of(sure_student(spread(60), np.ones(60, bool)))
    assert (
        "even without a disagreement 59 answers would be needed, and the half that chooses holds 30"
        in number(few, "selective_threshold").undefined
    )


def test_a_student_that_always_agrees_answers_everything():
    """Guards a last step that leaves out the least sure example, and bounds above 1."""
    result = result_of(sure_student(spread(200), np.ones(200, bool)))
    assert number(result, "selective_threshold").value == 0
    assert number(result, "selective_coverage").value == 1
    agreement = number(result, "selective_agreement")
    assert (agreement.value, agreement.high) == (1, 1)
    assert agreement.low == pytest.approx(0.025 ** (1 / 100))
    promise = (
        "s1: answer every text yourself, at least 95 % as the teacher would (95 % confidence)."
    )
    assert promise in result.caption
    assert "every order is as good" in number(result, "agreement_auc_normalised").undefined


def test_every_run_has_its_own_threshold():
    """Guards one run's threshold used for another: confidences of two trainings differ."""
    study = studies.classification(2000, students=1, runs=3, skills=(3.0, 2.5))
    result = result_of(study, target=0.9)
    table = result.tables[0]
    assert [row[:2] for row in table.rows] == [("student-1", run) for run in (1, 2, 3)]
    mean = number(result, "selective_threshold", "student-1")
    alone = []
    for place in range(3):
        one = study.models[1]
        single = replace(study, models=(study.teacher, replace(one, runs=(one.runs[place],))))
        alone.append(result_of(single, target=0.9))
    values = [number(one, "selective_threshold", "student-1").value for one in alone]
    assert len(set(values)) > 1
    assert mean.value == pytest.approx(np.mean(values))  # type: ignore[arg-type]
    assert mean.note.startswith("the average of 3 runs, ")
    for metric in ("selective_coverage", "selective_agreement"):
        means = [number(one, metric, "student-1").value for one in alone]
        both = number(result, metric, "student-1")
        assert both.value == pytest.approx(np.mean(means))  # type: ignore[arg-type]
        assert both.low is not None
    assert "each run its own" in result.caption


def test_suspects_are_sure_and_disagree():
    """Guards a list of unsure examples, or one that says nothing of who is right."""
    same = np.arange(80) % 10 != 3
    study = sure_student(spread(80), same, gold=np.arange(80) != 13)
    table = result_of(study, top=3).tables[1]
    place = [column.name for column in table.columns].index("example")
    assert [row[place] for row in table.rows] == ["e3", "e13", "e23"]
    assert table.rows[0][0] == 8
    assert "Of these 3 with a gold label s1 is right on 2, t on 1." in table.caption
    assert [row[place + 1] for row in table.rows] == ["bad", "good", "bad"]
    agrees = result_of(sure_student(spread(80), np.ones(80, bool))).tables[1]
    assert agrees.caption.endswith("No example qualifies.")


def test_a_teacher_of_labels_alone_is_enough():
    """Guards a refusal of files without confidences: agreement needs only the teacher's labels."""
    mixed = studies.mixed_scales(400)
    labels_only = studies.hard_labels(400).models[0]
    study = replace(mixed, models=(labels_only, *mixed.students))
    result = result_of(study)
    assert number(result, "agreement_auc", "student-1").value is not None
    for metric in ("agreement_auc", "selective_threshold", "accuracy_auc"):
        assert "no probabilities" in number(result, metric, "student-2").undefined
    assert {row[0] for row in result.tables[0].rows} == {"student-1"}


@pytest.mark.parametrize(
    ("study", "reason"),
    [
        (studies.binary(39), "fewer than 40 examples"),
        (studies.teacher_alone(60), "no student"),
        (studies.hard_labels(60), "no probabilities"),
        (studies.regression(60), "a regression has no confidences"),
    ],
)
def test_what_cannot_be_asked_is_said(study: Study, reason: str):
    """Guards a guarantee from a handful of examples, and a crash where there is no confidence."""
    assert reason in (ANALYSIS.skip_reason(study) or "")
    assert ANALYSIS.skip_reason(studies.binary(40)) is None


@pytest.mark.parametrize("value", [0, 1, 1.5, -0.2, "much"])
def test_a_target_outside_of_0_and_1_is_refused(value: object):
    """Guards a guarantee of 100 % or of nothing, run for an hour and then meaningless."""
    with pytest.raises(ConfigError, match="`settings=selective_agreement`: target is"):
        analysis_options({"selective_agreement": {"target": value}})


def test_no_order_of_rows_moves_a_number():
    """Guards halves, ties or grids that depend on the file's order."""
    study = studies.classification(300, skills=(4.0, 3.0, 2.0))
    before, after = (
        points(result_of(each, target=0.7)) for each in (study, studies.permuted(study))
    )
    for key, one in before.items():
        assert after[key].value == pytest.approx(one.value, abs=1e-12), key
