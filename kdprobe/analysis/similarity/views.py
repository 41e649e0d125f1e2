"""Heat maps, tables and lines of the similarity of layers.

Does: lay out grids that were computed elsewhere. Does not: compute.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from kdprobe.analysis.probing.cells import HEAD, equal_depth
from kdprobe.analysis.similarity.grids import LayerGrid
from kdprobe.results.schema import Cell, Column, Curve, Matrix, Series, Table
from kdprobe.stats.arrays import Floats
from kdprobe.stats.bootstrap import interval

Grids = Mapping[str, LayerGrid]
"""By the student's name."""


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def heat_map(name: str, student: str, grid: LayerGrid, pooling: str, *, distance: bool) -> Matrix:
    """Draw all pairs of layers; the rows name the best match, the columns the equal depth."""
    values = grid.procrustes if distance else grid.cka
    beside = {other: one for one, other in equal_depth(*grid.depths)}
    what = "Procrustes distance" if distance else "CKA"
    alike = "Lower is more alike" if distance else "1 is the same up to turning and scaling"
    return Matrix(
        name=name,
        title=f"{what} of the teacher's layers and {student}'s, {pooling} pooling",
        caption=f"{alike}. A row names the student's most similar layer by CKA, a column the "
        "teacher's layer at the same relative depth; head is the vector that the classifier reads.",
        row_title="teacher's layer",
        column_title=f"layer of {student}",
        rows=tuple(
            layer if (best := grid.best(row)) is None else f"{layer} (best {grid.columns[best]})"
            for row, layer in enumerate(grid.rows)
        ),
        columns=tuple(
            layer if layer == HEAD else f"{layer} (at {beside[layer]})" for layer in grid.columns
        ),
        values=tuple(tuple(map(_number, row)) for row in values[:, :, 0]),
        undefined="a layer's vectors are the same for all sentences",
    )


def _points(
    grid: LayerGrid, places: Sequence[tuple[int, int]], *, by_row: bool
) -> tuple[list[float], list[Floats], list[str]]:
    """Return relative depths, draws and names of the cells that have a value, heads left out."""
    names, depth = (grid.rows, grid.depths[0]) if by_row else (grid.columns, grid.depths[1])
    kept = [place for place in places if np.isfinite(grid.cka[*place, 0])]
    kept = [place for place in kept if names[place[0 if by_row else 1]] != HEAD]
    return (
        [int(names[place[0 if by_row else 1]]) / max(depth, 1) for place in kept],
        [grid.cka[place] for place in kept],
        [f"teacher's layer {grid.rows[row]}, its {grid.columns[column]}" for row, column in kept],
    )


def _series(name: str, grid: LayerGrid, *, best: bool, bands: bool) -> Series | None:
    matches = [(row, grid.best(row)) for row in range(len(grid.rows))]
    best_places = [(row, column) for row, column in matches if column is not None]
    x, draws, labels = _points(grid, best_places if best else grid.diagonal(), by_row=best)
    if not x:
        return None
    bounds = [interval(each) if bands else None for each in draws]
    return Series(
        name=name,
        x=tuple(x),
        y=tuple(float(each[0]) for each in draws),
        low=tuple(b[0] if b else None for b in bounds) if bands else (),
        high=tuple(b[1] if b else None for b in bounds) if bands else (),
        labels=tuple(labels),
    )


def depth_line(
    pooling: str, grids: Grids, random: Grids, ceiling: LayerGrid | None, *, best: bool
) -> Curve | None:
    """Draw CKA by depth: every student, its floor of random weights, the teacher's other seeds."""
    lines = [_series(name, grid, best=best, bands=True) for name, grid in grids.items()]
    shapes: list[tuple[list[str], LayerGrid]] = []
    for name, grid in random.items():
        for names, held in shapes:
            if np.array_equal(held.cka, grid.cka, equal_nan=True):
                names.append(name)
                break
        else:
            shapes.append(([name], grid))
    lines += [
        _series(f"{', '.join(names)}: random weights", grid, best=best, bands=False)
        for names, grid in shapes
    ]
    if ceiling is not None:
        lines.append(_series("the teacher's other seeds", ceiling, best=best, bands=False))
    series = tuple(line for line in lines if line is not None)
    if not series:
        return None
    where = "best match" if best else "layer at equal depth"
    return Curve(
        name=f"{'best-match' if best else 'equal-depth'}-{pooling}",
        title=f"Similarity of the {where} by depth, {pooling} pooling",
        caption=(
            "For each layer of the teacher the student's most similar layer."
            if best
            else "For each layer of the student the teacher's layer at the same relative depth."
        )
        + " Bands are 95 % intervals. Random weights are the floor"
        + (", the teacher's other seeds the ceiling." if ceiling is not None else "."),
        kind="line",
        x_title=f"relative depth in the {'teacher' if best else 'student'} (0: embeddings)",
        y_title="CKA",
        series=series,
    )


def summary_table(pooling: str, sentences: int, grids: Grids, random: Grids) -> Table:
    """List the means over layers of every student, beside those of random weights."""
    rows: list[tuple[Cell, ...]] = []
    for student, grid in grids.items():
        floor = random.get(student)
        draws = [grid.best_draws(), grid.equal_depth_draws()]
        low = [np.full_like(draws[0], np.nan)] * 2
        if floor is not None:
            low = [floor.best_draws(), floor.equal_depth_draws()]
        numbers = [draws[0], low[0], draws[1], low[1], draws[1] - low[1]]
        bounds = interval(numbers[-1]) if np.isfinite(numbers[-1][0]) else None
        values = [_number(each[0]) for each in numbers]
        rows.append((student, *values, *(bounds or (None, None)), sentences))
    numbers_of = (
        ("best", "CKA of best matches"), ("random_best", "random weights"),
        ("equal", "CKA at equal depth"), ("random_equal", "random weights"),
        ("above", "above random weights"), ("low", "interval from"), ("high", "to"),
    )  # fmt: skip
    return Table(
        name=f"summary-{pooling}",
        title=f"Means over layers, {pooling} pooling",
        caption="Embeddings included, heads left out.",
        columns=(
            Column(name="student", label="student"),
            *(Column(name=name, label=label, kind="number") for name, label in numbers_of),
            Column(name="n", label="sentences", kind="count"),
        ),
        rows=tuple(rows),
    )


def matches_table(pooling: str, grids: Grids, random: Grids, ceiling: LayerGrid | None) -> Table:
    """List each teacher layer's best match, and the layers at equal depth, with their floors."""
    rows: list[tuple[Cell, ...]] = []
    for student, grid in grids.items():
        chosen = {(row, best): "best match" for row in range(len(grid.rows))
                  if (best := grid.best(row)) is not None}  # fmt: skip
        for place in grid.diagonal():
            both = place in chosen
            chosen[place] = "best match and equal depth" if both else "equal depth"
        rows += [
            _row(student, grid, place, chosen[place], random.get(student), ceiling)
            for place in sorted(chosen)
        ]
    numbers = (
        ("cka", "CKA"), ("low", "interval from"), ("high", "to"), ("floor", "CKA, random weights"),
        ("ceiling", "CKA, other seeds"), ("distance", "Procrustes distance"),
        ("floor_distance", "the same, random weights"),
    )  # fmt: skip
    return Table(
        name=f"matches-{pooling}",
        title=f"Best matches and layers at equal depth, {pooling} pooling",
        caption="Random weights: the same layers of the untrained student. Other seeds: the same "
        "layer of the teacher's other runs.",
        columns=(
            Column(name="student", label="student"),
            Column(name="teacher_layer", label="teacher's layer"),
            Column(name="student_layer", label="student's layer"),
            Column(name="why", label="chosen as"),
            *(Column(name=name, label=label, kind="number") for name, label in numbers),
        ),
        rows=tuple(rows),
    )


def _row(
    student: str, grid: LayerGrid, place: tuple[int, int], why: str, random: LayerGrid | None,
    ceiling: LayerGrid | None,
) -> tuple[Cell, ...]:  # fmt: skip
    row, column = place
    beside = {} if ceiling is None else dict(ceiling.diagonal())
    bounds = interval(grid.cka[place]) if np.isfinite(grid.cka[*place, 0]) else None
    return (
        student, grid.rows[row], grid.columns[column], why,
        _number(grid.cka[row, column, 0]), *(bounds or (None, None)),
        None if random is None else _number(random.cka[row, column, 0]),
        None if ceiling is None or row not in beside
        else _number(ceiling.cka[row, beside[row], 0]),
        _number(grid.procrustes[row, column, 0]),
        None if random is None else _number(random.procrustes[row, column, 0]),
    )  # fmt: skip
