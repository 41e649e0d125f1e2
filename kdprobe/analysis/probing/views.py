"""Tables, heat maps and small multiples of the probing results.

Does: lay out estimates and cells that were computed elsewhere. Does not: compute.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from kdprobe.analysis.probing.cells import HEAD, Cells, compression
from kdprobe.analysis.student_gaps.gaps import near_end
from kdprobe.observations.probes import ProbeTask
from kdprobe.results.schema import Cell, Column, Curve, Estimate, Matrix, Series, Table
from kdprobe.stats.bootstrap import interval

ByModel = Mapping[str, Cells]


def _depths(cells: Cells, places: Sequence[int]) -> tuple[float, ...]:
    return tuple(int(cells.layers[at]) / max(cells.depth, 1) for at in places)


def _line(name: str, cells: Cells, pooling: str, majority: float, *, bands: bool = True) -> Series:
    places = cells.of_pooling(pooling)
    bounds = [interval(cells.draws[:, at]) for at in places] if bands else []
    values = [float(cells.draws[0, at]) for at in places]
    return Series(
        name=name,
        x=_depths(cells, places),
        y=tuple(values),
        low=tuple(b[0] if b else None for b in bounds),
        high=tuple(b[1] if b else None for b in bounds),
        counts=tuple(cells.hits.shape[2] for _ in places),
        labels=tuple(
            f"layer {cells.layers[at]}{' (below the majority class)' * (value < majority)}"
            for at, value in zip(places, values, strict=True)
        ),
    )


def _random_lines(random: ByModel, pooling: str, majority: float) -> list[Series]:
    """One line for each architecture; models of one shape share theirs."""
    groups: list[tuple[list[str], Cells]] = []
    for name, cells in random.items():
        for names, held in groups:
            if np.array_equal(held.hits, cells.hits):
                names.append(name)
                break
        else:
            groups.append(([name], cells))
    return [
        _line(f"{', '.join(names)}: random weights", cells, pooling, majority, bands=False)
        for names, cells in groups
        if cells.of_pooling(pooling)
    ]


def small_multiple(task: ProbeTask, trained: ByModel, random: ByModel, pooling: str) -> Curve:
    """Draw one task: every model over relative depth, the baselines as lines."""
    shown = {name: cells for name, cells in trained.items() if cells.of_pooling(pooling)}
    series = [_line(name, cells, pooling, task.majority) for name, cells in shown.items()]
    series += _random_lines(random, pooling, task.majority)
    series.append(Series(name="word endings", x=(0.0, 1.0), y=(task.endings, task.endings)))
    absent = [name for name in trained if name not in shown]
    return Curve(
        name=f"task-{task.name}",
        title=f"{task.name} ({task.group}, {len(task.labels)} classes)",
        caption=f"{pooling} pooling, {task.train:,} training and {task.test:,} test sentences, "
        f"{task.origin}; intervals are 95 %; the reference line is the majority class "
        f"({task.majority:.3f}); a model's baseline of bare word vectors is its leftmost point, "
        "layer 0; word endings guess without any model."
        + (f" Without {pooling} pooling: {', '.join(absent)}." if absent else ""),
        kind="line",
        x_title="relative depth (0: embeddings, 1: last layer)",
        y_title="accuracy",
        series=tuple(series),
        reference=task.majority,
    )


def gap_matrix(
    student: str, tasks: Sequence[ProbeTask], gaps: Sequence[Estimate], pooling: str, place: int
) -> Matrix:
    """Draw one student's gaps: tasks by layers at equal relative depth, student minus teacher."""
    own = [
        gap
        for gap in gaps
        if (gap.metric, gap.model_b) == ("gap", student)
        and gap.layer != "best"
        and gap.pooling in (pooling, "")
    ]
    layers = list(dict.fromkeys(gap.layer for gap in own))
    by_place = {(gap.subset, gap.layer): gap for gap in own}
    grid = [[by_place.get((task.name, layer)) for layer in layers] for task in tasks]

    def minus(value: float | None) -> float | None:
        return None if value is None else 0.0 - value

    return Matrix(
        name=f"gaps-{place}-{pooling}",
        title=f"{student} minus teacher by task and layer, {pooling} pooling",
        caption="Columns are teacher's layer : student's layer at the same relative depth; below 0 "
        "the student knows less. A cell is tinted by the end of its interval nearest to 0: what is "
        "not tinted may be noise, as in tasks of few sentences.",
        row_title="task",
        column_title="layers",
        rows=tuple(task.name for task in tasks),
        columns=tuple(layers),
        values=tuple(tuple(minus(gap.value if gap else None) for gap in row) for row in grid),
        sure=tuple(tuple(minus(near_end(gap) if gap else None) for gap in row) for row in grid),
        unit="accuracy",
        scale="diverging",
        undefined="that layer was not probed",
    )


_NUMBERS = (
    ("accuracy", "accuracy there"), ("low", "interval from"), ("high", "to"),
    ("head", "accuracy at the head"), ("majority", "majority class"),
    ("compression", "compression there"),
)  # fmt: skip


def best_table(
    tasks: Sequence[ProbeTask], cells: Mapping[str, ByModel], poolings: Sequence[str]
) -> Table:
    """List the best layer of every model on every task."""
    coded = any(held.bits is not None for models in cells.values() for held in models.values())
    numbers = _NUMBERS if coded else _NUMBERS[:-1]
    rows: list[tuple[Cell, ...]] = []
    for task in tasks:
        for model, held in cells[task.name].items():
            for pooling in poolings:
                at = held.best(pooling)
                if at is None:
                    continue
                values, remark = _row(task, held, at)
                where = (task.name, model, pooling, held.layers[at])
                rows.append((*where, *values[: len(numbers)], task.test, remark))
    return Table(
        name="best_layers",
        title="Best layer of every model on every task",
        caption="Chosen by dev accuracy, so the test accuracy is not the best of many. An accuracy "
        "below the majority class is not shown.",
        columns=(
            Column(name="task", label="task"),
            Column(name="model", label="model"),
            Column(name="pooling", label="pooling"),
            Column(name="layer", label="best layer"),
            *(Column(name=name, label=label, kind="number") for name, label in numbers),
            Column(name="n", label="n", kind="count"),
            Column(name="remark", label="remark"),
        ),
        rows=tuple(rows),
    )


def _row(task: ProbeTask, held: Cells, at: int) -> tuple[list[Cell], str]:
    """The numbers of `_NUMBERS` and a remark."""
    head = held.cell(HEAD, "")
    bounds = interval(held.draws[:, at])
    numbers: list[Cell] = [
        float(held.draws[0, at]), *(bounds or (None, None)),
        None if head is None else float(held.draws[0, head]), task.majority,
        None if held.bits is None else compression(task, float(held.bits[at])),
    ]  # fmt: skip
    remarks = []
    if held.draws[0, at] < task.majority:
        numbers[:3] = [None, None, None]
        remarks.append("below the majority class")
    if head is not None and held.draws[0, head] < task.majority:
        numbers[3] = None
        remarks.append("head below the majority class")
    return numbers, "; ".join(remarks)
