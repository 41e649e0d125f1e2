"""Heat maps: a matrix of numbers as tinted cells.

Does: tint by class in eleven steps, write the number into each cell while it is legible, hatch what
is undefined; where intervals are known, tint and name what is beyond noise, so that a number of a
few examples does not outshine the others. Does not: reorder rows or columns.
"""

from __future__ import annotations

from kdprobe.report.svg import Chart, clip, numbers_table, tag, text, title
from kdprobe.results.numbers import show_cell
from kdprobe.results.schema import Column, Matrix

STEPS = 10
LEGIBLE = 14
LARGE = 900
_UNNAMED = "The names stand in the tooltips and under “Show numbers”."


def _kind(matrix: Matrix) -> str:
    values = [value for row in matrix.values for value in row if value is not None]
    return "count" if all(float(value).is_integer() for value in values) else "number"


def _show(value: float | None, kind: str) -> str:
    if value is None:
        return "–"
    return show_cell(int(value) if kind == "count" else value, kind)


def tint(value: float, low: float, high: float, *, diverging: bool) -> str:
    """Return the class of a cell: `q0`..`q10`, or `m5`..`m0`..`p5` around zero.

    >>> tint(5, 0, 10, diverging=False), tint(-2, -2, 1, diverging=True)
    ('q5', 'm5')
    """
    if diverging:
        reach = max(abs(low), abs(high)) or 1.0
        step = round(STEPS / 2 * value / reach)
        return f"m{-step}" if step < 0 else f"p{step}"
    if high == low:
        return "q0" if high == 0 else "q5"
    return f"q{round(STEPS * (value - low) / (high - low))}"


def _beyond_noise(matrix: Matrix) -> str:
    """State which cells are surely not 0, and those of which most is sure."""
    kind = _kind(matrix)
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
            near, shown = (_show(number, kind) for number in cell[:2])
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
    kind = _kind(matrix)
    most, least = max(cells, key=lambda cell: cell[0]), min(cells, key=lambda cell: cell[0])
    summary = (
        _beyond_noise(matrix)
        if matrix.sure
        else (
            f"Largest: {_show(most[0], kind)} at {matrix.row_title} {most[1]}, "
            f"{matrix.column_title} {most[2]}; smallest: {_show(least[0], kind)} at "
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


def _labels(matrix: Matrix, left: float, top: float, cell: tuple[float, float]) -> str:
    width, height = cell
    many = len(matrix.columns) > LEGIBLE
    limit = 4 if many else max(4, int(width / 7))
    marks = [text(left - 8, 14, clip(matrix.row_title, 24), "axis-title", "end")]
    middle = left + width * len(matrix.columns) / 2
    marks.append(text(middle, 14, clip(matrix.column_title, 40), "axis-title", "middle"))
    if height >= 11:
        for index, name in enumerate(matrix.rows):
            y = top + height * (index + 0.5) + 4
            marks.append(text(left - 8, y, clip(name, 22), "tick", "end"))
    if not many:
        for index, name in enumerate(matrix.columns):
            x = left + width * (index + 0.5)
            marks.append(text(x, top - 8, clip(name, limit), "tick", "middle"))
    return "".join(marks)


def _cells(matrix: Matrix, left: float, top: float, cell: tuple[float, float]) -> str:
    width, height = cell
    kind = _kind(matrix)
    shades = matrix.sure or matrix.values
    known = [value for row in shades for value in row if value is not None]
    low, high = min(known, default=0.0), max(known, default=0.0)
    if matrix.scale == "sequential" and low > 0:
        low = 0.0
    large = len(matrix.rows) * len(matrix.columns) > LARGE
    marks = []
    for i, (row, values) in enumerate(zip(matrix.rows, matrix.values, strict=True)):
        for j, (column, value) in enumerate(zip(matrix.columns, values, strict=True)):
            if large and value == 0:
                continue
            tone, shade = "undefined", shades[i][j]
            if large and shade is not None and matrix.scale == "sequential":
                # The square root keeps single confusions visible beside the crowded diagonal.
                tone = tint((shade / (high or 1.0)) ** 0.5, 0, 1, diverging=False)
            elif shade is not None:
                tone = tint(shade, low, high, diverging=matrix.scale == "diverging")
            shown = _show(value, kind)
            x, y = left + j * width, top + i * height
            hint = title(f"{row} × {column}: {shown}{' ' + matrix.unit if matrix.unit else ''}")
            box = {"x": x, "y": y, "width": width - 1, "height": height - 1}
            marks.append(tag("rect", {"class": f"cell {tone}", **box}, hint))
            if width >= 40 and height >= 18:
                marks.append(text(x + width / 2, y + height / 2 + 4, shown, f"on-{tone}", "middle"))
    return tag("g", {"class": "large" if large else "cells"}, "".join(marks))


def draw_matrix(matrix: Matrix, name: str) -> Chart:
    """Draw a heat map.

    Above 900 cells zeros stay blank paper, above 14 columns names and numbers move to the tooltips
    and the table.
    """
    rows, columns = len(matrix.rows), len(matrix.columns)
    longest = max((min(len(row), 22) for row in (*matrix.rows, matrix.row_title)), default=4)
    left, top = 16.0 + 7 * longest, 44.0
    width = max(46.0, min(96.0, 420.0 / max(columns, 1))) if columns <= LEGIBLE else 9.0
    height = 34.0 if rows <= LEGIBLE else (12.0 if columns <= LEGIBLE else 9.0)
    cell = (width, height)
    paper = {"x": left, "y": top, "width": width * columns, "height": height * rows}
    marks = tag("rect", {"class": "blank", **paper})
    marks += _labels(matrix, left, top, cell) + _cells(matrix, left, top, cell)
    kind = _kind(matrix)
    heads = [Column(name="row", label=matrix.row_title)]
    heads += [
        Column(name=f"c{i}", label=column, kind="count" if kind == "count" else "number")
        for i, column in enumerate(matrix.columns)
    ]
    numbers: list[tuple[str | int | float | bool | None, ...]] = [
        (row, *(None if v is None else int(v) if kind == "count" else v for v in values))
        for row, values in zip(matrix.rows, matrix.values, strict=True)
    ]
    return Chart(
        name=name,
        title=matrix.title,
        description=finding(matrix),
        caption=f"{matrix.caption} {_UNNAMED}".strip() if columns > LEGIBLE else matrix.caption,
        width=left + width * columns + 12,
        height=top + height * rows + 8,
        marks=marks,
        numbers=numbers_table(heads, numbers),
    )
