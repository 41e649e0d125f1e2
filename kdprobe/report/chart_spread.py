"""Distributions: a histogram a row with its marked places, a panel a student.

Does: draw bins and places on the same axis. Does not: choose bins.
"""

from __future__ import annotations

from kdprobe.report.axes import Scale, panel_title, x_axis
from kdprobe.report.chart_families import Facet, Plot
from kdprobe.report.marks import key_of, marker, styled, whisker
from kdprobe.report.palette import Palette, Style
from kdprobe.report.svg import Attribute, Chart, Panel, label, numbers_table, tag, title
from kdprobe.results.numbers import show_count, show_number
from kdprobe.results.schema import Cell, Column, Series

ROW, GAP, WIDTH = 40.0, 26.0, 300.0
_NEUTRAL = Style("s7", 0)


def half(series: Series) -> float:
    """Return half the width of a bin; bins are equally wide."""
    return (series.x[1] - series.x[0]) / 2 if len(series.x) > 1 else 0.5


def _bins(series: Series, x: Scale, foot: float, most: float) -> str:
    wide, drawn = half(series), ""
    for i, (middle, share) in enumerate(zip(series.x, series.y, strict=True)):
        if share <= 0:
            continue
        between = f"{show_number(middle - wide)} to {show_number(middle + wide)}"
        description = f"{between}: {show_number(share)}"
        description += f", n = {show_count(series.counts[i])}" if series.counts else ""
        box: dict[str, Attribute] = {"x": x(middle - wide) + 0.5, "width": x(wide) - x(-wide) - 1}
        tall = ROW * share / most
        drawn += tag("rect", {"class": "bar", **box, "y": foot - tall, "height": tall},
                     title(f"{series.name}, {description}"))  # fmt: skip
    return drawn


def _spread_rows(plot: Plot) -> list[tuple[Cell, ...]]:
    several = len(plot.facets) > 1
    rows: list[tuple[Cell, ...]] = []
    for facet in plot.facets:
        head = (facet.title,) if several else ()
        for series in facet.series:
            wide = half(series)
            rows += [(*head, series.name, name, v, None) for name, v in series.marks.items()]
            rows += [
                (
                    *head,
                    series.name,
                    f"share from {show_number(middle - wide)} to {show_number(middle + wide)}",
                    share,
                    series.counts[i] if series.counts else None,
                )
                for i, (middle, share) in enumerate(zip(series.x, series.y, strict=True))
            ]
    return rows


def _spread_heads(plot: Plot) -> list[Column]:
    return [
        *([Column(name="panel", label="Panel")] if len(plot.facets) > 1 else []),
        Column(name="row", label="Row"),
        Column(name="what", label="What"),
        Column(name="value", label="Value", kind="number"),
        Column(name="n", label="n", kind="count"),
    ]


def _places(facet: Facet) -> str:
    parts = []
    for series in facet.series:
        marks = ", ".join(f"{name} {show_number(value)}" for name, value in series.marks.items())
        parts.append(f"{series.name}: {marks}" if marks else series.name)
    return f"{facet.title}, {'. '.join(parts)}." if facet.title else f"{'. '.join(parts)}."


def draw_spread(plot: Plot, name: str, palette: Palette) -> Chart:
    """Draw a histogram per series above each other, with the places of `marks` in each.

    The n-th kind of mark has the n-th shape in every row, so that a legend names it once.
    """
    kinds = list(dict.fromkeys(k for f in plot.facets for s in f.series for k in s.marks))
    held = [series for facet in plot.facets for series in facet.series if series.x]
    edges = [s.x[0] - half(s) for s in held] + [s.x[-1] + half(s) for s in held]
    x = Scale(min(edges), max(edges), 12.0, WIDTH - 12)
    most = max((share for series in held for share in series.y), default=1.0) or 1.0
    panels = []
    for facet in plot.facets:
        own = palette.style(facet.model) if facet.model else _NEUTRAL
        top = 22.0 if facet.title else 4.0
        bottom = top + (ROW + GAP) * len(facet.series)
        marks = panel_title(facet.title, WIDTH) + x_axis(x, bottom + 4, plot.x_title, top=top)
        for row, series in enumerate(facet.series):
            foot = top + (ROW + GAP) * (row + 1) - 4
            marks += label(4, foot - ROW - 8, series.name, WIDTH - 8, "over")
            marks += styled(own, _bins(series, x, foot, most))
            marks += tag("line", {"class": "axis", "x1": 12, "x2": WIDTH - 12, "y1": foot,
                                  "y2": foot})  # fmt: skip
            for index, kind in enumerate(kinds):
                if kind in series.marks:
                    marks += styled(_NEUTRAL, _place(series, kind, index, x, foot))
        panels.append(Panel(facet.title or plot.title, _places(facet), WIDTH, bottom + 46, marks))
    rows = _spread_rows(plot)
    return Chart(
        name=name,
        title=plot.title,
        finding="",
        caption=plot.caption,
        panels=tuple(panels),
        numbers=numbers_table(_spread_heads(plot), rows),
        numbers_total=len(rows),
        keys=tuple(key_of(kind, Style("s7", i)) for i, kind in enumerate(kinds)),
        folded=plot.folded,
    )


def _place(series: Series, kind: str, shape: int, x: Scale, foot: float) -> str:
    at = x(min(max(series.marks[kind], x.low), x.high))
    tooltip = title(f"{series.name}, {kind}: {show_number(series.marks[kind])}")
    return whisker(at, at, foot - ROW, foot) + marker(shape, at, foot - ROW + 2, tooltip=tooltip)
