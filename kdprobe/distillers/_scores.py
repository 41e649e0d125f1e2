"""Task scores and agreement while a model trains, in plain numpy.

Does: score logits against gold labels and against a teacher, with a reason where a number is
undefined. Does not: make intervals or tests; `analysis/` does, on the finished model.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kdprobe.errors import TaskError
from kdprobe.tasks.task import Labels, Task

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Score(NamedTuple):
    """A number, or the reason why there is none."""

    value: float | None
    undefined: str = ""


def log_softmax(logits: Floats) -> Floats:
    """Return the logarithms of the probabilities, float64 `[n, c]`."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    normalised: Floats = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return normalised


def accuracy(gold: Ints, predicted: Ints) -> Score:
    """Return the share of examples whose label is predicted.

    >>> accuracy(np.array([0, 1, 1, 1]), np.array([0, 1, 1, 0])).value
    0.75
    """
    return Score(float((gold == predicted).mean()))


def table_of(a: Ints, b: Ints, classes: int) -> Floats:
    """Count pairs of labels: float64 `[classes, classes]`."""
    counts = np.bincount(a * classes + b, minlength=classes * classes)
    return counts.reshape(classes, classes).astype(np.float64)


def mcc(gold: Ints, predicted: Ints, classes: int) -> Score:
    """Return Matthews' correlation coefficient, for several classes Gorodkin's (2004) form.

    Undefined when all gold or all predicted labels are the same.

    >>> mcc(np.array([0, 0, 1, 1]), np.array([0, 0, 1, 0]), 2).value == 2 / 12**0.5
    True
    """
    table = table_of(gold, predicted, classes)
    total, rows, columns = table.sum(), table.sum(axis=1), table.sum(axis=0)
    spread_gold = total**2 - (rows**2).sum()
    spread_predicted = total**2 - (columns**2).sum()
    if spread_gold == 0:
        return Score(None, "all gold labels are the same")
    if spread_predicted == 0:
        return Score(None, "one label is predicted for every example")
    covariance = np.trace(table) * total - (rows * columns).sum()
    return Score(float(covariance / np.sqrt(spread_gold * spread_predicted)))


def f1(gold: Ints, predicted: Ints, classes: int, positive: int) -> Score:
    """Return F1 of the positive label of two, or the mean over the labels that occur of several.

    >>> f1(np.array([0, 1, 1, 0]), np.array([0, 1, 0, 1]), 2, 1).value
    0.5
    """
    table = table_of(gold, predicted, classes)
    hits, either = np.diag(table), table.sum(axis=0) + table.sum(axis=1)
    if classes == 2:
        if either[positive] == 0:
            return Score(None, "the positive label neither occurs nor is predicted")
        return Score(float(2 * hits[positive] / either[positive]))
    occurs = either > 0
    return Score(float((2 * hits[occurs] / either[occurs]).mean()))


def pearson(gold: Floats, predicted: Floats) -> Score:
    """Return Pearson's correlation; undefined when one side does not vary.

    >>> pearson(np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0, 6.0])).value
    1.0
    """
    a, b = gold - gold.mean(), predicted - predicted.mean()
    norm = float(np.sqrt((a**2).sum() * (b**2).sum()))
    if norm == 0.0:
        return Score(None, "the gold or the predicted scores are all the same")
    return Score(float(np.clip((a * b).sum() / norm, -1.0, 1.0)))


def _ranks(values: Floats) -> Floats:
    """Rank from 1, ties by their mean rank."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    upper = np.cumsum(counts)
    ranks: Floats = (upper - (counts - 1) / 2)[inverse]
    return ranks


def spearman(gold: Floats, predicted: Floats) -> Score:
    """Return Spearman's rank correlation; undefined when one side does not vary."""
    return pearson(_ranks(gold), _ranks(predicted))


def cohens_kappa(a: Ints, b: Ints, classes: int) -> Score:
    """Return Cohen's kappa; undefined when both always give one and the same label.

    >>> cohens_kappa(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]), 2).value
    0.5
    """
    table = table_of(a, b, classes) / len(a)
    chance = float((table.sum(axis=0) * table.sum(axis=1)).sum())
    if chance == 1.0:
        return Score(None, "both models give one and the same label to every example")
    return Score(float((np.trace(table) - chance) / (1.0 - chance)))


def mean_kl(teacher: Floats, student: Floats) -> Score:
    """Return the mean KL(teacher || student) over examples, in nats, at temperature 1."""
    p, q = log_softmax(teacher), log_softmax(student)
    return Score(float((np.exp(p) * (p - q)).sum(axis=1).mean()))


def _primary(task: Task, gold: Labels, logits: Floats) -> Score:
    classes = len(task.labels)
    if task.kind == "regression":
        by_name: dict[str, Callable[[], Score]] = {
            "pearson": lambda: pearson(gold.astype(np.float64), logits[:, 0]),
            "spearman": lambda: spearman(gold.astype(np.float64), logits[:, 0]),
        }
    else:
        hard, guess = gold.astype(np.int64), logits.argmax(axis=1).astype(np.int64)
        positive = task.labels.index(task.positive) if task.positive else classes - 1
        by_name = {
            "accuracy": lambda: accuracy(hard, guess),
            "mcc": lambda: mcc(hard, guess, classes),
            "f1": lambda: f1(hard, guess, classes, positive),
        }
    if task.primary_score not in by_name:
        raise TaskError(
            task.name,
            found=f"primary score {task.primary_score!r}",
            expected=f"one of {', '.join(by_name)} for a {task.kind}",
        )
    return by_name[task.primary_score]()


def task_scores(task: Task, gold: Labels, logits: Floats) -> dict[str, Score]:
    """Score logits against gold labels.

    Args:
        task: its primary score comes first.
        gold: class indices or scores, `[n]`.
        logits: float64 `[n, c]`, columns in the task's order.

    Returns:
        The primary score, for a classification also `accuracy`, and `loss` (mean cross-entropy in
        nats, or mean squared error).

    Raises:
        TaskError: a primary score that is not known for this kind of task.
    """
    scores = {task.primary_score: _primary(task, gold, logits)}
    if task.kind == "regression":
        return scores | {"loss": Score(float(((logits[:, 0] - gold) ** 2).mean()))}
    hard = gold.astype(np.int64)
    scores.setdefault("accuracy", accuracy(hard, logits.argmax(axis=1).astype(np.int64)))
    picked = log_softmax(logits)[np.arange(len(hard)), hard]
    return scores | {"loss": Score(float(-picked.mean()))}


def fidelity(task: Task, teacher: Floats, student: Floats) -> dict[str, Score]:
    """Compare a student's logits with its teacher's: `agreement`, `cohens_kappa` and `kl`.

    For a regression `pearson_to_teacher` and the mean squared difference, `mse_to_teacher`.
    """
    if task.kind == "regression":
        difference = float(((teacher[:, 0] - student[:, 0]) ** 2).mean())
        return {
            "pearson_to_teacher": pearson(teacher[:, 0], student[:, 0]),
            "mse_to_teacher": Score(difference),
        }
    a, b = teacher.argmax(axis=1).astype(np.int64), student.argmax(axis=1).astype(np.int64)
    return {
        "agreement": accuracy(a, b),
        "cohens_kappa": cohens_kappa(a, b, len(task.labels)),
        "kl": mean_kl(teacher, student),
    }


def chance_score(task: Task, gold: Labels) -> tuple[str, float]:
    """Return what a model that learnt nothing reaches: the score's name and value.

    Accuracy and F1 of always giving the most frequent label (F1 of two: of always giving the
    positive one); 0 for the correlations.
    """
    name = task.primary_score
    if task.kind == "regression" or name == "mcc":
        return name, 0.0
    hard = gold.astype(np.int64)
    common = int(np.bincount(hard, minlength=len(task.labels)).argmax())
    positive = task.labels.index(task.positive) if task.positive else len(task.labels) - 1
    if name == "f1":
        always = np.full_like(hard, positive if len(task.labels) == 2 else common)
        return name, f1(hard, always, len(task.labels), positive).value or 0.0
    return name, float((hard == common).mean())
