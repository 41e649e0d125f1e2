"""Right and wrong predictions, and averages over subsets that change size between resamples.

Does: compare predictions with the gold labels, divide draws safely, and tell why a study has no
right and wrong. Does not: make estimates; the analyses do.
"""

from __future__ import annotations

import numpy as np

from kdprobe.errors import TaskError
from kdprobe.observations.arrays import Bools, Floats, Ints
from kdprobe.observations.predictions import Population, Predictions
from kdprobe.observations.study import Study
from kdprobe.stats.bootstrap import Resamples

NO_GOLD = "the split has no gold labels, so no prediction is known to be right or wrong"
NO_PROBABILITIES = "only predicted labels are known of this model, no probabilities"


def no_right_and_wrong(study: Study) -> str | None:
    """Give the reason why predictions cannot be counted as right or wrong, or None."""
    if study.split.task.kind == "regression":
        return "a regression predicts numbers, which are more or less close, not right or wrong"
    return NO_GOLD if study.split.labels is None else None


def gold_of(study: Study) -> Ints:
    """Give the gold classes of a study with right and wrong, int64 `[n]`.

    Raises:
        TaskError: there are none; an analysis asks `no_right_and_wrong` first.
    """
    reason = no_right_and_wrong(study)
    if reason or study.split.labels is None:
        where = f"{study.split.task.name} {study.split.name}"
        raise TaskError(where, found=reason or NO_GOLD, expected="a gold class for each example")
    return np.asarray(study.split.labels, dtype=np.int64)


def hits_of(run: Predictions, gold: Ints) -> Bools:
    """Tell which examples a run predicts rightly, bool `[n]`."""
    right: Bools = run.predicted == gold
    return right


def quotient(top: Floats, bottom: Floats) -> Floats:
    """Divide draws, NaN where the denominator is 0 (the caller gives the reason).

    Args:
        top: float64 `[B + 1]`, a sum over each resample.
        bottom: float64 `[B + 1]`, the sum it is divided by.

    >>> quotient(np.array([1.0, 0.0]), np.array([2.0, 0.0]))
    array([0.5, nan])
    """
    divided: Floats = np.full(np.shape(top), np.nan)
    np.divide(top, bottom, out=divided, where=bottom != 0)
    return divided


def mean_within(resamples: Resamples, mask: Bools, values: Floats | Bools) -> Floats:
    """Average values over the examples of a subset, in every resample.

    Definition: the sum over the subset divided by how many of its examples were drawn, which
    varies between resamples; NaN where none was drawn.

    Args:
        resamples: of all n examples.
        mask: bool `[n]`, the subset.
        values: `[n]`, any unit.

    Returns:
        float64 `[B + 1]`.

    >>> counts = np.array([[1, 1, 1], [0, 3, 0], [2, 0, 1]], dtype=np.float32)
    >>> mean_within(Resamples(counts), np.array([True, False, True]), np.array([1.0, 9.0, 4.0]))
    array([2.5, nan, 2. ])
    """
    inside = np.where(mask, values, np.zeros_like(values))  # a boolean stays one
    return quotient(resamples.sums(inside), resamples.sums(mask))


def labelled_note(study: Study, what: str) -> tuple[str, ...]:
    """Say, where some examples have no gold label, that `what` is of the others alone."""
    known = len(study.split.gold_rows)
    if known in (0, study.n):
        return ()
    return (f"{what}: of the {known:,} of {study.n:,} examples that have a gold label.",)


def several_runs(study: Study) -> tuple[Population, ...]:
    """Give the models that have more than one run."""
    return tuple(population for population in study.models if len(population.runs) > 1)


def first_run_note(study: Study, what: str) -> tuple[str, ...]:
    """Say, where a model has several runs, that `what` shows its first run only."""
    names = [population.name for population in several_runs(study)]
    if not names:
        return ()
    return (f"{what} show the first run of {', '.join(names)}; the example browser does too.",)


def mean_size(masks: list[Bools]) -> int:
    """Give the number of examples in a subset, averaged over runs and rounded.

    >>> mean_size([np.array([True, False]), np.array([True, True])])
    2
    """
    return round(float(np.mean([mask.sum() for mask in masks])))
