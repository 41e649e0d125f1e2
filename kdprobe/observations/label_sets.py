"""Several labels at once, converted as one class: the set of them.

Does: number the sets of labels, turn gold labels and outputs of a multi-label task into those of a
classification whose classes are sets, and keep the outputs of each label beside it. Does not:
compute a score.

A model of L independent labels gives each of the 2^L sets a probability, the product of those of
its labels, and the set that it predicts is the most probable one. So it is a classifier of sets,
and whatever compares classifiers compares it, with the whole set for an answer. What is about
single labels reads `LabelOutputs`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kdprobe.config.kinds import LabelSets
from kdprobe.config.task import Task
from kdprobe.observations.predictions import Population, Predictions, Scale
from kdprobe.observations.study import Study
from kdprobe.stats.arrays import Floats, Ints
from kdprobe.tasks.task import NO_LABEL, Split

MOST_LISTED = 64
"""All sets are classes where there are at most so many; else those that occur, and a rest."""
_LEAST = 1e-12  # of the rest: what rounding takes from it leaves a finite logarithm


@dataclass(frozen=True)
class LabelOutputs:
    """What models say of each label of examples that have several at once.

    Args:
        task: the multi-label task.
        ids: the examples, `[n]`.
        gold: 0 or 1, int64 `[n, L]`, a row of -1 without gold labels; None: none are known.
        runs: model -> its outputs a run, scale `label logits` or `label sets`.
    """

    task: Task
    ids: tuple[str, ...]
    gold: Ints | None
    runs: Mapping[str, tuple[Predictions, ...]]

    def only(self, kept: Iterable[str]) -> LabelOutputs:
        """Return it with these examples alone, in the order given."""
        places = {key: row for row, key in enumerate(self.ids)}
        ids = tuple(kept)
        rows = np.array([places[key] for key in ids], dtype=np.int64)
        runs = {
            name: tuple(replace(run, ids=ids, values=run.values[rows]) for run in each)
            for name, each in self.runs.items()
        }
        return LabelOutputs(self.task, ids, None if self.gold is None else self.gold[rows], runs)


def label_sets(task: Task, held: Sequence[Ints]) -> LabelSets:
    """Return the sets that are classes: small ones first, then by the places of their labels.

    Args:
        task: the multi-label task.
        held: 0 or 1 for each label, int64 `[n, L]` each: what is gold, and what is predicted.

    >>> task = Task("t", 1, "multilabel", ("a", "b"), "f1_micro")
    >>> label_sets(task, []).names
    ('(none)', 'a', 'b', 'a + b')
    """
    count = len(task.labels)
    if 2**count <= MOST_LISTED:
        every = np.array([[code >> place & 1 for place in range(count)]
                          for code in range(2**count)])  # fmt: skip
        return LabelSets(task.labels, _members(every))
    return LabelSets(task.labels, _members(np.unique(np.concatenate(held), axis=0)), rest=True)


def _members(sets: NDArray[np.int64]) -> tuple[tuple[int, ...], ...]:
    members = [tuple(np.flatnonzero(row).tolist()) for row in sets]
    return tuple(sorted(members, key=lambda places: (len(places), places)))


def as_sets(
    split: Split, models: Sequence[Population]
) -> tuple[Split, tuple[Population, ...], LabelOutputs]:
    """Return the examples and outputs of a multi-label task as those of a classification.

    Args:
        split: the examples; gold labels `[n, L]` or None.
        models: their outputs are `label logits` or `label sets`.

    Returns:
        The split with a class of `task.sets` for each example, the models with a probability for
        each class (or their classes alone), and what both said of each label.
    """
    known = [] if split.labels is None else [split.labels[split.gold_rows].astype(np.int64)]
    sets = label_sets(split.task, [*known, *(run.sets for model in models for run in model.runs)])
    task = replace(split.task, kind="classification", labels=sets.names, sets=sets)
    gold = None if split.labels is None else split.labels.astype(np.int64)
    classes = None if gold is None else np.full(len(split), NO_LABEL, dtype=np.int64)
    if gold is not None and classes is not None:
        classes[split.gold_rows] = codes_of(gold[split.gold_rows], sets)
    converted = tuple(
        replace(model, runs=tuple(_of_sets(run, sets) for run in model.runs)) for model in models
    )
    outputs = LabelOutputs(split.task, split.ids, gold, {m.name: m.runs for m in models})
    return replace(split, task=task, labels=classes), converted, outputs


def observed(
    split: Split,
    models: tuple[Population, ...],
    *,
    seed: int = 0,
    resamples: int = 2000,
    slice_columns: tuple[str, ...] = (),
    observations: Mapping[type, object] | None = None,
) -> Study:
    """Return the study of examples and outputs; of a multi-label task that of its sets of labels.

    Args:
        split: the examples.
        models: the teacher first, with outputs as they gave them.
        seed: see `Study`.
        resamples: likewise.
        slice_columns: likewise.
        observations: likewise; to those of a multi-label task comes `LabelOutputs`.
    """
    others = dict(observations or {})
    if split.task.kind == "multilabel":
        split, models, others[LabelOutputs] = as_sets(split, models)
    return Study(split, models, seed, resamples, slice_columns, others)


def codes_of(held: Ints, sets: LabelSets) -> Ints:
    """Return the class of each row of 0 and 1, int64 `[n]`; every set of them is listed."""
    places = {row.tobytes(): code for code, row in enumerate(sets.matrix)}
    rows = np.ascontiguousarray(held, dtype=np.int64)
    return np.array([places[row.tobytes()] for row in rows], dtype=np.int64)


def _of_sets(run: Predictions, sets: LabelSets) -> Predictions:
    """Return a run's outputs as those of a classifier of sets."""
    codes = codes_of(run.sets, sets)
    if run.scale == "label sets":
        return replace(run, values=codes[:, None].astype(np.float64), scale="labels")
    values = log_joint(run.values, sets)
    listed, rows = values[:, : len(sets.members)], np.arange(len(values))
    # Rounding can tie two sets where a log-odds is next to 0: the decision on each label stands.
    best = np.nextafter(listed.max(axis=1), np.inf)
    other = listed.argmax(axis=1) != codes
    listed[rows[other], codes[other]] = best[other]
    scale: Scale = "log-probabilities and rest" if sets.rest else "log-probabilities"
    return replace(run, values=values, scale=scale)


def log_joint(logits: Floats, sets: LabelSets) -> Floats:
    """Return the logarithm of each set's probability under independent labels, float64 `[n, c]`.

    Definition: the sum over its labels of log s(z) and over all others of log s(-z), s the logistic
    function; of the rest 1 minus the sum over all listed sets.

    >>> sets = LabelSets(("a", "b"), ((), (0,), (1,), (0, 1)))
    >>> np.exp(log_joint(np.log([[3.0, 1.0]]), sets)).round(3).tolist()  # 3/4 and 1/2
    [[0.125, 0.375, 0.125, 0.375]]
    """
    none = -np.logaddexp(0.0, logits).sum(axis=1, keepdims=True)
    listed: Floats = none + logits @ sets.matrix.T.astype(np.float64)
    if not sets.rest:
        return listed
    left = 1.0 - np.exp(listed).sum(axis=1, keepdims=True)
    return np.concatenate([listed, np.log(np.maximum(left, _LEAST))], axis=1)


def labels_of(study: Study) -> LabelOutputs:
    """Return what models say of each label of a study's examples, in their order."""
    outputs = study.get(LabelOutputs)
    return outputs if outputs.ids == study.split.ids else outputs.only(study.split.ids)


def as_given(study: Study) -> Split:
    """Return a study's examples as they were before their sets of labels became classes."""
    if not study.has(LabelOutputs):
        return study.split
    held = labels_of(study)
    return replace(study.split, task=held.task, labels=held.gold)


def outputs_as_given(study: Study) -> tuple[Split, tuple[Population, ...]]:
    """Return a study's examples and models as they were before sets of labels became classes."""
    if not study.has(LabelOutputs):
        return study.split, study.models
    runs = labels_of(study).runs
    models = tuple(replace(model, runs=runs[model.name]) for model in study.models)
    return as_given(study), models


def probabilities_of(study: Study, model: Population, run: int = 0) -> Floats | None:
    """Return what a run of a model, the first, gives each label of the task.

    Returns:
        float64 `[n, c]`, rows that sum to 1 or, of several labels at once, each from 0 to 1; None:
        no probabilities are known.
    """
    if not model.runs[run].has_probabilities:
        return None
    if not study.has(LabelOutputs):
        every: Floats = np.exp(model.runs[run].log_probabilities)
        return every
    logits = labels_of(study).runs[model.name][run].values
    each: Floats = 0.5 * (1.0 + np.tanh(0.5 * logits))
    return each
