"""The examples of the page: which ones it carries, and how they are laid out.

Does: choose rows of the split, and make the rows of the example browser. Does not: compute any
number.
"""

from __future__ import annotations

from collections.abc import Iterator, Set

import numpy as np

from kdprobe.observations.label_sets import probabilities_of
from kdprobe.observations.predictions import Population
from kdprobe.observations.study import Study
from kdprobe.report.examples import FULL_PROBABILITIES
from kdprobe.results.schema import Example, ExamplePrediction
from kdprobe.stats.arrays import Floats
from kdprobe.tasks.task import NO_LABEL

PAGE_EXAMPLES = 5000
_PIECE = 500  # examples whose probabilities are sorted at a time


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


def examples(study: Study, rows: list[int], answers: tuple[str, ...] = ()) -> tuple[Example, ...]:
    """Lay out the rows of the example browser.

    Args:
        study: the examples.
        rows: which of them.
        answers: the names that labels are indices into; empty: the classes of the study.
    """
    split = study.split
    regression = split.task.kind == "regression"
    places = {name: index for index, name in enumerate(answers or split.task.labels)}
    codes = [places.get(name, -1) for name in split.task.labels]  # no answer is the rest of sets
    outputs = [_predictions_of(study, each, rows, codes) for each in study.models]
    listed = []
    for at, row in enumerate(rows):
        known = split.labels is not None and split.has_gold[row]
        gold = split.labels[row].item() if split.labels is not None and known else None
        listed.append(
            Example(
                id=split.ids[row],
                text=split.texts[row],
                text_pair=None if split.pairs is None else split.pairs[row],
                label=None if gold is None or regression else codes[int(gold)],
                score=float(gold) if gold is not None and regression else None,
                columns={name: values[row] for name, values in split.columns.items()},
                predictions=tuple(each[at] for each in outputs),
            )
        )
    return tuple(listed)


def _predictions_of(
    study: Study, population: Population, rows: list[int], codes: list[int]
) -> list[ExamplePrediction]:
    run, name = population.first, population.name
    if study.split.task.kind == "regression":
        return [ExamplePrediction(model=name, score=float(run.scores[row])) for row in rows]
    predicted = [codes[place] for place in run.predicted[rows].tolist()]
    every = probabilities_of(study, population)
    if every is None:
        return [ExamplePrediction(model=name, label=label) for label in predicted]
    listed: list[ExamplePrediction] = []
    for start in range(0, len(rows), _PIECE):
        piece = slice(start, start + _PIECE)
        listed += _with_probabilities(study, population, rows[piece], predicted[piece], every)
    return listed


def _with_probabilities(
    study: Study, population: Population, rows: list[int], predicted: list[int], every: Floats
) -> Iterator[ExamplePrediction]:
    # Six digits are more than any reader or chart can tell apart, and halve the page.
    probabilities = np.round(every[rows], 6)
    sure = np.round(population.first.confidence[rows], 6)
    for label, confidence, values, labels in zip(
        predicted, sure, probabilities, _listed_labels(study, rows, probabilities), strict=True
    ):
        yield ExamplePrediction(
            model=population.name,
            label=label,
            confidence=float(confidence),
            probabilities=tuple(values[list(labels)].tolist() if labels else values.tolist()),
            of_labels=labels,
        )


def _listed_labels(study: Study, rows: list[int], probabilities: Floats) -> list[tuple[int, ...]]:
    """Return the labels whose probabilities each example lists; none where it lists all."""
    split = study.split
    if probabilities.shape[1] <= FULL_PROBABILITIES or split.task.sets is not None:
        return [()] * len(rows)
    gold = np.full(len(rows), NO_LABEL) if split.labels is None else split.labels[rows]
    best = np.argsort(-probabilities, axis=1, kind="stable")[:, :FULL_PROBABILITIES].tolist()
    return [
        tuple(likeliest if label in likeliest or label == NO_LABEL else [*likeliest, label])
        for likeliest, label in zip(best, gold.astype(np.int64).tolist(), strict=True)
    ]
