"""The tables of `per_label`: the labels down, the models across.

Does: lay estimates and counts out for a reader. Does not: estimate anything.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kdprobe.analysis.per_label.numbers import Labelled
from kdprobe.observations.predictions import Predictions
from kdprobe.results.schema import Cell, Column, Curve, Estimate, Series, Table
from kdprobe.stats.arrays import Ints

_SHORT = {
    "average_precision": "average precision",
    "label_calibration_error": "calibration error",
    "label_agreement": "agreement",
    "label_kappa": "kappa",
    "label_kl": "KL",
    "label_spearman": "Spearman",
}
_FIRST = (Column(name="label", label="Label"),)


def _value(numbers: Sequence[Estimate], metric: str, label: str, *models: str) -> float | None:
    """Return a number of one label; None where it is undefined or was not made."""
    at = (metric, label, *(*models, "")[:2])
    for number in numbers:
        if (number.metric, number.subset, number.model_a, number.model_b) == at:
            return number.value
    return None


def nearness_table(view: Labelled, numbers: Sequence[Estimate]) -> Table:
    """How near each student is to the teacher on each label."""
    teacher, *students = view.models
    metrics = ("label_agreement", "label_kappa", "label_kl", "label_spearman")
    rows: list[tuple[Cell, ...]] = [
        (
            label,
            *(
                _value(numbers, metric, label, teacher.name, student.name)
                for student in students
                for metric in metrics
            ),
        )
        for label in view.labels
    ]
    return Table(
        name="nearness",
        title="Each label: how near to the teacher",
        caption="Decisions that are the same, kappa of the decisions, the divergence of the "
        "label's probabilities in nats, and their rank correlation.",
        columns=(
            *_FIRST,
            *(
                Column(name=f"{metric}:{student.name}", label=f"{student.name}: {_SHORT[metric]}",
                       kind="share" if metric == "label_agreement" else "number")
                for student in students
                for metric in metrics
            ),
        ),
        rows=tuple(rows),
    )  # fmt: skip


def _cells(one: Ints, other: Ints) -> tuple[int, int, int, int]:
    """Count both, the first alone, the second alone, neither."""
    both, first = int((one & other).sum()), int(one.sum())
    second = int(other.sum())
    return both, first - both, second - both, len(one) - first - second + both


def decisions_table(view: Labelled) -> Table:
    """Each label's decisions of the teacher and of each student, two by two."""
    teacher, *students = view.models
    heads = ("both", f"{teacher.name} alone", "student alone", "neither")
    rows: list[tuple[Cell, ...]] = [
        (
            label,
            *(
                count
                for student in students
                for count in _cells(teacher.first.sets[:, at], student.first.sets[:, at])
            ),
        )
        for at, label in enumerate(view.labels)
    ]
    return Table(
        name="decisions",
        title="Each label: who says yes",
        caption="Examples of which both models predict the label, one of them alone, or neither; "
        "the first run of each.",
        columns=(
            *_FIRST,
            *(
                Column(name=f"{head}:{student.name}", label=f"{student.name}: {head}", kind="count",
                       unit="examples")
                for student in students
                for head in heads
            ),
        ),
        rows=tuple(rows),
    )  # fmt: skip


def gold_table(view: Labelled, numbers: Sequence[Estimate]) -> Table:
    """Each label's hits and mistakes of every model, with what its probabilities are worth."""
    gold = view.outputs.gold
    assert gold is not None  # the caller asks
    rows: list[tuple[Cell, ...]] = []
    for at, label in enumerate(view.labels):
        cells: list[Cell] = [label, int(gold[:, at].sum())]
        for model in view.models:
            cells += [*_mistakes(model.first, gold[:, at], at)]
            cells += [
                _value(numbers, metric, label, model.name)
                for metric in ("average_precision", "label_calibration_error")
            ]
        rows.append(tuple(cells))
    return Table(
        name="gold",
        title="Each label: hits and mistakes",
        caption="Hits: the label is predicted and gold. False: predicted and not gold. Missed: "
        "gold and not predicted. All other examples lack the label, in gold and prediction; counts "
        "are of the first run.",
        columns=(
            *_FIRST,
            Column(name="n", label="Examples", kind="count", unit="examples"),
            *(column for model in view.models for column in _columns(model.name)),
        ),
        rows=tuple(rows),
    )


def _columns(model: str) -> tuple[Column, ...]:
    counts = tuple(
        Column(name=f"{name}:{model}", label=f"{model}: {name}", kind="count", unit="examples")
        for name in ("hits", "false", "missed")
    )
    numbers = tuple(
        Column(name=f"{name}:{model}", label=f"{model}: {_SHORT[name]}", kind="number")
        for name in ("average_precision", "label_calibration_error")
    )
    return (*counts, *numbers)


def _mistakes(run: Predictions, gold: Ints, at: int) -> tuple[int, int, int]:
    """Count hits, false and missed ones."""
    missed_and_hit = _cells(gold, run.sets[:, at])
    return missed_and_hit[0], missed_and_hit[2], missed_and_hit[1]


def kappa_chart(view: Labelled, numbers: Sequence[Estimate]) -> tuple[Curve, ...]:
    """Kappa with the teacher on each label, a series a student."""
    teacher, *students = view.models
    series = []
    for student in students:
        known = [
            number
            for number in numbers
            if number.metric == "label_kappa" and number.subset in view.labels
            and (number.model_a, number.model_b) == (teacher.name, student.name)
            and number.value is not None
        ]  # fmt: skip
        if known:
            series.append(
                Series(
                    name=student.name,
                    x=tuple(float(number.value or 0.0) for number in known),
                    low=tuple(number.low for number in known),
                    high=tuple(number.high for number in known),
                    labels=tuple(number.subset for number in known),
                )
            )
    if not series:
        return ()
    return (
        Curve(
            name="label_kappa",
            title="Kappa with the teacher on each label",
            caption="Bars are 95 % intervals; a label of which a model says the same throughout "
            "has none.",
            kind="forest",
            x_title="kappa",
            y_title="label",
            series=tuple(series),
        ),
    )


def rarest(view: Labelled) -> str:
    """Return a note on labels that fewer than ten examples have, or nothing."""
    gold = view.outputs.gold
    if gold is None:
        return ""
    counts = (gold == 1).sum(axis=0)
    few = [view.labels[at] for at in np.flatnonzero(counts < 10).tolist()]
    shown = ", ".join(few[:6]) + (", …" if few[6:] else "")
    return (
        f"Fewer than 10 examples have the labels {shown}: their numbers tell little." if few else ""
    )
