"""Probing sets of the compared task's own labels: `gold` among the probing tasks.

Does: ask one question for each label of a multi-label task, or one of a classification's classes.
Does not: load examples or draw the samples that are probed; `sets.py` draws them.

Probes learn from the training split and are tested on the compared examples, so that their
accuracies speak of the examples that everything else in a report speaks of. A text that stands in
both is left to the test.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kdprobe.config.probing import GOLD, PROBING, ProbingTask
from kdprobe.errors import ConfigError, TaskError
from kdprobe.tasks.probing.sets import ProbingSet, Rows, make_set, sample_rows
from kdprobe.tasks.task import Split

_OPTION = f"`{PROBING.tasks}={GOLD}`"
_DEV_SHARE = 5  # one training example of so many is the probes' dev


class GoldProbes(NamedTuple):
    """The probing tasks of a task's labels, and the labels that cannot be probed, with reasons."""

    sets: tuple[tuple[ProbingTask, ProbingSet], ...]
    left_out: Mapping[str, str]


def gold_sets(train: Split | None, compared: Split, *, seed: int = 0) -> GoldProbes:
    """Make probing sets of a task's gold labels.

    Definition: dev is one training example of five, drawn by the seed with every class's share; the
    classes of a label are `no` and `yes`.

    Args:
        train: the training split; None where the task has none, or the compared split holds it.
        compared: the compared examples, on which the probes are tested.
        seed: of the division; each probing task has its own generator.

    Returns:
        Of a multi-label task `gold: LABEL` for each label in the task's order, less those that
        cannot be probed; of a classification `gold`.

    Raises:
        UsageError: a regression, pairs of texts, no training split, no gold labels, or nothing that
            can be probed (see `make_set`).
    """
    task = compared.task
    _refuse_kind(compared)
    if train is None:
        raise ConfigError(
            _OPTION,
            found=f"{task.name} has no training split at hand beside {compared.name}",
            expected="a split called train, from which the probes learn",
            remedy="add one to the task and compare on another, or give the sentences as a probing "
            "file of your own (NAME.toml)",
        )
    for split in (train, compared):
        if not len(split.gold_rows):
            raise ConfigError(
                _OPTION, found=f"{split.name} of {task.name} has no gold labels",
                expected="labels to probe for", remedy=f"leave {GOLD} out of `{PROBING.tasks}`",
            )  # fmt: skip
    origin = (
        f"gold labels of {task.name} (learnt from its training split, tested on the compared "
        f"examples of {compared.name}{_of_clusters(compared)})"
    )
    tested = set(compared.texts)
    learnt = train.take([row for row in train.gold_rows.tolist() if train.texts[row] not in tested])
    held = compared.take(compared.gold_rows)
    if task.kind == "classification":
        labelled = _set_of(GOLD, _classes(learnt), _classes(held), seed=seed, origin=origin)
        return GoldProbes(((_task_of(GOLD, f"Which class of {task.name}?"), labelled),), {})
    return _of_labels(learnt, held, seed=seed, origin=origin)


def _refuse_kind(compared: Split) -> None:
    name, remedy = compared.task.name, f"leave {GOLD} out of `{PROBING.tasks}`"
    if compared.task.kind == "regression":
        raise ConfigError(
            _OPTION, found=f"the gold labels of {name} are numbers, no classes",
            expected="a classification or a multi-label task", remedy=remedy,
        )  # fmt: skip
    if compared.pairs is not None:
        raise ConfigError(
            _OPTION, found=f"the examples of {name} are pairs of texts",
            expected="single texts, as probes read them", remedy=remedy,
        )  # fmt: skip


def _of_clusters(compared: Split) -> str:
    return "" if compared.clusters is None else ", each of them as if it were independent"


def _of_labels(learnt: Split, held: Split, *, seed: int, origin: str) -> GoldProbes:
    """Make one set for each label; raise what hinders the first where nothing can be probed."""
    sets: list[tuple[ProbingTask, ProbingSet]] = []
    errors: dict[str, TaskError] = {}
    for place, label in enumerate(learnt.task.labels):
        name = f"{GOLD}: {label}"
        answers = [_answers(split, place) for split in (learnt, held)]
        try:
            labelled = _set_of(name, answers[0], answers[1], seed=seed, origin=origin)
        except TaskError as error:
            errors[name] = error
            continue
        sets.append((_task_of(name, f"Does {learnt.task.name} label it {label}?"), labelled))
    if not sets:
        raise next(iter(errors.values()))
    return GoldProbes(tuple(sets), {name: error.found for name, error in errors.items()})


def _task_of(name: str, question: str) -> ProbingTask:
    return ProbingTask(name=name, group="other", description=question, file="")


def _classes(split: Split) -> Rows:
    names = split.task.labels
    return [
        (names[int(label)], text) for label, text in zip(_labels(split), split.texts, strict=True)
    ]


def _answers(split: Split, place: int) -> Rows:
    held = _labels(split)[:, place]
    return [("yes" if there else "no", text) for there, text in zip(held, split.texts, strict=True)]


def _labels(split: Split) -> NDArray[np.int64]:
    assert split.labels is not None  # only examples with gold labels are read
    return split.labels.astype(np.int64)


def _set_of(name: str, learnt: Rows, tested: Rows, *, seed: int, origin: str) -> ProbingSet:
    """Divide what is learnt into train and dev, every class by its share and never all to dev."""
    kept = _divide([label for label, _ in learnt], seed=seed, name=name)
    parts = {
        "tr": [row for row, keep in zip(learnt, kept, strict=True) if keep],
        "va": [row for row, keep in zip(learnt, kept, strict=True) if not keep],
        "te": tested,
    }
    return make_set(name, parts, origin=origin)


def _divide(labels: Sequence[str], *, seed: int, name: str) -> NDArray[np.bool_]:
    """Say of each row whether it stays in train, bool `[n]`."""
    _, classes = np.unique(np.array(labels, dtype=np.str_), return_inverse=True)
    size = len(labels) - len(labels) // _DEV_SHARE
    rows = sample_rows(classes, size, seed=seed, names=(name, "divided"))
    return np.isin(np.arange(len(labels)), rows)
