"""The table and the chart of `task_scores`.

Does: lay estimates out for a reader. Does not: compute any.
"""

from __future__ import annotations

from collections.abc import Sequence

from kdprobe.analysis.task_scores.metrics import METRICS
from kdprobe.observations.study import Study
from kdprobe.results.schema import Cell, Column, Curve, Estimate, Series, Table
from kdprobe.stats.arrays import Ints


def primary_name(study: Study) -> str:
    """Return the score that ranks models; F1 of more than two labels is the mean over labels."""
    name = study.split.task.primary_score
    return "f1_macro" if name == "f1" and study.classes > 2 else name


def label_table(study: Study, estimates: Sequence[Estimate], gold: Ints) -> Table:
    """Labels down, models across."""
    by_place = {(e.metric, e.model_a, e.subset): e.value for e in estimates}
    rows: list[tuple[Cell, ...]] = []
    for place, label in enumerate(study.split.task.labels):
        cells: list[Cell] = [label, int((gold == place).sum())]
        for model in study.models:
            cells += [by_place[name, model.name, label] for name in ("precision", "recall")]
        rows.append(tuple(cells))
    heads = [
        Column(name=f"{name}:{model.name}", label=f"{model.name}: {name}", kind="share")
        for model in study.models
        for name in ("precision", "recall")
    ]
    return Table(
        name="by_label",
        title="Precision and recall by label",
        caption="Precision: of what a model calls by this label, how much is. Recall: of what is, "
        "how much it finds. Shares from 0 to 1; an empty cell has nothing to take a share of.",
        columns=(
            Column(name="label", label="Label"),
            Column(name="n", label="Examples", kind="count", unit="examples"),
            *heads,
        ),
        rows=tuple(rows),
    )


def forest(study: Study, estimates: Sequence[Estimate]) -> tuple[Curve, ...]:
    """The primary score of each model with its interval, one row a model."""
    name = primary_name(study)
    shown = [
        METRICS[name].bounded(e) for e in estimates if e.metric == name and e.value is not None
    ]
    if not shown:
        return ()
    label = METRICS[name].label
    reference = next((e.value for e in estimates if e.metric == "majority_baseline"), None)
    return (
        Curve(
            name="primary_score",
            title=f"{label} of each model",
            caption=f"{METRICS[name].definition} Bars are 95 % intervals over the {study.n:,} "
            f"examples"
            + (
                "; the line is the majority baseline."
                if name == "accuracy" and reference is not None
                else "."
            ),
            kind="forest",
            x_title=label,
            y_title="model",
            series=(
                Series(
                    name=label,
                    x=tuple(e.value for e in shown if e.value is not None),
                    low=tuple(e.low for e in shown),
                    high=tuple(e.high for e in shown),
                    labels=tuple(e.model_a for e in shown),
                ),
            ),
            reference=reference if name == "accuracy" else None,
        ),
    )
