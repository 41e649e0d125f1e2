"""What charts with axes say of single points: intervals, tooltips, rows of numbers.

Does: read a series point by point. Does not: draw.
"""

from __future__ import annotations

from collections.abc import Iterable

from kdprobe.report.chart_families import Facet, Plot
from kdprobe.report.svg import title
from kdprobe.results.numbers import show_count, show_interval, show_number
from kdprobe.results.schema import Cell, Column, Series, Table


def interval_at(series: Series, i: int) -> tuple[float, float] | None:
    """Return the interval of the i-th point, or None without one."""
    low = series.low[i] if series.low else None
    high = series.high[i] if series.high else None
    return None if low is None or high is None else (low, high)


def spot(series: Series, i: int) -> str:
    """Return the name of the i-th point, or its place on the axis."""
    return series.labels[i] if series.labels else show_number(series.x[i])


def hint(series: Series, i: int, value: float) -> str:
    """Write the tooltip of a point: whose it is, where, its value, its interval, its count."""
    summary = f"{series.name}, {spot(series, i)}: {show_number(value)}"
    bounds = interval_at(series, i)
    if bounds:
        summary += f" {show_interval(*bounds)}"
    if series.counts:
        summary += f", n = {show_count(series.counts[i])}"
    return title(summary)


def ends(facets: Iterable[Facet]) -> list[float]:
    """Return the ends of all intervals."""
    return [e for f in facets for s in f.series for e in (*s.low, *s.high) if e is not None]


def number_rows(plot: Plot) -> Table:
    """Lay out the points of a chart as the table under "Show numbers".

    In a forest the value is x, elsewhere y; a column names the panel where there are several.
    """
    across = plot.kind == "forest"
    several = len({facet.title for facet in plot.facets}) > 1
    heads = [
        *([Column(name="panel", label="Panel")] if several else []),
        *(
            [Column(name="row", label=plot.y_title or "Row"), Column(name="series", label="Series")]
            if across
            else [Column(name="series", label="Series"), Column(name="x", label=plot.x_title)]
        ),
        Column(name="y", label=plot.x_title if across else plot.y_title, kind="number"),
        Column(name="low", label="Low", kind="number"),
        Column(name="high", label="High", kind="number"),
        Column(name="n", label="n", kind="count"),
    ]
    rows: list[tuple[Cell, ...]] = []
    for facet in plot.facets:
        for series in facet.series:
            for i in range(len(series.x)):
                count = series.counts[i] if series.counts else None
                value = series.x[i] if across else series.y[i]
                where = series.labels[i] if across and series.labels else (
                    str(i + 1) if across else spot(series, i)
                )  # fmt: skip
                names = (where, series.name) if across else (series.name, where)
                bounds = interval_at(series, i) or (None, None)
                rows.append((*([facet.title] if several else []), *names, value, *bounds, count))
    return Table(name="numbers", title="", columns=tuple(heads), rows=tuple(rows))
