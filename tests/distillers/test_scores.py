"""Tests of the scores while training, against scikit-learn and scipy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from kdprobe.distillers.validation_scores import Score, chance_score, fidelity, task_scores
from kdprobe.errors import TaskError
from kdprobe.stats.arrays import Floats, Ints
from kdprobe.tasks.task import Task
from tests.distillers.builders import RATING, TASK

THREE = Task("three", 1, "classification", ("a", "b", "c"), "f1")
labels = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=2, max_size=60)


def certain(labels_given: Ints, classes: int = 3) -> Floats:
    """Logits whose largest is that of the label."""
    return np.where(labels_given[:, None] == np.arange(classes), 2.0, 0.0)


def primary(score: str, gold: Ints, guess: Ints, names: str = "abc", positive: str = "") -> Score:
    task = Task("t", 1, "classification", tuple(names), score, positive=positive)
    return task_scores(task, gold, certain(guess, len(names)))[score]


@settings(deadline=None, max_examples=80)
@given(pairs=labels)
def test_against_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    """Guards each formula on any labels; where ours is undefined sklearn gives 0 or NaN."""
    gold, guess = np.array(pairs, dtype=np.int64).T
    one_label = len(set(gold)) == 1 or len(set(guess)) == 1
    accuracy = metrics.accuracy_score(gold, guess)
    assert primary("accuracy", gold, guess).value == pytest.approx(accuracy)
    correlation = primary("mcc", gold, guess)
    assert (correlation.value is None) == one_label
    if correlation.value is not None:
        expected = metrics.matthews_corrcoef(gold, guess)
        assert correlation.value == pytest.approx(expected, abs=1e-12)
    macro = metrics.f1_score(gold, guess, average="macro", zero_division=0)
    assert primary("f1", gold, guess).value == pytest.approx(macro)
    close = fidelity(THREE, certain(gold), certain(guess))
    assert close["agreement"].value == pytest.approx(accuracy)
    assert (close["cohens_kappa"].value is None) == one_label
    if not one_label:
        expected = metrics.cohen_kappa_score(gold, guess)
        assert close["cohens_kappa"].value == pytest.approx(expected, abs=1e-12)


def test_binary_f1_and_loss() -> None:
    """Guards the positive label and the natural logarithm of the loss."""
    gold, guess = np.array([0, 1, 1, 0, 1]), np.array([0, 1, 0, 1, 1])
    for label, name in enumerate("ab"):
        expected = metrics.f1_score(gold, guess, pos_label=label)
        assert primary("f1", gold, guess, "ab", name).value == pytest.approx(expected)
    logits = np.array([[2.0, 0.0], [0.0, 1.0], [1.0, 0.5]])
    exp = np.exp(logits)
    loss = metrics.log_loss([0, 1, 1], exp / exp.sum(axis=1, keepdims=True))
    scores = task_scores(TASK, np.array([0, 1, 1]), logits)
    assert scores["loss"].value == pytest.approx(loss)
    assert scores["accuracy"].value == pytest.approx(2 / 3)


def test_correlations_against_numpy() -> None:
    """Guards ranks with ties and the regression's own scores."""
    from scipy import stats

    rng = np.random.Generator(np.random.PCG64(0))
    a, b = rng.integers(0, 6, 40).astype(float), rng.normal(size=40)
    ranked = Task("r", 1, "regression", (), "spearman", score_range=(0.0, 5.0))
    expected = stats.spearmanr(a, b).statistic
    assert task_scores(ranked, a, b[:, None])["spearman"].value == pytest.approx(expected)
    scores = task_scores(RATING, a, b[:, None])
    assert scores["pearson"].value == pytest.approx(np.corrcoef(a, b)[0, 1])
    assert scores["loss"].value == pytest.approx(((a - b) ** 2).mean())
    close = fidelity(RATING, a[:, None], a[:, None] + 1)
    assert close["mse_to_teacher"].value == pytest.approx(1.0)
    assert close["pearson_to_teacher"].value == pytest.approx(1.0)


def test_fidelity_by_hand() -> None:
    """Guards the direction of KL: teacher (3/4, 1/4), student (1/2, 1/2)."""
    teacher, student = np.log([[0.75, 0.25]]), np.zeros((1, 2))
    scores = fidelity(TASK, teacher, student)
    assert scores["kl"].value == pytest.approx(0.75 * np.log(1.5) + 0.25 * np.log(0.5))
    assert scores["agreement"].value == 1.0
    assert scores["cohens_kappa"] == Score(
        None, "the teacher or the student gives one and the same label to every example"
    )


def test_undefined_is_a_reason() -> None:
    """Guards against 0 or NaN where a score does not exist."""
    same, both = np.array([0, 0]), np.array([0, 1])
    assert primary("mcc", same, both, "ab").undefined == "all gold labels are the same"
    assert primary("mcc", both, same, "ab").undefined == "one label is predicted for every example"
    absent = "the positive label neither occurs nor is predicted"
    assert primary("f1", same, same, "ab").undefined == absent
    constant = task_scores(RATING, np.full(3, 0.1), np.arange(3.0)[:, None])["pearson"]
    assert constant == Score(None, "the gold or the predicted scores are all the same")


def test_chance() -> None:
    """Guards the floor that a teacher must pass."""
    gold = np.array([0, 1, 1, 1])
    assert chance_score(TASK, gold) == ("accuracy", 0.75)
    assert chance_score(RATING, gold.astype(float)) == ("pearson", 0.0)
    macro = metrics.f1_score(gold, np.ones(4, dtype=int), average="macro", zero_division=0)
    assert chance_score(THREE, gold)[1] == pytest.approx(macro)
    binary = Task("b", 1, "classification", ("a", "b"), "f1", positive="a")
    assert chance_score(binary, gold)[1] == pytest.approx(0.4)


def test_unknown_primary_score() -> None:
    """Guards a task file whose score does not fit its kind."""
    odd = Task("odd", 1, "classification", ("a", "b"), "pearson")
    with pytest.raises(TaskError) as caught:
        task_scores(odd, np.array([0, 1]), np.zeros((2, 2)))
    assert str(caught.value) == (
        "odd: primary score 'pearson', expected one of accuracy, mcc, f1 for a classification"
    )
