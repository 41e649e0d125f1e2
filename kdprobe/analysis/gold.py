"""Which predictions of a study are right, and the notes that say whom a number is about.

Does: compare predictions with the gold labels, say why a study has no right and wrong, or that
a number is of some examples or of the first run only. Does not: make estimates.
"""

from __future__ import annotations

import numpy as np

from kdprobe.errors import TaskError
from kdprobe.observations.predictions import Population, Predictions
from kdprobe.observations.study import Study
from kdprobe.stats.arrays import Bools, Ints

NO_GOLD = "the split has no gold labels, so no prediction is known to be right or wrong"
NO_PROBABILITIES = "only predicted labels are known of this model, no probabilities"


def no_right_and_wrong(study: Study) -> str | None:
    """Return the reason why predictions cannot be counted as right or wrong, or None."""
    if study.split.task.kind == "regression":
        return "a regression predicts numbers, which are more or less close, not right or wrong"
    return NO_GOLD if study.split.labels is None else None


def gold_classes(study: Study) -> Ints | None:
    """Return the gold classes, int64 `[n]`, or None without them and for a regression."""
    if study.split.labels is None or study.split.task.kind == "regression":
        return None
    return np.asarray(study.split.labels, dtype=np.int64)


def gold_of(study: Study) -> Ints:
    """Return the gold classes of a study with right and wrong, int64 `[n]`.

    Raises:
        TaskError: there are none; an analysis asks `no_right_and_wrong` first.
    """
    classes = gold_classes(study)
    if classes is None:
        raise TaskError(
            f"{study.split.task.name} {study.split.name}",
            found=no_right_and_wrong(study) or NO_GOLD,
            expected="a gold class for each example",
        )
    return classes


def hits_of(run: Predictions, gold: Ints) -> Bools:
    """Return which examples a run predicts rightly, bool `[n]`."""
    right: Bools = run.predicted == gold
    return right


def labelled_note(study: Study, what: str) -> tuple[str, ...]:
    """State, where some examples have no gold label, that `what` is of the others alone."""
    known = len(study.split.gold_rows)
    if known in (0, study.n):
        return ()
    return (f"{what}: of the {known:,} of {study.n:,} examples that have a gold label.",)


def several_runs(study: Study) -> tuple[Population, ...]:
    """Return the models that have more than one run."""
    return tuple(population for population in study.models if len(population.runs) > 1)


def first_run_note(study: Study, what: str) -> tuple[str, ...]:
    """State, where a model has several runs, that `what` shows its first run only."""
    names = [population.name for population in several_runs(study)]
    if not names:
        return ()
    return (f"{what} show the first run of {', '.join(names)}; the example browser does too.",)


def mean_size(masks: list[Bools]) -> int:
    """Return the number of examples in a subset, averaged over runs and rounded.

    >>> mean_size([np.array([True, False]), np.array([True, True])])
    2
    """
    return round(float(np.mean([mask.sum() for mask in masks])))
