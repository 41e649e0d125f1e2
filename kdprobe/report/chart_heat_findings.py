"""What heat maps show, in words: each read out for who cannot see it, and several compared.

Does: name the cells that are most, and those beyond noise where intervals are known. Does not:
draw.
"""

from __future__ import annotations

from collections.abc import Sequence

from kdprobe.report.chart_findings import listed, short, where_it_holds
from kdprobe.results.numbers import show_cell, show_count
from kdprobe.results.schema import Matrix

_FEW = 2
LAYERS = "teacher's layer"
"""The title of the rows of a heat map of layers against layers."""
_SHOWN = 0.0005
"""Less than this is 0.000 in a cell: no difference."""
_FAR = ("distance", "divergence")
"""What a number counts that is small where layers are alike, as its title says."""


def cell_kind(matrix: Matrix) -> str:
    """Return "count" for a matrix of whole numbers, else "number"."""
    values = [value for row in matrix.values for value in row if value is not None]
    return "count" if all(float(value).is_integer() for value in values) else "number"


def cell_text(value: float | None, kind: str) -> str:
    """Write what stands in a cell: short, as the tooltip and the table hold the whole number.

    >>> cell_text(-0.00012, "number"), cell_text(-0.0472, "number"), cell_text(12, "count")
    ('0.000', '−0.047', '12')
    """
    if value is None or kind == "count" or abs(value) >= 100:
        return show_value(value, kind)
    return f"{round(value, 3) + 0.0:.3f}".replace("-", "−")


def show_value(value: float | None, kind: str) -> str:
    """Write a cell's number; an undefined one is a dash."""
    if value is None:
        return "–"
    return show_cell(int(value) if kind == "count" else value, kind)


def _beyond_noise(matrix: Matrix) -> str:
    """State which cells are surely not 0, and those of which most is sure."""
    kind = cell_kind(matrix)
    cells = [
        (matrix.sure[i][j] or 0.0, value, f"{row}, {column}")
        for i, row in enumerate(matrix.rows)
        for j, column in enumerate(matrix.columns)
        if (value := matrix.values[i][j]) is not None
    ]
    sure = [cell for cell in cells if cell[0]]
    summary = f"{len(sure)} of {len(cells)} cells differ from 0 by more than noise"
    ends = []
    for word, cell in (("highest", max(sure, default=None)), ("lowest", min(sure, default=None))):
        if cell is not None and (cell[0] > 0) == (word == "highest"):
            near, shown = (show_value(number, kind) for number in cell[:2])
            ends.append(f"surely {word}: {shown} at {cell[2]} ({near} of it beyond noise)")
    return "; ".join([summary, *ends]) + "."


def finding(matrix: Matrix) -> str:
    """State what a matrix shows: its largest and smallest cell, and its diagonal."""
    cells = [
        (value, row, column)
        for row, values in zip(matrix.rows, matrix.values, strict=True)
        for column, value in zip(matrix.columns, values, strict=True)
        if value is not None
    ]
    if not cells:
        return f"No cell is defined: {matrix.undefined or 'no values'}."
    kind = cell_kind(matrix)
    most, least = max(cells, key=lambda cell: cell[0]), min(cells, key=lambda cell: cell[0])
    summary = (
        _beyond_noise(matrix)
        if matrix.sure
        else (
            f"Largest: {show_value(most[0], kind)} at {matrix.row_title} {most[1]}, "
            f"{matrix.column_title} {most[2]}; smallest: {show_value(least[0], kind)} at "
            f"{matrix.row_title} {least[1]}, {matrix.column_title} {least[2]}."
        )
    )
    total = sum(value for value, _, _ in cells)
    if matrix.rows == matrix.columns and kind == "count" and total > 0:
        same = sum(value for value, row, column in cells if row == column)
        summary += f" {100 * same / total:.1f} % lie on the diagonal."
    undefined = len(matrix.rows) * len(matrix.columns) - len(cells)
    if undefined:
        summary += f" {undefined} cells are undefined: {matrix.undefined or 'no reason given'}."
    return summary


def comparison(members: list[tuple[str, Matrix]], models: Sequence[str] = ()) -> str:
    """Compare the heat maps of models by what is most in each.

    Args:
        members: the model and the heat map of each.
        models: the names of all models, the teacher's first.
    """
    first = members[0][1]
    if all(matrix.sure for _, matrix in members):
        return f"Beyond noise: {listed([_sure_cells(*member) for member in members])}."
    if cell_kind(first) == "count" and first.rows == first.columns:
        apart = len(members) <= _FEW
        same = [_same_label(*member, apart=apart) for member in members]
        return f"The same label: {listed(same)}."
    if len(members) > 1 and first.row_title == LAYERS:
        return _nearness(members)
    if len(members) > 1:
        return f"Mean of the cells: {listed([_mean(*member) for member in members])}."
    if len(members) == 1 and first.rows == first.columns == tuple(models):
        return _of_the_first(first)
    clauses = []
    for model, matrix in members:
        cells = [
            (value, f"{matrix.row_title} {row}, {matrix.column_title} {column}")
            for row, values in zip(matrix.rows, matrix.values, strict=True)
            for column, value in zip(matrix.columns, values, strict=True)
            if value is not None and not (matrix.rows == matrix.columns and row == column)
        ]
        if cells:
            value, where = max(cells, key=lambda cell: abs(cell[0]))
            whose = f"{short(model)} " if model else ""
            clauses.append(f"{whose}{show_value(value, cell_kind(matrix))} ({where})")
    return f"Most: {listed(clauses)}." if clauses else ""


def _nearness(members: list[tuple[str, Matrix]]) -> str:
    """Compare students by the layer of theirs that is most alike to each of the teacher's.

    Of two it says at which of the teacher's layers one is nearer, and by how much at most; of more
    the mean over these layers, the nearest first.
    """
    far = any(word in members[0][1].title.lower() for word in _FAR)
    best = [(model, _best_matches(matrix, far=far)) for model, matrix in members]
    (one, ours), (other, theirs) = best[0], best[-1]
    shared = [row for row in ours if row in theirs]
    if len(members) > 2 or not shared:
        means = [(sum(held.values()) / len(held), model) for model, held in best if held]
        ranked = sorted(means, reverse=not far)
        named = listed([f"{short(model)} {cell_text(mean, 'number')}" for mean, model in ranked])
        return f"Best match of each teacher layer, on average: {named}." if means else ""
    gaps = [(theirs[row] - ours[row] if far else ours[row] - theirs[row]) for row in shared]
    gaps = [gap if abs(gap) >= _SHOWN else 0.0 for gap in gaps]
    if sum(gap < 0 for gap in gaps) > sum(gap > 0 for gap in gaps):
        one, other, gaps = other, one, [-gap for gap in gaps]
    if max(gaps) <= 0:
        return f"{short(one)} and {short(other)} are equally near to the teacher at every layer."
    spots = [f"layer {row}" if row.isdigit() else row for row in shared]
    where = where_it_holds([gap > 0 for gap in gaps], spots, "layers")
    behind = sum(gap < 0 for gap in gaps)
    back = f"; {short(other)} at {behind}, by up to {cell_text(-min(gaps), 'number')}"
    return (
        f"{short(one)} is nearer to the teacher than {short(other)} {where}, by up to "
        f"{cell_text(max(gaps), 'number')}{back if behind else ''} (best match of each teacher "
        "layer)."
    )


def _of_the_first(matrix: Matrix) -> str:
    """Read the first row of a heat map of models: the teacher beside each student."""
    cells = [
        f"{short(column)} {cell_text(value, 'number')}"
        for column, value in zip(matrix.columns[1:], matrix.values[0][1:], strict=True)
        if value is not None
    ]
    whose = f"{matrix.row_title} {short(matrix.rows[0])}, {matrix.column_title}"
    return f"{whose[:1].upper()}{whose[1:]}: {listed(cells)}." if cells else ""


def _best_matches(matrix: Matrix, *, far: bool) -> dict[str, float]:
    """Return the best value of each row that has any."""
    known = {
        # Rows may name their best match, which is each student's own.
        row.split(" (")[0]: [value for value in values if value is not None]
        for row, values in zip(matrix.rows, matrix.values, strict=True)
    }
    return {row: (min if far else max)(values) for row, values in known.items() if values}


def _mean(model: str, matrix: Matrix) -> str:
    values = [value for row in matrix.values for value in row if value is not None]
    mean = cell_text(sum(values) / len(values), "number") if values else "undefined"
    return f"{short(model)} {mean}"


def _sure_cells(model: str, matrix: Matrix) -> str:
    cells = [
        (matrix.sure[i][j] or 0.0, value, f"{row}, {_column(column, matrix)}")
        for i, row in enumerate(matrix.rows)
        for j, column in enumerate(matrix.columns)
        if (value := matrix.values[i][j]) is not None
    ]
    sure = [cell for cell in cells if cell[0]]
    whose = f"{short(model)} " if model else ""
    clause = f"{whose}{len(sure)} of {len(cells)} cells"
    if sure:
        most = max(sure, key=lambda cell: abs(cell[0]))
        clause += f", most at {most[2]} ({show_value(most[1], cell_kind(matrix))})"
    return clause


def columns_title(matrix: Matrix) -> str:
    """Name the columns; of layers `2:1` is the teacher's 2 and the student's 1, which it says."""
    pairs = matrix.column_title == "layers" and any(":" in column for column in matrix.columns)
    return "layers, teacher's : student's" if pairs else matrix.column_title


def _column(column: str, matrix: Matrix) -> str:
    """Name a column in a sentence."""
    teacher, sign, student = column.partition(":")
    if matrix.column_title != "layers" or not sign:
        return column
    return f"teacher layer {teacher} / student layer {student}"


def _same_label(model: str, matrix: Matrix, *, apart: bool) -> str:
    counts = [
        (value or 0.0, row, column)
        for row, values in zip(matrix.rows, matrix.values, strict=True)
        for column, value in zip(matrix.columns, values, strict=True)
    ]
    total = sum(count for count, _, _ in counts)
    same = sum(count for count, row, column in counts if row == column)
    whose = f"{short(model)} " if model else ""
    clause = f"{whose}{show_count(int(same))} of {show_count(int(total))}"
    confused = [cell for cell in counts if cell[1] != cell[2] and cell[0]]
    if apart and confused:
        count, row, column = max(confused, key=lambda cell: cell[0])
        clause += f", most often apart {row} → {column} ({show_count(int(count))})"
    return clause
