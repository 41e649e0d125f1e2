"""Task scores and agreement while a model trains: `kdprobe.stats` on the whole sample.

Does: score logits against gold labels and against a teacher, with a reason where a number is
undefined. Does not: make intervals or tests; `analysis/` does, on the finished model.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from kdprobe.distillers.label_scores import (
    binary_loss,
    constant_score,
    label_fidelity,
    set_scores,
)
from kdprobe.errors import TaskError
from kdprobe.stats import classification
from kdprobe.stats.arrays import Floats, Ints
from kdprobe.stats.bootstrap import whole_sample
from kdprobe.stats.correlations import pearson_draws
from kdprobe.stats.divergence import kl_divergence, log_softmax
from kdprobe.stats.kappa import Pairing
from kdprobe.stats.rank_correlations import spearman_draws
from kdprobe.tasks.task import Labels, Task

_ONE_GOLD = "all gold labels are the same"
_ONE_GUESS = "one label is predicted for every example"
_ABSENT = "the positive label neither occurs nor is predicted"
_NO_LABEL = "no label is gold or predicted anywhere"
_FLAT = "the gold or the predicted scores are all the same"
_CONSTANT = "the teacher or the student gives one and the same label to every example"


class Score(NamedTuple):
    """A number, or the reason why there is none."""

    value: float | None
    undefined: str = ""


def _score(draws: Floats, reason: str = "") -> Score:
    """Return the value on the whole sample, or the reason where it is NaN."""
    value = float(draws[0])
    return Score(None, reason) if np.isnan(value) else Score(value)


def _positive(task: Task) -> int:
    return task.labels.index(task.positive) if task.positive else len(task.labels) - 1


def _classification(task: Task, gold: Ints, predicted: Ints) -> dict[str, Callable[[], Score]]:
    """Return the scores that can be a classification's primary one, each computed when called."""
    classes = len(task.labels)
    counts = classification.counts_of(whole_sample(len(gold)), gold, predicted, classes=classes)

    def f1() -> Score:
        if classes == 2:
            return _score(classification.f1(counts)[:, _positive(task)], _ABSENT)
        return _score(classification.f1_macro(counts))

    one_gold = counts.gold.max() == len(gold)
    return {
        "accuracy": lambda: _score(classification.accuracy(counts)),
        "mcc": lambda: _score(classification.mcc(counts), _ONE_GOLD if one_gold else _ONE_GUESS),
        "f1": f1,
    }


def _regression(gold: Floats, predicted: Floats) -> dict[str, Callable[[], Score]]:
    sample = whole_sample(len(gold))
    return {
        "pearson": lambda: _score(pearson_draws(sample, gold, predicted), _FLAT),
        "spearman": lambda: _score(spearman_draws(sample, gold, predicted), _FLAT),
    }


def task_scores(task: Task, gold: Labels, logits: Floats) -> dict[str, Score]:
    """Score logits against gold labels.

    Args:
        task: its primary score comes first.
        gold: class indices or scores, `[n]`; of several labels at once 0 or 1 for each, `[n, L]`.
        logits: float64 `[n, c]`, columns in the task's order.

    Returns:
        The primary score, for a classification also `accuracy`, of several labels at once
        `subset_accuracy`, and `loss` (mean cross-entropy in nats, or mean squared error).

    Raises:
        TaskError: a primary score that is not known for this kind of task.
    """
    if task.kind == "multilabel":
        return _of_labels(task, gold.astype(np.int64), logits)
    numbers, hard = gold.astype(np.float64), gold.astype(np.int64)
    if task.kind == "regression":
        by_name = _regression(numbers, logits[:, 0])
        loss = float(((logits[:, 0] - numbers) ** 2).mean())
    else:
        by_name = _classification(task, hard, logits.argmax(axis=1).astype(np.int64))
        loss = float(-log_softmax(logits)[np.arange(len(hard)), hard].mean())
    if task.primary_score not in by_name:
        raise TaskError(
            task.name,
            found=f"primary score {task.primary_score!r}",
            expected=f"one of {', '.join(by_name)} for a {task.kind}",
        )
    names = dict.fromkeys((task.primary_score, *(("accuracy",) if "accuracy" in by_name else ())))
    return {name: by_name[name]() for name in names} | {"loss": Score(loss)}


def _of_labels(task: Task, gold: Ints, logits: Floats) -> dict[str, Score]:
    by_name = set_scores(gold, (logits > 0).astype(np.int64))
    names = dict.fromkeys((task.primary_score, "subset_accuracy"))
    scores = {name: _score(by_name[name](), _NO_LABEL) for name in names}
    return scores | {"loss": Score(binary_loss(gold, logits))}


def fidelity(task: Task, teacher: Floats, student: Floats) -> dict[str, Score]:
    """Compare a student's logits with its teacher's: `agreement`, `cohens_kappa` and `kl`.

    Kappa is undefined, as in `analysis/agreement`, where one of the two gives one label only: it
    would be 0 whatever the other predicts. For a regression `pearson_to_teacher` and the mean
    squared difference, `mse_to_teacher`. Of several labels at once the three numbers are of the
    whole sets.
    """
    if task.kind == "multilabel":
        by_name = label_fidelity(teacher, student)
        return {name: _score(draws, _CONSTANT) for name, draws in by_name.items()}
    sample = whole_sample(len(teacher))
    if task.kind == "regression":
        a, b = teacher[:, 0], student[:, 0]
        return {
            "pearson_to_teacher": _score(pearson_draws(sample, a, b), _FLAT),
            "mse_to_teacher": Score(float(((a - b) ** 2).mean())),
        }
    first, second = (side.argmax(axis=1).astype(np.int64) for side in (teacher, student))
    pairing = Pairing(sample, first, second, len(task.labels))
    return {
        "agreement": _score(pairing.observed),
        "cohens_kappa": _score(pairing.kappa().draws, _CONSTANT),
        "kl": Score(float(kl_divergence(log_softmax(teacher), log_softmax(student)).mean())),
    }


def chance_score(task: Task, gold: Labels) -> tuple[str, float]:
    """Return the name and value of the primary score that a model which learnt nothing reaches.

    Accuracy and F1 of always giving the most frequent label (F1 of two: of always giving the
    positive one); of several labels at once of the best set for all; 0 for the correlations.
    """
    name = task.primary_score
    if task.kind == "multilabel":
        return name, constant_score(name, gold.astype(np.int64))
    if task.kind == "regression" or name == "mcc":
        return name, 0.0
    hard = gold.astype(np.int64)
    common = int(np.bincount(hard, minlength=len(task.labels)).argmax())
    if name == "f1":
        label = _positive(task) if len(task.labels) == 2 else common
        score = _classification(task, hard, np.full_like(hard, label))["f1"]()
        return name, score.value or 0.0
    return name, float((hard == common).mean())
