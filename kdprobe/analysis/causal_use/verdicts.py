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


def is_used(effect: Estimate) -> bool:
    """Whether an effect of erasing is beyond its control for sure, and beyond its spread.

    >>> is_used(Estimate(metric="use", model_a="t", value=0.2, low=0.1, high=0.3, q_value=0.01))
    True
    """
    return _is_above(effect) and effect.q_value is not None and effect.q_value <= SURE


def _is_above(effect: Estimate) -> bool:
    return effect.low is not None and effect.low > 0


class Usage(NamedTuple):
    """What one model does with one property, by the predictions and by the score.

    Args:
        layers: those at which it is used.
        unclear: those at which an interval lies above 0 and the q-value is too large.
        use, loss: the largest use and the largest loss of the score; None where none is defined.
    """

    layers: tuple[str, ...]
    unclear: tuple[str, ...]
    use: Estimate | None
    loss: Estimate | None

    @property
    def is_unused(self) -> bool:
        """Whether nothing speaks for a use, at any layer that was looked at."""
        return self.use is not None and not self.layers and not self.unclear

    @property
    def verdict(self) -> str:
        """In words."""
        if self.use is None:
            return "not known"
        if self.layers:
            return "used"
        return "unclear" if self.unclear else "not used"


def usage_of(tested: Sequence[Estimate], model: str, name: str) -> Usage:
    """Return what a model does with a property.

    Args:
        tested: estimates of `use` and `score_loss_beyond_control`, with q-values.
        model: the model.
        name: the property.
    """
    own = [one for one in tested if (one.model_a, one.subset) == (model, name)]
    used = {one.layer: None for one in own if is_used(one)}
    above = {one.layer: None for one in own if _is_above(one) and one.layer not in used}
    best = [
        max(
            (one for one in own if one.metric == metric and one.value is not None),
            key=lambda one: one.value or 0.0,
            default=None,
        )
        for metric in ("use", "score_loss_beyond_control")
    ]
    return Usage(tuple(sorted(used, key=int)), tuple(sorted(above, key=int)), best[0], best[1])


Usages = Mapping[tuple[str, str], Usage]
"""Model and property -> what it does with it."""


class KeptProperty(NamedTuple):
    """What a probe reads of a property at a model's best layer."""

    layer: str
    accuracy: float
    low: float
    floor: float

    @property
    def is_kept(self) -> bool:
        """Whether it reads more, for sure, than guessing and random weights give."""
        return self.low > self.floor


def kept_of(done: Mapping[str, AnalysisResult], model: str, name: str) -> KeptProperty | None:
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
    return KeptProperty(str(row["layer"]), accuracy, low, floor)


_NUMBERS = (
    Column(name="use", label="largest use", kind="number"),
    Column(name="use_q", label="its q", kind="p"),
    Column(name="loss", label="largest loss of score", kind="number"),
    Column(name="loss_q", label="its q", kind="p"),
)


def _numbers(usage: Usage) -> tuple[Cell, ...]:
    """The cells of `_NUMBERS`."""
    return tuple(
        cell
        for best in (usage.use, usage.loss)
        for cell in ((best.value, best.q_value) if best else (None, None))
    )


def usage_table(usages: Usages) -> Table:
    """List what every model does with every property."""
    return Table(
        name="usage",
        title="Who uses what",
        caption="Used: at some layer the interval of the use, or of the score lost, lies above 0 "
        f"and its q-value is at most {SURE}. Unclear: an interval lies above 0, and random "
        "subspaces differ too much among themselves, or too many cells were looked at, to be sure.",
        columns=(
            Column(name="property", label="property"),
            Column(name="model", label="model"),
            Column(name="verdict", label="use"),
            Column(name="layers", label="layers that use it"),
            Column(name="unclear", label="unclear layers"),
            *_NUMBERS,
        ),
        rows=tuple(
            (name, model, usage.verdict, ", ".join(usage.layers), ", ".join(usage.unclear),
             *_numbers(usage))
            for (model, name), usage in usages.items()
        ),
    )  # fmt: skip


def lost_table(usages: Usages, teacher: str) -> Table:
    """List what the teacher uses and a student does not, at any layer."""
    return Table(
        name="no_longer_used",
        title="Used by the teacher, no longer by the student",
        caption="The teacher uses it, and at no layer of the student an interval lies above 0. "
        "What a student uses too little to be told at this number of examples is listed too.",
        columns=(
            Column(name="property", label="property"),
            Column(name="student", label="student"),
            Column(name="layers", label="teacher's layers that use it"),
            *_NUMBERS,
        ),
        rows=tuple(
            (name, model, ", ".join(usages[teacher, name].layers), *_numbers(usage))
            for (model, name), usage in usages.items()
            if model != teacher and usage.is_unused
            if (teacher, name) in usages and usages[teacher, name].layers
        ),
    )


def unused_table(usages: Usages, done: Mapping[str, AnalysisResult]) -> Table:
    """List what a probe reads in a model and the model does not use, at any layer."""
    rows = [
        (name, model, kept.layer, kept.accuracy, kept.floor, *_numbers(usage))
        for (model, name), usage in usages.items()
        if usage.is_unused
        if (kept := kept_of(done, model, name)) is not None and kept.is_kept
    ]
    return Table(
        name="kept_unused",
        title="Kept but unused",
        caption="Kept: a probing classifier at the model's best layer reads it better, by more "
        "than noise, than the majority class and any layer of random weights give. Unused: at no "
        "layer an interval lies above 0.",
        columns=(
            Column(name="property", label="property"),
            Column(name="model", label="model"),
            Column(name="layer", label="best layer of its probes"),
            Column(name="accuracy", label="accuracy there", kind="number"),
            Column(name="floor", label="without training", kind="number"),
            *_NUMBERS,
        ),
        rows=tuple(rows),
    )
