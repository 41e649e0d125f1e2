"""Efficiency: what every model costs, and which models nobody beats.

Does: draw the fronts, speed-ups and tables. Does not: measure, or decide who stands on a front; the
analysis does.
"""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from kdprobe.report.blocks import analysis_markup, holds_anything
from kdprobe.report.chart_pareto import GROUPS, Picture, Spot, draw_pareto
from kdprobe.report.svg import Chart
from kdprobe.results.schema import Cell, ResultsDocument, Table

_NAME = "efficiency"
_FRONT = "front-"


@dataclass(frozen=True)
class _Efficiency:
    name: str = _NAME
    title: str = "Efficiency"
    order: int = 47
    reads: tuple[str, ...] = (_NAME,)

    def render(self, document: ResultsDocument) -> Markup | None:
        result = document.analysis(_NAME)
        if result is None or not holds_anything(result):
            return None
        fronts = [table for table in result.tables if table.name.startswith(_FRONT)]
        rest = tuple(table for table in result.tables if table not in fronts)
        plain = result.model_copy(update={"tables": rest})
        charts = [_chart(table) for table in fronts]
        return analysis_markup(document, plain, plain.estimates, leading=charts)


def _chart(table: Table) -> Chart:
    columns = {column.name: column.label for column in table.columns}
    rows = [dict(zip(columns, row, strict=True)) for row in table.rows]
    best = [str(row["model"]) for row in rows if row["place"] == GROUPS[0]]
    picture = Picture(
        name=f"{_NAME}-{table.name}",
        title=table.title,
        finding=f"On the front: {', '.join(best)}.",
        caption=table.caption,
        x_title=columns["cost"],
        y_title=columns["gain"],
        cost_falls=True,
    )
    return draw_pareto(picture, [_spot(row) for row in rows])


def _spot(row: dict[str, Cell]) -> Spot:
    return Spot(
        number="",
        name=str(row["model"]),
        x=_number(row["cost"]),
        y=_number(row["gain"]),
        x_ends=_ends(row["cost_low"], row["cost_high"]),
        y_ends=_ends(row["gain_low"], row["gain_high"]),
        group=0 if row["place"] == GROUPS[0] else 1,
    )


def _number(cell: Cell) -> float:
    return float(cell) if isinstance(cell, int | float) else 0.0


def _ends(low: Cell, high: Cell) -> tuple[float, float] | None:
    return None if low is None or high is None else (_number(low), _number(high))


SECTION = _Efficiency()
