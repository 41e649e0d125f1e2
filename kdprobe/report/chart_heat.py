"""Heat maps: matrices of numbers as tinted cells, those of several models in one chart.

Does: tint by class in eleven steps on one scale, write the number into each cell while it is
legible, hatch what is undefined; where intervals are known, tint and name what is beyond noise, so
that a number of a few examples does not outshine the others; stack differences to the teacher,
students below each other in each row. Does not: reorder rows or columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from kdprobe.report.axes import LINE, panel_title
from kdprobe.report.chart_families import MatrixFamily, shared_caption
from kdprobe.report.chart_heat_findings import (
    cell_kind,
    cell_text,
    columns_title,
    comparison,
    finding,
    show_value,
)
from kdprobe.report.lettering import extent, lines
from kdprobe.report.marks import key_of, swatch
from kdprobe.report.palette import Palette
from kdprobe.report.svg import PAGE, Chart, Panel, label, numbers_table, tag, text, title
from kdprobe.results.schema import Cell, Column, Matrix

STEPS = 10
LEGIBLE = 14
LARGE = 900
_LEFT, _BROKEN, _NAME, _WIDE_NAME, _HEAD = 172.0, 112.0, 64.0, 100.0, 18.0
_FEW, _TALL = 4, 16
_NARROW, _WIDE = 190.0, 300.0
_UNNAMED = "The names stand in the tooltips and under “Show numbers”."


Addresses = Mapping[tuple[str, str, str], str]
"""Where cells lead, by the name of their matrix, their row and their column."""


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


@dataclass(frozen=True)
class _Grid:
    """Where the cells of a heat map lie: its corner, and the size of a cell, in pixels."""

    left: float
    top: float
    width: float
    height: float
    legible: bool

    @classmethod
    def of(cls, matrix: Matrix, *, students: int, titled: bool) -> _Grid:
        """Choose sizes that stay readable on a phone where the columns allow it."""
        columns, rows = len(matrix.columns), len(matrix.rows)
        longest = max((extent(name) for name in (*matrix.rows, matrix.row_title)), default=30.0)
        most = _BROKEN if students > 1 else _LEFT
        left = min(most, longest + 12) + (14 if students > 1 else 0)
        legible = columns <= LEGIBLE
        kind = cell_kind(matrix)
        shown = [cell_text(v, kind) for values in matrix.values for v in values]
        most = _WIDE_NAME if columns <= _FEW else _NAME
        names = max((min(extent(name) + 8, most) for name in matrix.columns), default=0.0)
        least = max([34.0, names, *(extent(cell) + 8 for cell in shown)])
        width = max(least, min(72.0, (300 - left) / columns)) if legible else 9.0
        short_row = 19.0 if students > 1 else 24.0
        height = (short_row if rows * students <= 4 * LEGIBLE else 14.0) if legible else 9.0
        top = (22.0 if titled else 4.0) + (2 * _HEAD if legible else _HEAD)
        return cls(left, top, width, height, legible)


def _labels(matrix: Matrix, grid: _Grid, students: int) -> str:
    above = grid.top - (_HEAD if grid.legible else 0) - 6
    room = max(grid.width * len(matrix.columns), 300 - grid.left)
    marks = [label(grid.left, above, columns_title(matrix), room, "tick")]
    marks.append(label(4, grid.top - 6, matrix.row_title, grid.left - 10, "tick"))
    block = grid.height * students
    if block >= 11:
        for index, name in enumerate(matrix.rows):
            y = grid.top + block * (index + 0.5) + 4
            marks.append(_row_name(name, y, grid, students))
    if grid.legible:
        for index, name in enumerate(matrix.columns):
            x = grid.left + grid.width * (index + 0.5)
            marks.append(label(x, grid.top - 6, name, grid.width - 4, "", "middle"))
    return "".join(marks)


def _row_name(name: str, y: float, grid: _Grid, students: int) -> str:
    """Write the name of a row, in two lines where one has no room and the row is high enough."""
    room = grid.left - 10 - (14 if students > 1 else 0)
    if extent(name) <= room or grid.height * students < 2 * LINE:
        return label(4, y, name, room)
    first, *rest = lines(name.replace("_", "_ "), room, cut=False)
    if not rest:
        return label(4, y, name, room)
    return text(4, y - LINE / 2, first) + label(4, y + LINE / 2, rest[0].replace("_ ", "_"), room)


@dataclass(frozen=True)
class _Tint:
    """How values become tints: the ends of the scale that all panels of a chart share."""

    low: float
    high: float
    diverging: bool
    large: bool

    @classmethod
    def of(cls, matrices: list[Matrix]) -> _Tint:
        """Take the range of all values, or of what of them is beyond noise."""
        known = [v for m in matrices for row in (m.sure or m.values) for v in row if v is not None]
        low, high = min(known, default=0.0), max(known, default=0.0)
        diverging = matrices[0].scale == "diverging"
        cells = max(len(m.rows) * len(m.columns) for m in matrices)
        return cls(low if diverging else min(low, 0.0), high, diverging, cells > LARGE)

    def __call__(self, shade: float | None) -> str:
        """Return the class of a cell."""
        if shade is None:
            return "undefined"
        if self.large and not self.diverging:
            # The square root keeps single confusions visible beside the crowded diagonal.
            return tint((shade / (self.high or 1.0)) ** 0.5, 0, 1, diverging=False)
        return tint(shade, self.low, self.high, diverging=self.diverging)


def _cells(
    members: list[tuple[str, Matrix]], grid: _Grid, tone: _Tint, addresses: Addresses
) -> str:
    """Draw the cells; of several members those of one row lie below each other."""
    marks = []
    kind = "count" if all(cell_kind(matrix) == "count" for _, matrix in members) else "number"
    for rank, (model, matrix) in enumerate(members):
        shades = matrix.sure or matrix.values
        whose = f"{model}, " if model else ""
        for i, (row, values) in enumerate(zip(matrix.rows, matrix.values, strict=True)):
            y = grid.top + grid.height * (len(members) * i + rank)
            for j, (column, value) in enumerate(zip(matrix.columns, values, strict=True)):
                if tone.large and value == 0:
                    continue
                shown = show_value(value, kind)
                unit = f" {matrix.unit}" if matrix.unit else ""
                hint = title(f"{whose}{row} × {column}: {shown}{unit}")
                look = tone(shades[i][j])
                box = {"x": grid.left + j * grid.width, "y": y, "width": grid.width - 1}
                last = len(members) > 1 and rank == len(members) - 1
                high = grid.height - (3 if last else 1)
                cell = tag("rect", {"class": f"cell {look}", **box, "height": high}, hint)
                if grid.legible and grid.height >= 18:
                    middle = grid.left + (j + 0.5) * grid.width
                    within = cell_text(value, kind)
                    cell += text(middle, y + high / 2 + 4, within, f"on-{look}", "middle")
                address = addresses.get((matrix.name, row, column), "")
                # Tab stops of few labels; of many the browser's own filters are shorter ways.
                stop = {} if len(matrix.columns) <= _FEW else {"tabindex": -1}
                marks.append(tag("a", {"href": address, **stop}, cell) if address else cell)
    return tag("g", {"class": "large" if tone.large else "cells"}, "".join(marks))


def _panel(
    members: list[tuple[str, Matrix]], heading: str, tone: _Tint, palette: Palette, least: float,
    addresses: Addresses,
) -> Panel:  # fmt: skip
    matrix = members[0][1]
    grid = _Grid.of(matrix, students=len(members), titled=bool(heading))
    high = grid.height * len(members) * len(matrix.rows)
    wide = grid.width * len(matrix.columns)
    width = max(least, grid.left + wide + 8)
    paper = {"x": grid.left, "y": grid.top, "width": wide, "height": high}
    marks = panel_title(heading, width) + tag("rect", {"class": "blank", **paper})
    marks += _labels(matrix, grid, len(members)) + _cells(members, grid, tone, addresses)
    if len(members) > 1:
        for i in range(len(matrix.rows)):
            for rank, (model, _) in enumerate(members):
                y = grid.top + grid.height * (len(members) * i + rank + 0.5)
                style = palette.style(model)
                marks += swatch(grid.left - 9, y, style, model)
    reading = " ".join(
        f"{model}: {finding(m)}" if len(members) > 1 else finding(m) for model, m in members
    )
    return Panel(heading or matrix.title, reading, width, grid.top + high + 8, marks)


def _heading(model: str, matrix: Matrix) -> str:
    """A panel needs no title where the name of its model stands over its columns."""
    return "" if matrix.column_title == model else model


def _stacks(family: MatrixFamily) -> bool:
    """Differences of the same rows and columns are read row by row: students below each other."""
    first = family.members[0][1]
    return len(family.members) > 1 and all(
        m.scale == "diverging" and (m.rows, m.columns) == (first.rows, first.columns)
        for _, m in family.members
    )


def _in_columns(members: list[tuple[str, Matrix]]) -> list[list[tuple[str, Matrix]]]:
    """Part many rows into two panels that stand beside each other where the page has room."""
    first = members[0][1]
    rows, grid = len(first.rows), _Grid.of(first, students=len(members), titled=False)
    wide = grid.left + grid.width * len(first.columns) + 8
    if rows * len(members) < _TALL or 2 * wide + 28 > PAGE or not grid.legible:
        return [members]
    half = (rows + 1) // 2
    return [
        [(model, _part(matrix, slice(start, start + half))) for model, matrix in members]
        for start in (0, half)
    ]


def _part(matrix: Matrix, rows: slice) -> Matrix:
    kept = {"rows": matrix.rows[rows], "values": matrix.values[rows]}
    if matrix.sure:
        kept["sure"] = matrix.sure[rows]
    return matrix.model_copy(update=kept)


def draw_matrices(
    family: MatrixFamily, name: str, palette: Palette, addresses: Addresses | None = None
) -> Chart:
    """Draw heat maps as one chart, a panel a model, or stacked; `addresses` make links of cells.

    Above 900 cells zeros stay blank paper, above 14 columns names and numbers move to the tooltips
    and the table.
    """
    members = list(family.members)
    matrices = [matrix for _, matrix in members]
    tone = _Tint.of(matrices)
    stacked = _stacks(family)
    if stacked:
        panels = [
            _panel(part, "", tone, palette, _WIDE, addresses or {}) for part in _in_columns(members)
        ]
    else:
        several = len(members) > 1
        least = _NARROW if len(members) > _FEW else _WIDE
        panels = [
            _panel(
                [member],
                _heading(*member) if several else "",
                tone,
                palette,
                least,
                addresses or {},
            )
            for member in members
        ]
        # Equally wide, so that the page shows them at one scale.
        width = max(panel.width for panel in panels)
        panels = [replace(panel, width=width) for panel in panels]
    unnamed = any(len(matrix.columns) > LEGIBLE for matrix in matrices)
    caption = shared_caption([(model, matrix.caption) for model, matrix in members])
    return Chart(
        name=name,
        title=family.title,
        finding=comparison(members, palette.models),
        caption=f"{caption} {_UNNAMED}".strip() if unnamed else caption,
        panels=tuple(panels),
        numbers=numbers_table(*_numbers(members)),
        keys=tuple(key_of(model, palette.style(model)) for model, _ in members) if stacked else (),
    )


def _numbers(members: list[tuple[str, Matrix]]) -> tuple[list[Column], list[tuple[Cell, ...]]]:
    """Lay out the values: a row a row and model, a column a column of any of them."""
    several = len(members) > 1
    names = list(dict.fromkeys(column for _, matrix in members for column in matrix.columns))
    count = all(cell_kind(matrix) == "count" for _, matrix in members)
    heads = [*([Column(name="model", label="Model")] if several else [])]
    heads.append(Column(name="row", label=members[0][1].row_title))
    heads += [
        Column(name=f"c{i}", label=column, kind="count" if count else "number")
        for i, column in enumerate(names)
    ]
    rows: list[tuple[Cell, ...]] = []
    for model, matrix in members:
        for row, values in zip(matrix.rows, matrix.values, strict=True):
            held = dict(zip(matrix.columns, values, strict=True))
            cells = [held.get(column) for column in names]
            shown = [int(v) if count and v is not None else v for v in cells]
            rows.append((*([model] if several else []), row, *shown))
    return heads, rows
