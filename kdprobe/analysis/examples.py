"""Tables of examples: which columns tell what the models say, and which examples are picked.

Does: lay out gold label, predictions and confidences of chosen examples, and pick examples by rank
or at random in a way that does not depend on the order of the file. Does not: decide what is worth
picking; `correctness_groups` and `exemplary_cases` do. Texts are not copied: an id links to the
example browser.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kdprobe.observations.predictions import Population, Predictions
from kdprobe.observations.study import Study
from kdprobe.results.schema import Cell, Column, Table
from kdprobe.seeds import derive_generator
from kdprobe.stats.arrays import Bools, Floats, Ints

DIGITS = 12
"""Outputs are compared to so many decimals: their last bits depend on the order of sums."""


def confidence_of(run: Predictions) -> Floats:
    """Return the confidences of a run, float64 `[n]`; equal but for their last bits, they tie."""
    return run.confidence.round(DIGITS)


def random_rows(study: Study, mask: Bools, *, top: int, names: Sequence[str]) -> Ints:
    """Pick up to `top` examples of a subset at random; the same ones for a seed, in id order.

    Args:
        study: gives the seed and the ids.
        mask: bool `[n]`, the subset.
        top: how many at most.
        names: who asks; each consumer has its own generator.

    Returns:
        Rows of the split, int64, sorted by example id.
    """
    inside = np.flatnonzero(mask)
    inside = inside[np.argsort(study.split.id_order[inside])]
    generator = derive_generator(study.seed, *names)
    places = generator.choice(len(inside), size=min(top, len(inside)), replace=False)
    return inside[np.sort(places)].astype(np.int64)


def ranked_rows(study: Study, mask: Bools, values: Floats, *, top: int) -> Ints:
    """Pick the up to `top` examples of a subset with the largest values, largest first.

    Ties go by example id, so that the order of the file does not matter.
    """
    inside = np.flatnonzero(mask)
    order = np.lexsort((study.split.id_order[inside], -values[inside]))
    return inside[order[:top]].astype(np.int64)


def gold_cells(study: Study, rows: Ints) -> list[Cell]:
    """Return the gold label names of these rows, None where there is none."""
    labels, known = study.split.labels, study.split.has_gold
    names = study.split.task.labels
    return [names[int(labels[row])] if labels is not None and known[row] else None for row in rows]


def model_columns(models: Sequence[Population]) -> tuple[Column, ...]:
    """Return two columns per model: what it predicts, and how sure it is."""
    return tuple(
        column
        for place, model in enumerate(models)
        for column in (
            Column(name=f"predicted_{place}", label=f"{model.name} predicts"),
            Column(
                name=f"confidence_{place}",
                label=f"confidence of {model.name}",
                kind="number",
                unit="probability",
            ),
        )
    )


def model_cells(study: Study, models: Sequence[Population], rows: Ints) -> list[tuple[Cell, ...]]:
    """Return, for each row, label and confidence of each model's first run (None: unknown)."""
    names = study.split.task.labels
    cells: list[tuple[Cell, ...]] = []
    predicted = [model.first.predicted for model in models]
    confidences = [
        model.first.confidence if model.first.has_probabilities else None for model in models
    ]
    for row in rows.tolist():
        line: list[Cell] = []
        for label, sure in zip(predicted, confidences, strict=True):
            line += [names[int(label[row])], None if sure is None else float(sure[row])]
        cells.append(tuple(line))
    return cells


EXAMPLE = Column(name="example", label="example", kind="example")
GOLD = Column(name="label", label="gold label")


@dataclass(frozen=True)
class PickedExamples:
    """Some rows of the split under one heading, and out of how many they were picked."""

    heading: tuple[Cell, ...]
    rows: Ints
    of: int


def examples_table(
    study: Study,
    picked: list[PickedExamples],
    *,
    name: str,
    title: str,
    caption: str,
    headings: tuple[Column, ...],
    models: tuple[Population, ...],
) -> Table:
    """Lay out picked examples with what `models` say of them."""
    rows: list[tuple[Cell, ...]] = []
    for group in picked:
        answers = model_cells(study, models, group.rows)
        golds = gold_cells(study, group.rows)
        for row, gold, cells in zip(group.rows.tolist(), golds, answers, strict=True):
            rows.append((*group.heading, group.of, study.split.ids[row], gold, *cells))
    return Table(
        name=name,
        title=title,
        caption=caption if rows else f"{caption} No example qualifies.",
        columns=(
            *headings,
            Column(name="out_of", label="out of", kind="count"),
            EXAMPLE,
            GOLD,
            *model_columns(models),
        ),
        rows=tuple(rows),
    )
