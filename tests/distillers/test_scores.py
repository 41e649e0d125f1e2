"""Tests of the scores while training, against scikit-learn and scipy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from kdprobe.distillers._scores import (
    Score,
    accuracy,
    chance_score,
    cohens_kappa,
    f1,
    fidelity,
    mcc,
    pearson,
    spearman,
    task_scores,
)
from kdprobe.errors import TaskError
from kdprobe.tasks.task import Task
from tests.distillers.builders import RATING, TASK

THREE = Task("three", 1, "classification", ("a", "b", "c"), "f1")
labels = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=2, max_size=60)


@settings(deadline=None, max_examples=80)
@given(pairs=labels)
def test_against_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    """Guards each formula on any labels; where ours is undefined sklearn gives 0 or NaN."""
    gold, guess = np.array(pairs, dtype=np.int64).T
    assert accuracy(gold, guess).value == pytest.approx(metrics.accuracy_score(gold, guess))
    score = mcc(gold, guess, 3)
    if score.value is None:
        assert len(set(gold)) == 1 or len(set(guess)) == 1
    else:
        assert score.value == pytest.approx(metrics.matthews_corrcoef(gold, guess), abs=1e-12)
    macro = metrics.f1_score(gold, guess, average="macro", zero_division=0)
    assert f1(gold, guess, 3, 2).value == pytest.approx(macro)
    kappa = cohens_kappa(gold, guess, 3)
    if kappa.value is not None:
        assert kappa.value == pytest.approx(metrics.cohen_kappa_score(gold, guess), abs=1e-12)


def test_binary_f1_and_loss() -> None:
    """Guards the positive label and the natural logarithm of the loss."""
    gold, guess = np.array([0, 1, 1, 0, 1]), np.array([0, 1, 0, 1, 1])
    for positive in (0, 1):
        expected = metrics.f1_score(gold, guess, pos_label=positive)
        assert f1(gold, guess, 2, positive).value == pytest.approx(expected)
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
    assert pearson(a, b).value == pytest.approx(np.corrcoef(a, b)[0, 1])
    assert spearman(a, b).value == pytest.approx(stats.spearmanr(a, b).statistic)
    scores = task_scores(RATING, a, b[:, None])
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
        None, "both models give one and the same label to every example"
    )


def test_undefined_is_a_reason() -> None:
    """Guards against 0 or NaN where a score does not exist."""
    same, both = np.array([0, 0]), np.array([0, 1])
    assert mcc(same, both, 2).undefined == "all gold labels are the same"
    assert mcc(both, same, 2).undefined == "one label is predicted for every example"
    assert f1(same, same, 2, 1).undefined == "the positive label neither occurs nor is predicted"
    constant = pearson(np.ones(3), np.arange(3.0))
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
