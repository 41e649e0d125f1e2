"""The examples of the page: which ones it carries, and how they are laid out.

Does: choose rows of the split, and make the rows of the example browser. Does not: compute any
number.
"""

from __future__ import annotations

from collections.abc import Set

import numpy as np

from kdprobe.observations.predictions import Population
from kdprobe.observations.study import Study
from kdprobe.report.examples import FULL_PROBABILITIES
from kdprobe.results.schema import Example, ExamplePrediction
from kdprobe.stats.arrays import Floats
from kdprobe.tasks.task import NO_LABEL, Labels

PAGE_EXAMPLES = 5000


def page_rows(
    study: Study, named: Set[str], explained: Set[str] = frozenset(), *, limit: int = PAGE_EXAMPLES
) -> list[int]:
    """Choose the examples the page carries, in the split's order.

    All of them up to `limit`; above it first those that a table or chart names, then those whose
    words were explained, then those on which the models disagree, then the others in order.
    """
    if study.n <= limit:
        return list(range(study.n))
    differ = np.zeros(study.n, dtype=bool)
    if study.split.task.kind == "classification":
        predicted = np.stack([population.first.predicted for population in study.models])
        differ = (predicted != predicted[0]).any(axis=0)
    names = np.array([(key not in named, key not in explained) for key in study.split.ids])
    order = np.lexsort((np.arange(study.n), ~differ, names[:, 1], names[:, 0]))
    return sorted(int(row) for row in order[:limit])


def examples(study: Study, rows: list[int]) -> tuple[Example, ...]:
    """Lay out the rows of the example browser."""
    split = study.split
    regression = split.task.kind == "regression"
    gold = np.full(study.n, NO_LABEL) if split.labels is None or regression else split.labels
    outputs = [_predictions_of(each, rows, gold, regression=regression) for each in study.models]
    listed = []
    for place, row in enumerate(rows):
        known = split.labels is not None and split.has_gold[row]
        true = split.labels[row].item() if split.labels is not None and known else None
        listed.append(
            Example(
                id=split.ids[row],
                text=split.texts[row],
                text_pair=None if split.pairs is None else split.pairs[row],
                label=None if true is None or regression else int(true),
                score=float(true) if true is not None and regression else None,
                columns={name: values[row] for name, values in split.columns.items()},
                predictions=tuple(each[place] for each in outputs),
            )
        )
    return tuple(listed)


def _predictions_of(
    population: Population, rows: list[int], gold: Labels, *, regression: bool
) -> list[ExamplePrediction]:
    run, name = population.first, population.name
    if regression:
        return [ExamplePrediction(model=name, score=float(run.scores[row])) for row in rows]
    predicted = run.predicted
    if not run.has_probabilities:
        return [ExamplePrediction(model=name, label=int(predicted[row])) for row in rows]
    # Six digits are more than any reader or chart can tell apart, and halve the page.
    probabilities = np.round(np.exp(run.log_probabilities[rows]), 6)
    labels = [
        _listed_labels(values, int(gold[row]))
        for row, values in zip(rows, probabilities, strict=True)
    ]
    return [
        ExamplePrediction(
            model=name,
            label=int(predicted[row]),
            confidence=float(values.max()),
            probabilities=tuple(values[list(listed)].tolist() if listed else values.tolist()),
            of_labels=listed,
        )
        for row, values, listed in zip(rows, probabilities, labels, strict=True)
    ]


def _listed_labels(values: Floats, gold: int) -> tuple[int, ...]:
    """Return the labels whose probabilities an example lists; none where it lists all."""
    if len(values) <= FULL_PROBABILITIES:
        return ()
    best = tuple(np.argsort(-values, kind="stable")[:FULL_PROBABILITIES].tolist())
    return best if gold in best or gold == NO_LABEL else (*best, gold)
