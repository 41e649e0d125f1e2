"""Tests of the differences between students: by hand, against plain loops, and as properties."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.contingency_tables import mcnemar

from kdprobe.analysis.estimates import resamples_of
from kdprobe.analysis.similarity import ANALYSIS as SIMILARITY
from kdprobe.analysis.student_differences import ANALYSIS
from kdprobe.analysis.student_differences.pairs import (
    agreement_p,
    closeness_differences,
    differences,
)
from kdprobe.analysis.student_differences.relations import BY_NAME, RELATIONS, relations_of
from kdprobe.observations.controls import Controls
from kdprobe.observations.predictions import Population, Predictions
from kdprobe.observations.study import Study
from kdprobe.results.schema import AnalysisResult, Estimate
from kdprobe.stats.arrays import Ints
from kdprobe.stats.bootstrap import draw_run_weights
from tests.analysis.attributed import attributed_study
from tests.analysis.layered import layered
from tests.analysis.probed import fit, probed, probes_of
from tests.analysis.studies import (
    binary,
    classification,
    quick,
    regression,
    several_seeds,
    study_of,
)

GOLD = [0, 0, 1, 0, 1, 1]
TEACHER = [0, 0, 1, 1, 1, 0]
A = [0, 0, 1, 1, 0, 1]
B = [0, 1, 1, 0, 0, 1]


def result_of(study: Study) -> AnalysisResult:
    return ANALYSIS.run(study, ANALYSIS.options(), {})


def number(result: AnalysisResult, metric: str, a: str, b: str, **more: str) -> Estimate:
    wanted = {"metric": metric, "model_a": a, "model_b": b, **more}
    (one,) = (
        each
        for each in result.estimates
        if all(getattr(each, key) == value for key, value in wanted.items())
    )
    return one


def test_six_examples_by_hand() -> None:
    """Guards signs and definitions: agreement 4/6 and 2/6, kappa 1/3 and -1/3, and so on."""
    study = study_of(GOLD, TEACHER, A, B).with_observations(Controls((("s1", "s2"),)))
    result = result_of(study)
    apart = 2 * (1 / (1 + np.exp(-2.0)) - 1 / (1 + np.exp(2.0)))  # KL of logits (2, 0) and (0, 2)
    for metric, value in {
        "agreement": 4 / 6 - 2 / 6,
        "cohens_kappa": 1 / 3 - -1 / 3,
        "error_consistency": 1 / 4 - -1 / 2,
        "kl": (2 - 4) / 6 * apart,
        "negative_flips": 1 / 6 - 2 / 6,  # e5 of A; e2 and e5 of B
        "positive_flips": 1 / 6 - 2 / 6,  # e6 of A; e4 and e6 of B
        "mistakes_shared": 1 / 2 - 0,  # of e4 and e6
        "transfer_of_mistakes": 1 / 2 - 0,
        "transfer_of_right_answers": 3 / 4 - 2 / 4,
        "transfer_asymmetry": 1 / 2 - 1 / 4,
    }.items():
        assert number(result, metric, "s1", "s2").value == pytest.approx(value), metric
    assert number(result, "agreement", "s1", "s2").p_value == pytest.approx(0.5)  # 2 against 0
    assert number(result, "mistakes_copied", "t", "s1").value == pytest.approx(0.5)
    assert number(result, "right_answers_shared", "t", "s2").value == pytest.approx(0.5)
    assert result.notes[0] == (
        "The two students do not differ in how near they are to t by more than noise."
    )


def loop(study: Study, statistic: Callable[[Ints, int], float], place: int) -> list[float]:
    """A statistic of the teacher and a student in every resample, one resample after the other."""
    rows = np.arange(study.n)
    return [
        statistic(np.repeat(rows, row.astype(int)), place) for row in resamples_of(study).counts
    ]


def plain_p(draws: list[float]) -> float:
    drawn = np.array(draws[1:])
    return min(1.0, 2 * (min((drawn <= 0).sum(), (drawn >= 0).sum()) + 1) / (len(drawn) + 1))


def statistics(study: Study) -> dict[str, Callable[[Ints, int], float]]:
    """Each number as a plain function of the rows of a resample and the student's place."""
    labels = [model.first.predicted for model in study.models]
    logits = [model.first.values for model in study.models]
    probs = [np.exp(x) / np.exp(x).sum(axis=1, keepdims=True) for x in logits]
    gold = np.asarray(study.split.labels)

    def margin(at: int) -> Any:
        p = probs[at][np.arange(study.n), labels[0]]
        return np.log(p) - np.log1p(-p)

    def kl(rows: Ints, at: int) -> float:
        return float(np.mean([stats.entropy(probs[0][r], probs[at][r]) for r in rows]))

    return {
        "agreement": lambda rows, at: float(np.mean(labels[0][rows] == labels[at][rows])),
        "cohens_kappa": lambda rows, at: float(
            cohen_kappa_score(labels[0][rows], labels[at][rows])
        ),
        "error_consistency": lambda rows, at: float(
            cohen_kappa_score((labels[0] == gold)[rows], (labels[at] == gold)[rows])
        ),
        "kl": kl,
        "confidence_spearman": lambda rows, at: float(
            stats.spearmanr(probs[0].max(axis=1)[rows], probs[at].max(axis=1)[rows]).statistic
        ),
        "margin_spearman": lambda rows, at: float(
            stats.spearmanr(margin(0)[rows], margin(at)[rows]).statistic
        ),
        "negative_flips": lambda rows, at: float(
            np.mean(((labels[0] == gold) & (labels[at] != gold))[rows])
        ),
        "mistakes_shared": lambda rows, at: float(
            np.mean((labels[at] != gold)[rows][(labels[0] != gold)[rows]])
        ),
    }


@pytest.mark.parametrize("name", statistics(binary()))
def test_a_plain_loop_over_the_same_resamples(name: str) -> None:
    """Guards value, interval and p against scikit-learn and scipy, resample by resample."""
    study = classification(70, seed=3, resamples=100)
    plain = statistics(study)[name]
    expected = np.subtract(loop(study, plain, 1), loop(study, plain, 2))
    (one,) = differences(study, BY_NAME[name])
    assert one.estimate.value == pytest.approx(expected[0])
    ends = np.quantile(expected[1:], [0.025, 0.975])
    assert (one.estimate.low, one.estimate.high) == pytest.approx(tuple(ends))
    if name != "agreement":
        assert one.estimate.p_value == pytest.approx(plain_p(list(expected)))
    assert one.estimate.q_value == one.estimate.p_value


def test_agreement_has_mcnemars_exact_p() -> None:
    """Guards the chi-square approximation in its place, beside statsmodels and scipy."""
    study = binary(400)
    teacher, near, far = (model.first.predicted for model in study.models)
    ours, theirs = near == teacher, far == teacher
    only_a, only_b = int((ours & ~theirs).sum()), int((theirs & ~ours).sum())
    assert only_a + only_b >= 25  # where the approximation would begin
    expected = mcnemar([[0, only_a], [only_b, 0]], exact=True).pvalue
    assert expected == pytest.approx(stats.binomtest(only_a, only_a + only_b).pvalue)
    assert agreement_p(study, *study.students) == pytest.approx(expected)
    (one,) = differences(study, BY_NAME["agreement"])
    assert one.estimate.p_value == pytest.approx(expected)


def test_overlapping_intervals_hide_a_difference() -> None:
    """Guards the point of it all: two intervals overlap, and the paired difference leaves 0."""
    generator = np.random.default_rng(0)
    teacher = generator.integers(0, 2, 1000)
    near = np.where(generator.random(1000) < 0.22, 1 - teacher, teacher)
    far = np.where((near == teacher) & (generator.random(1000) < 0.05), 1 - teacher, near)
    study = study_of(teacher.tolist(), teacher.tolist(), near.tolist(), far.tolist(), resamples=500)
    (one,) = differences(study, BY_NAME["agreement"])
    alone = [
        np.quantile(resamples_of(study).mean(labels == teacher)[1:], [0.025, 0.975])
        for labels in (near, far)
    ]
    assert alone[0][0] < alone[1][1]  # by eye: not told apart
    assert one.estimate.low is not None
    assert one.estimate.low > 0
    assert one.adjusted.is_told_from_noise


def test_runs_are_the_units() -> None:
    """Guards an interval over examples alone where there are seeds, and McNemar's test there."""
    study = several_seeds(80)
    (one,) = differences(study, BY_NAME["agreement"])
    weights = {
        model.name: draw_run_weights(study.seed, model.name, 3, study.resamples)
        for model in study.models
    }

    def draws(student: Population) -> np.ndarray:
        left, right = weights[study.teacher.name], weights[student.name]
        total = np.zeros(study.resamples + 1)
        for i, teacher_run in enumerate(study.teacher.runs):
            for j, run in enumerate(student.runs):
                share = resamples_of(study).mean(teacher_run.predicted == run.predicted)
                total += share + (left[:, i] * right[:, j] - 1) * share[0]
        return total / 9

    expected = draws(study.students[0]) - draws(study.students[1])
    assert agreement_p(study, *study.students) is None
    assert one.estimate.value == pytest.approx(expected[0])
    assert one.estimate.p_value == pytest.approx(plain_p(expected.tolist()))
    assert (one.estimate.low, one.estimate.high) == pytest.approx(
        tuple(np.quantile(expected[1:], [0.025, 0.975]))
    )


@quick
@given(st.integers(0, 10_000), st.sampled_from([row.name for row in RELATIONS]))
def test_turned_round_it_is_the_same_with_the_other_sign(seed: int, name: str) -> None:
    """Guards delta(a, b) = -delta(b, a), in value, interval, p and q."""
    study = regression(40, seed=seed) if "score" in name else attributed_study(40, seed=seed)
    study = regression(40, seed=seed) if name == "mean_absolute_difference" else study
    study = probed(study) if name in ("probing_gap", "retention") else study
    study = layered(study) if name.startswith("layer_") else study
    teacher, a, b = study.models
    back = replace(study, models=(teacher, b, a))
    there, here = (differences(each, BY_NAME[name]) for each in (study, back))
    assert len(there) == len(here) > 0
    for one, other in zip(there, here, strict=True):
        assert (one.estimate.model_a, one.estimate.model_b) == (
            other.estimate.model_b,
            other.estimate.model_a,
        )
        assert one.estimate.undefined == other.estimate.undefined
        if one.estimate.value is None:
            continue
        assert one.estimate.value == pytest.approx(-(other.estimate.value or 0.0))
        assert one.estimate.p_value == other.estimate.p_value
        if one.estimate.low is not None and one.estimate.high is not None:
            assert (other.estimate.low, other.estimate.high) == pytest.approx(
                (-one.estimate.high, -one.estimate.low)
            )


def test_both_orders_of_closeness() -> None:
    """Guards a verdict that depends on which of two students was named first."""
    study = binary()
    both = closeness_differences(study)
    one, other = both["student-1", "student-2"], both["student-2", "student-1"]
    assert one.estimate.value == -(other.estimate.value or 0.0)
    assert (one.adjusted.low, one.adjusted.high) == (
        -(other.adjusted.high or 0.0),
        -(other.adjusted.low or 0.0),
    )
    (scores,) = {each.estimate.metric for each in closeness_differences(regression()).values()}
    assert scores == "score_pearson"


def test_identical_students_do_not_differ() -> None:
    """Guards p = 0 or NaN of a difference that is 0 in every resample."""
    study = binary()
    twin = Population("twin", "student", study.students[0].runs)
    result = result_of(replace(study, models=(study.teacher, study.students[0], twin)))
    for one in result.estimates:
        if one.model_a == "student-1":
            assert (one.value, one.p_value, one.q_value) == (0.0, 1.0, 1.0), one.metric


def test_one_example_proves_nothing() -> None:
    """Guards a p-value at its floor where every resample is the one example again."""
    for one in result_of(regression(1)).estimates:
        assert one.p_value is None
        assert one.low is None


def test_every_kind_of_task_has_its_numbers() -> None:
    """Guards labels that are compared in a regression, and a regression without numbers."""
    assert [row.name for row in relations_of(regression())][:3] == [
        "score_pearson", "score_spearman", "mean_absolute_difference",
    ]  # fmt: skip
    study = regression(60)
    teacher, a, b = (model.first.scores for model in study.models)
    result = result_of(study)
    far = np.abs(teacher - a).mean() - np.abs(teacher - b).mean()
    assert number(result, "mean_absolute_difference", "student-1", "student-2").value == (
        pytest.approx(far)
    )
    correlations = [stats.pearsonr(teacher, each).statistic for each in (a, b)]
    assert number(result, "score_pearson", "student-1", "student-2").value == pytest.approx(
        correlations[0] - correlations[1]
    )


def test_no_probabilities_is_a_reason() -> None:
    """Guards KL of models of which only labels are known."""
    result = result_of(classification(60, scale="labels"))
    for name in ("kl", "jensen_shannon", "confidence_spearman", "margin_spearman"):
        one = number(result, name, "student-1", "student-2")
        assert one.value is None
        assert "no probabilities" in one.undefined


def test_probing_at_equal_depth() -> None:
    """Guards a student that is deeper than its teacher: each of the teacher's layers once."""
    deep = ("0", "1", "2", "3", "4", "head")
    fits = [
        fit("teacher", (0.6, 0.9, 0.8, 0.7)),
        fit("teacher", (0.5, 0.6, 0.6, 0.5), weights="random"),
        fit("student-1", (0.5, 0.1, 0.85, 0.2, 0.8, 0.7), layers=deep),
        fit("student-2", (0.5, 0.7, 0.75, 0.6)),
    ]  # fmt: skip
    result = result_of(binary().with_observations(probes_of(*fits)))
    places = {one.layer: one.value for one in result.estimates if one.metric == "probing_gap"}
    # The gap is teacher minus student, so the difference is student-2 minus student-1.
    assert places == pytest.approx(
        {"best": -0.1, "0": 0.0, "1": 0.7 - 0.85, "2": 0.75 - 0.8, "head": 0.6 - 0.7}
    )
    (kept,) = (one for one in result.estimates if one.metric == "retention")
    assert kept.value == pytest.approx(0.25 / 0.3 - 0.15 / 0.3)


def test_layers_are_the_analysis_own() -> None:
    """Guards a second definition of how alike layers are: its means, one minus the other."""
    study = layered(binary())
    own = SIMILARITY.run(study, SIMILARITY.options(), {}).estimates
    for name, metric in (
        ("layer_similarity", "mean_equal_depth"),
        ("layer_similarity_best", "mean_best_match"),
    ):
        values = {(each.pooling, each.model_b): each.value for each in own if each.metric == metric}
        for one in differences(study, BY_NAME[name]):
            at = one.estimate.pooling
            gap = (values[at, "student-1"] or 0.0) - (values[at, "student-2"] or 0.0)
            assert one.estimate.value == pytest.approx(gap)
            assert one.estimate.interval.startswith("bootstrap over sentences")


def test_the_surest_of_many_rows_are_listed() -> None:
    """Guards a page of 10,000 rows, and one that drops what is surest."""
    result = result_of(classification(80, students=10))
    (table,) = result.tables
    assert len(table.rows) == 400
    assert "400 surest of 450; metrics.csv has all" in table.caption
    assert len([one for one in result.estimates if one.metric == "agreement"]) == 45
    assert result.curves == ()
    (matrix,) = result.matrices
    assert matrix.values[0][1] == -(matrix.values[1][0] or 0.0)
    assert matrix.values[0][0] is None


def test_many_students_are_said_by_the_nearer() -> None:
    """Guards a first screen of 30 sentences, and one that is silent for want of room."""
    generator = np.random.default_rng(0)
    teacher = generator.integers(0, 2, 400)
    worse = [np.where(generator.random(400) < share, 1 - teacher, teacher) for share in
             (0.02, 0.3, 0.31, 0.5)]  # fmt: skip
    labels = [each.tolist() for each in (teacher, *worse)]
    first, *others = result_of(study_of(teacher.tolist(), *labels)).notes
    assert first.startswith("s1 is nearer to t than s4 (agreement +0.")  # the furthest first
    assert first.count(" (") == 3
    assert ") and s" in first
    assert not any("s2 is nearer to t than s3" in each for each in others)
    assert others[-1].endswith(
        "differences by other numbers are more than noise, too: see the table."
    )
    alike = [teacher.tolist()] * 5
    (none,) = result_of(study_of(teacher.tolist(), *alike)).notes
    assert none == (
        "In none of the 6 pairs do the two students differ in how near they are to t by more than "
        "noise."
    )


def copied(share_of_mistakes: float, share_of_answers: float, *, n: int = 600) -> Study:
    """A student and a control; the student copies these shares beyond what the control has."""
    generator = np.random.default_rng(1)
    gold = generator.integers(0, 3, n)
    teacher = np.where(generator.random(n) < 0.3, (gold + 1) % 3, gold)
    wrong = teacher != gold
    control = generator.integers(0, 3, n)
    chance = np.where(wrong, share_of_mistakes, share_of_answers)
    student = np.where(generator.random(n) < chance, teacher, control)
    study = study_of(
        gold.tolist(), teacher.tolist(), student.tolist(), control.tolist(),
        labels=("a", "b", "c"), resamples=400,
    )  # fmt: skip
    return study.with_observations(Controls((("s1", "s2"),)))


def test_a_student_that_copies_mistakes_is_told() -> None:
    """Guards the warning: mistakes handed on more than skill, beyond noise; else silence."""
    (notice,) = result_of(copied(0.8, 0.2)).warnings
    assert notice.code == "asymmetric-transfer"
    assert notice.models == ("s1", "s2")
    assert notice.message.startswith(
        "s1 took more of t's mistakes than of its skill: beside s2, which had no teacher, it "
        "repeats 0."
    )
    assert result_of(copied(0.2, 0.8)).warnings == ()
    assert result_of(copied(0.5, 0.5)).warnings == ()


def test_the_same_wrong_label_counts() -> None:
    """Guards another wrong label taken for the teacher's, and a plain loop of the intervals."""
    study = copied(0.6, 0.3, n=90)
    result = result_of(study)
    gold = np.asarray(study.split.labels)
    teacher, a, b = (model.first.predicted for model in study.models)
    rows = np.arange(study.n)
    expected = []
    for counts in resamples_of(study).counts:
        drawn = np.repeat(rows, counts.astype(int))
        wrong = drawn[(teacher != gold)[drawn]]
        right = drawn[(teacher == gold)[drawn]]
        of_mistakes = np.mean(a[wrong] == teacher[wrong]) - np.mean(b[wrong] == teacher[wrong])
        of_answers = np.mean(a[right] == teacher[right]) - np.mean(b[right] == teacher[right])
        expected.append((of_mistakes, of_answers, of_mistakes - of_answers))
    names = ("transfer_of_mistakes", "transfer_of_right_answers", "transfer_asymmetry")
    for place, name in enumerate(names):
        one, draws = number(result, name, "s1", "s2"), np.array(expected)[:, place]
        assert one.value == pytest.approx(draws[0])
        assert (one.low, one.high) == pytest.approx(tuple(np.quantile(draws[1:], [0.025, 0.975])))
        assert one.p_value == pytest.approx(plain_p(draws.tolist()))


def test_a_teacher_without_mistakes_hands_none_on() -> None:
    """Guards 0 / 0: the share of no mistakes is undefined with the reason."""
    study = study_of([0, 1, 0, 1], [0, 1, 0, 1], [0, 1, 1, 1], [0, 0, 1, 1])
    result = result_of(study.with_observations(Controls((("s1", "s2"),))))
    for name in ("transfer_of_mistakes", "transfer_asymmetry"):
        one = number(result, name, "s1", "s2")
        assert one.undefined == "t makes no mistakes, so none can be handed on"
    assert number(result, "transfer_of_right_answers", "s1", "s2").value == pytest.approx(0.25)


def test_labels_alone_are_enough() -> None:
    """Guards a control's part that is silently left out where only labels are known."""
    study = classification(60, scale="labels")
    result = result_of(study.with_observations(Controls((("student-1", "student-2"),))))
    assert number(result, "transfer_asymmetry", "student-1", "student-2").value is not None


def test_values_that_are_constant() -> None:
    """Guards NaN of a student that always says the same: its correlation has a reason."""
    study = binary(60)
    flat = Predictions("student-2", study.split.ids, np.tile([0.0, 1.0], (60, 1)))
    models = (*study.models[:2], Population("student-2", "student", (flat,)))
    one = number(
        result_of(replace(study, models=models)), "confidence_spearman", "student-1", "student-2"
    )
    assert one.undefined == "student-2 says the same of every example here"
