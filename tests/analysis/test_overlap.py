"""Overlap: hand-made tables, set arithmetic as the reference, and identities."""

from itertools import product

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings

from kdprobe.analysis.gold import gold_of
from kdprobe.analysis.overlap import ANALYSIS
from kdprobe.analysis.protocol import NoOptions
from kdprobe.errors import TaskError
from kdprobe.observations.study import Study
from kdprobe.results.schema import AnalysisResult, Estimate
from tests.analysis import studies

# Ten examples, all of gold label 1. The teacher errs on 0-3, the student on 2-6.
GOLD = [1] * 10
TEACHER = [0] * 4 + [1] * 6
STUDENT = [1, 1, 0, 0, 0, 0, 0, 1, 1, 1]


def overlap(study: Study) -> AnalysisResult:
    assert ANALYSIS.skip_reason(study) is None
    return ANALYSIS.run(study, NoOptions(), {})


def found(result: AnalysisResult, metric: str, a: str, b: str) -> Estimate:
    return next(
        item
        for item in result.estimates
        if (item.metric, item.model_a, item.model_b) == (metric, a, b)
    )


@pytest.mark.parametrize(
    ("metric", "a", "b", "expected", "n"),
    [
        ("mistakes_shared", "t", "s1", 2 / 4, 4),
        ("mistakes_shared", "s1", "t", 2 / 5, 5),
        ("mistakes_shared_chance", "t", "s1", 5 / 10, 10),
        ("mistakes_shared_chance", "s1", "t", 4 / 10, 10),
        ("hits_shared", "t", "s1", 3 / 6, 6),
        ("hits_shared", "s1", "t", 3 / 5, 5),
        ("hits_shared_chance", "t", "s1", 5 / 10, 10),
        ("hits_shared_chance", "s1", "t", 6 / 10, 10),
        ("mistakes_jaccard", "t", "s1", 2 / 7, 7),
        ("backward_trust", "t", "s1", 3 / 6, 6),
        ("backward_error", "t", "s1", 2 / 4, 4),
        ("negative_flips", "t", "s1", 3 / 10, 10),
        ("positive_flips", "t", "s1", 2 / 10, 10),
        ("negative_flip_impact", "t", "s1", 3 / 5, 5),
        ("flip_direction", "t", "s1", (3 - 2) / (3 + 2), 5),
    ],
)
def test_ten_examples_by_hand(metric, a, b, expected, n):
    """A share taken of the wrong model's mistakes, or n of all examples instead of its own."""
    estimate = found(overlap(studies.study_of(GOLD, TEACHER, STUDENT)), metric, a, b)
    assert estimate.value == pytest.approx(expected, abs=1e-15)
    assert estimate.n == n
    assert estimate.low is not None
    assert estimate.low <= expected <= estimate.high


def test_matrices_by_hand():
    """Rows and columns exchanged: the share of the column's mistakes that the row makes."""
    mistakes, hits = overlap(studies.study_of(GOLD, TEACHER, STUDENT)).matrices
    assert (mistakes.name, hits.name) == ("mistakes_shared", "hits_shared")
    assert mistakes.values == ((1.0, 0.5), (0.4, 1.0))
    assert hits.values == ((1.0, 0.5), (0.6, 1.0))


def test_matrix_of_seeds_has_a_ceiling_on_the_diagonal():
    """A run compared with itself, which makes every model look perfectly stable."""
    study = studies.several_seeds(runs=2)
    gold = gold_of(study)
    first, second = (run.predicted != gold for run in study.teacher.runs)
    both = (first & second).sum()
    expected = (both / first.sum() + both / second.sum()) / 2
    matrix = overlap(study).matrices[0]
    assert matrix.values[0][0] == pytest.approx(expected)
    assert "own other runs" in matrix.caption


def test_three_mistakes_on_one_example_of_many_classes_are_shared():
    """Only equal wrong labels counted as shared: 57 classes would then look unrelated."""
    study = studies.study_of([0, 0], [1, 0], [2, 0], labels=("a", "b", "c"))
    assert found(overlap(study), "mistakes_shared", "t", "s1").value == 1.0


def test_no_mistakes_is_a_reason_not_a_zero():
    """A rate with an empty denominator reported as 0 (as some libraries do)."""
    result = overlap(studies.perfect_models())
    assert found(result, "mistakes_shared", "t", "s1").undefined == (
        "t makes no mistakes, so no share of them exists"
    )
    assert found(result, "negative_flip_impact", "t", "s1").undefined == (
        "s1 makes no mistakes, so no share of them exists"
    )
    assert found(result, "mistakes_jaccard", "t", "s1").undefined == (
        "neither model makes a mistake, so there is nothing to share"
    )
    assert found(result, "flip_direction", "t", "s1").undefined == (
        "both models are right on the same examples, so nothing flips"
    )
    flips = found(result, "negative_flips", "t", "s1")
    assert (flips.value, flips.low) == (0.0, 0.0)
    assert flips.high == pytest.approx(3 / 40)
    assert result.matrices[0].values == ((None, None), (None, None))
    assert result.matrices[0].undefined == "the row model has no mistakes"


def test_no_hits_is_a_reason():
    """A teacher that is never right divides by zero in backward trust."""
    result = overlap(studies.study_of([1, 1, 1], [0, 0, 0], [1, 1, 0]))
    assert found(result, "backward_trust", "t", "s1").undefined == (
        "t predicts nothing rightly, so no share of its hits exists"
    )


@settings(max_examples=40, deadline=None)
@given(studies.small_studies())
def test_identities(study):
    """acc_s - acc_t = PFR - NFR must hold exactly, and every value be the set arithmetic."""
    gold = gold_of(study)
    hits = {model.name: model.first.predicted == gold for model in study.models}
    result = overlap(study)
    value = {(e.metric, e.model_a): e.value for e in result.estimates}
    n = study.n
    up, down = value["positive_flips", "t"] * n, value["negative_flips", "t"] * n
    assert round(up) - round(down) == hits["s1"].sum() - hits["t"].sum()
    assert up == pytest.approx(round(up), abs=1e-9)
    direction = (down - up) / (down + up) if up or down else None
    assert value["flip_direction", "t"] == pytest.approx(direction)
    wrong = {name: set(np.flatnonzero(~right).tolist()) for name, right in hits.items()}
    for a, b in (("t", "s1"), ("s1", "t")):
        expected = len(wrong[a] & wrong[b]) / len(wrong[a]) if wrong[a] else None
        assert value["mistakes_shared", a] == pytest.approx(expected)
    either = wrong["t"] | wrong["s1"]
    jaccard = len(wrong["t"] & wrong["s1"]) / len(either) if either else None
    assert value["mistakes_jaccard", "t"] == pytest.approx(jaccard)
    assert value["backward_trust", "t"] == value["hits_shared", "t"]
    assert value["backward_error", "t"] == value["mistakes_shared", "t"]
    if wrong["s1"]:
        error_rate = len(wrong["s1"]) / n
        assert value["negative_flip_impact", "t"] == pytest.approx(down / n / error_rate)


def test_runs_are_averaged_over_all_their_pairs():
    """Only run i with run i compared, or only the first run."""
    study = studies.several_seeds(runs=2)
    gold = gold_of(study)
    expected = np.mean(
        [
            ((a.predicted == gold) & (b.predicted != gold)).mean()
            for a, b in product(study.teacher.runs, study.students[0].runs)
        ]
    )
    estimate = found(overlap(study), "negative_flips", "teacher", "student-1")
    assert estimate.value == pytest.approx(expected)


def test_interval_agrees_with_a_plain_bootstrap():
    """Means over a resampled subset divided by the size the subset had in the sample."""
    study = studies.classification(200, students=1, resamples=1500)
    gold = gold_of(study)
    wrong = [model.first.predicted != gold for model in study.models]
    generator = np.random.default_rng(3)
    draws = []
    for _ in range(3000):
        rows = generator.integers(0, study.n, study.n)
        draws.append(wrong[1][rows][wrong[0][rows]].mean())
    estimate = found(overlap(study), "mistakes_shared", "teacher", "student-1")
    assert (estimate.low, estimate.high) == pytest.approx(
        tuple(np.quantile(draws, [0.025, 0.975])), abs=0.02
    )


def test_flips_of_one_direction_are_no_certainty():
    """An interval of no width: six flips to the bad do not prove that none goes the other way.

    With 6 of 6 the rule of three bounds the share of negative flips by 1 - 3/6, the direction
    by 2 (1 - 3/6) - 1 = 0.
    """
    worse = studies.study_of([1] * 20, [1] * 20, [0] * 6 + [1] * 14)
    number = found(overlap(worse), "flip_direction", "t", "s1")
    assert (number.value, number.low, number.high, number.n) == (1.0, 0.0, 1.0, 6)
    assert number.interval == "rule of three"
    better = studies.study_of([1] * 20, [0] * 6 + [1] * 14, [1] * 20)
    number = found(overlap(better), "flip_direction", "t", "s1")
    assert (number.value, number.low, number.high) == (-1.0, -1.0, 0.0)


def test_the_interval_of_the_direction_agrees_with_an_exact_one():
    """An interval of the share of all examples: that of 60 and 40 flips among them is of 100.

    Reference: scipy's exact binomial interval of 60 of 100, taken by 2 x - 1.
    """
    student = [0] * 60 + [1] * 40 + [1] * 900
    teacher = [1] * 60 + [0] * 40 + [1] * 900
    study = studies.study_of([1] * 1000, teacher, student, resamples=2000)
    number = found(overlap(study), "flip_direction", "t", "s1")
    exact = scipy.stats.binomtest(60, 100).proportion_ci()
    assert number.value == pytest.approx(0.2)
    assert number.low == pytest.approx(2 * exact.low - 1, abs=0.02)
    assert number.high == pytest.approx(2 * exact.high - 1, abs=0.02)


def test_skip_reason():
    """Kappa-like questions put to a regression, to unlabelled examples, or to one model."""
    assert ANALYSIS.skip_reason(studies.regression(20)) == (
        "a regression predicts numbers, which are more or less close, not right or wrong"
    )
    assert ANALYSIS.skip_reason(studies.unlabelled(studies.binary(20))) == (
        "the split has no gold labels, so no prediction is known to be right or wrong"
    )
    assert ANALYSIS.skip_reason(studies.teacher_alone()) == (
        "overlap compares models, and there is only one"
    )


def test_gold_of_unlabelled_examples_is_refused():
    """Missing labels read as class 0 would make predictions of class 0 hits."""
    with pytest.raises(TaskError) as error:
        gold_of(studies.unlabelled(studies.binary(20)))
    assert str(error.value) == (
        "toy dev: the split has no gold labels, so no prediction is known to be right or wrong, "
        "expected a gold class for each example"
    )
