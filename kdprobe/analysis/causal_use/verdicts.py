"""Which models use which property, and whether what a student kept is used.

Does: decide from estimates, join what probing found, and lay both lists out. Does not: compute
effects.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from kdprobe.results.schema import AnalysisResult, Cell, Column, Estimate, Table

SURE = 0.05
"""The largest q-value at which a property counts as used."""


def is_used(use: Estimate) -> bool:
    """Whether a property is used at a layer: beyond control for sure, and beyond its spread.

    >>> is_used(Estimate(metric="use", model_a="t", value=0.2, low=0.1, high=0.3, q_value=0.01))
    True
    """
    return use.low is not None and use.low > 0 and use.q_value is not None and use.q_value <= SURE


class Usage(NamedTuple):
    """What one model does with one property.

    Args:
        layers: those at which it is used.
        best: the estimate of the layer with the largest use; None where none is defined.
    """

    layers: tuple[str, ...]
    best: Estimate | None


def usage_of(uses: Sequence[Estimate], model: str, name: str) -> Usage:
    """Return what a model does with a property."""
    own = [one for one in uses if (one.model_a, one.subset) == (model, name)]
    known = [one for one in own if one.value is not None]
    best = max(known, key=lambda one: one.value or 0.0, default=None)
    return Usage(tuple(one.layer for one in own if is_used(one)), best)


class Kept(NamedTuple):
    """What a probe reads of a property at a model's best layer."""

    layer: str
    accuracy: float
    low: float
    floor: float

    @property
    def is_kept(self) -> bool:
        """Whether it reads more, for sure, than guessing and random weights give."""
        return self.low > self.floor


def kept_of(done: Mapping[str, AnalysisResult], model: str, name: str) -> Kept | None:
    """Return what probing found of a property in a model; None where it was not probed."""
    probing = done.get("probing")
    table = next((t for t in probing.tables if t.name == "best_layers"), None) if probing else None
    if probing is None or table is None:
        return None
    names = [column.name for column in table.columns]
    row = next((dict(zip(names, r, strict=True)) for r in table.rows if r[:2] == (name, model)), {})
    accuracy, low, majority = (row.get(key) for key in ("accuracy", "low", "majority"))
    if not isinstance(accuracy, float) or not isinstance(low, float):
        return None
    untrained = [
        one.value
        for one in probing.estimates
        if (one.metric, one.model_a, one.subset) == ("random_accuracy", model, name)
        and one.value is not None
    ]
    floor = max([float(majority) if isinstance(majority, float) else 0.0, *untrained])
    return Kept(str(row["layer"]), accuracy, low, floor)


def _listed(usage: Usage) -> tuple[Cell, Cell, Cell]:
    """The layers at which it is used, and the largest use with its q-value."""
    best = usage.best
    layers = ", ".join(usage.layers) or "none"
    return layers, best.value if best else None, best.q_value if best else None


def lost_table(
    uses: Sequence[Estimate], teacher: str, students: Sequence[str], names: Sequence[str]
) -> Table:
    """List what the teacher uses and a student does not, at any layer."""
    rows = []
    for name in names:
        own = usage_of(uses, teacher, name)
        for student in students:
            other = usage_of(uses, student, name)
            if own.layers and not other.layers and other.best is not None:
                rows.append((name, student, *_listed(own), *_listed(other)[1:]))
    return Table(
        name="no_longer_used",
        title="Used by the teacher, no longer by the student",
        caption="Used: at some layer the interval of the use beyond control lies above 0 and its "
        f"q-value is at most {SURE}. What cannot be told from its control at this number of "
        "examples counts as not used.",
        columns=(
            Column(name="property", label="property"),
            Column(name="student", label="student"),
            Column(name="layers", label="teacher's layers that use it"),
            Column(name="teacher_use", label="teacher's largest use", kind="number"),
            Column(name="teacher_q", label="its q", kind="number"),
            Column(name="student_use", label="student's largest use", kind="number"),
            Column(name="student_q", label="its q", kind="number"),
        ),
        rows=tuple(rows),
    )


def unused_table(
    uses: Sequence[Estimate],
    models: Sequence[str],
    names: Sequence[str],
    done: Mapping[str, AnalysisResult],
) -> Table:
    """List what a probe reads in a model and the model does not use, at any layer."""
    rows = []
    for name in names:
        for model in models:
            usage, kept = usage_of(uses, model, name), kept_of(done, model, name)
            if kept is not None and kept.is_kept and not usage.layers and usage.best is not None:
                rows.append(
                    (name, model, kept.layer, kept.accuracy, kept.floor, *_listed(usage)[1:])
                )
    return Table(
        name="kept_unused",
        title="Kept but unused",
        caption="Kept: a probing classifier at the model's best layer reads it better, by more "
        "than noise, than the majority class and any layer of random weights give.",
        columns=(
            Column(name="property", label="property"),
            Column(name="model", label="model"),
            Column(name="layer", label="best layer of its probes"),
            Column(name="accuracy", label="accuracy there", kind="number"),
            Column(name="floor", label="without training", kind="number"),
            Column(name="use", label="largest use", kind="number"),
            Column(name="q", label="its q", kind="number"),
        ),
        rows=tuple(rows),
    )
