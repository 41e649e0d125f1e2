"""Bars with intervals, and reliability diagrams with the count of each bin.

Does: draw what has one value per place on an axis. Does not: choose bins.
"""

from __future__ import annotations

import itertools
import math
import re

from kdprobe.report.axes import (
    Scale,
    heading_room,
    padded,
    panel_title,
    tick_label,
    title_room,
    unit_range,
    x_axis,
    y_axis,
)  # fmt: skip
from kdprobe.report.chart_families import Facet, Plot
from kdprobe.report.chart_findings import bars_finding, reliability_finding, series_reading
from kdprobe.report.lettering import extent, fitted
from kdprobe.report.looks import Looks
from kdprobe.report.marks import marker, polyline, reference, styled, whisker
from kdprobe.report.palette import Palette
from kdprobe.report.series_points import ends, hint, interval_at, number_rows
from kdprobe.report.svg import Attribute, Chart, Panel, label, tag, text, title
from kdprobe.results.numbers import show_count
from kdprobe.results.schema import Series

LEFT, WIDTH, HIGH = 42.0, 300.0, 150.0
_COUNTED, _THIN = 40.0, 4.0
_RANGE = re.compile(r"([−\d.]+)–([−\d.]+)$")


def _spots(plot: Plot) -> dict[float, str]:
    spots: dict[float, str] = {}
    for facet in plot.facets:
        for series in facet.series:
            for i, value in enumerate(series.x):
                spots[value] = series.labels[i] if series.labels else tick_label(value)
    return dict(sorted(spots.items()))


def _edges(spots: dict[float, str]) -> list[str]:
    """Return the ends of neighbouring ranges ("0–5", "5–9" give 0, 5, 9), or nothing."""
    ranges = [_RANGE.match(name) for name in spots.values()]
    pairs = [(match[1], match[2]) for match in ranges if match]
    together = all(one[1] == other[0] for one, other in itertools.pairwise(pairs))
    if len(pairs) < len(ranges) or not together or not pairs:
        return []
    return [pairs[0][0], *(end for _, end in pairs)]


def _places(spots: dict[float, str], pitch: float, foot: float) -> tuple[str, float]:
    """Write the names below the bars, in one line or two in turn; ranges are named by their ends.

    Returns:
        The markup, and its height.
    """
    edges = _edges(spots)
    if edges:
        step = max(1, math.ceil((max(extent(edge) for edge in edges) + 10) / pitch))
        return "".join(
            text(
                min(LEFT + pitch * rank, WIDTH - extent(edge) / 2 - 1),
                foot + 15,
                edge,
                "tick",
                "middle",
            )
            for rank, edge in enumerate(edges)
            if rank % step == 0
        ), 13.0
    widest = max((extent(name) for name in spots.values()), default=0.0) + 8
    tiers = 1 if widest <= pitch else 2
    drawn = ""
    for rank, name in enumerate(spots.values()):
        room = tiers * pitch - 6
        # A name may reach into its neighbours' places, not over the edge of the paper.
        at = min(LEFT + pitch * (rank + 0.5), WIDTH - extent(fitted(name, room)) / 2 - 2)
        drawn += label(at, foot + 15 + 13 * (rank % tiers), name, room, "tick", "middle")
    return drawn, 13.0 * tiers


def draw_bars(plot: Plot, name: str, palette: Palette) -> Chart:
    """Draw bars with intervals, grouped by their place; many series have a panel each."""
    looks = Looks.of(plot, palette)
    values = [v for facet in plot.facets for s in facet.series for v in s.y]
    values += ends(plot.facets) + [f.reference for f in plot.facets if f.reference is not None]
    top = (46.0 if len(plot.facets) > 1 else 28.0) + title_room(plot.y_title, WIDTH - 10)
    y = Scale(*padded(values, zero=True), top + HIGH, top)
    spots = _spots(plot)
    panels = tuple(_bars_panel(plot, facet, spots, y, looks) for facet in plot.facets)
    several = max(len(facet.series) for facet in plot.facets) > 1
    return Chart(
        name=name,
        title=plot.title,
        finding=bars_finding(plot, palette),
        caption=plot.caption,
        panels=panels,
        numbers=(numbers := number_rows(plot)),
        numbers_total=len(numbers.rows),
        keys=looks.legend() if several else (),
        folded=plot.folded,
    )


def _bars_panel(plot: Plot, facet: Facet, spots: dict[float, str], y: Scale, looks: Looks) -> Panel:
    right = WIDTH - 6
    marks = panel_title(facet.title, WIDTH) + y_axis(y, LEFT, plot.y_title, right=right, wanted=6)
    order = list(spots)
    pitch = (right - LEFT) / max(len(order), 1)
    names, room = _places(spots, pitch, y.start)
    marks += names + label(
        (LEFT + right) / 2, y.start + room + 20, plot.x_title, right - LEFT, "", "middle"
    )
    if facet.reference is not None:
        marks += reference(LEFT, right, y(facet.reference), y(facet.reference))
    thick = min(30.0, 0.8 * pitch / max(len(facet.series), 1))
    for index, series in enumerate(facet.series):
        style = looks[series.name]
        inner = ""
        for i, (value, height) in enumerate(zip(series.x, series.y, strict=True)):
            shift = thick * (index - len(facet.series) / 2)
            left = LEFT + pitch * (order.index(value) + 0.5) + shift
            between = sorted((y(0.0), y(height)))
            box: dict[str, Attribute] = {"x": left, "y": between[0], "width": 0.9 * thick}
            box["height"] = between[1] - between[0]
            inner += tag("rect", {"class": "bar", **box}, hint(series, i, height))
            at = left + 0.45 * thick
            bounds = interval_at(series, i)
            inner += whisker(at, at, y(bounds[0]), y(bounds[1])) if bounds else ""
            if thick > _THIN and style.model:
                inner += marker(style.shape, at, y(height), size=min(3.0, 0.3 * thick))
        marks += styled(style, inner)
    height = y.start + room + 28
    return Panel(facet.title or plot.title, series_reading(facet), WIDTH, height, marks)


def draw_reliability(plot: Plot, name: str, palette: Palette) -> Chart:
    """Draw reliability diagrams, a panel a model: accuracy by confidence, counts of bins below."""
    looks = Looks.of(plot, palette)
    small = len(plot.facets) > 2
    across = [value for facet in plot.facets for s in facet.series for value in s.x]
    panels = tuple(
        _reliability_panel(plot, facet, unit_range(across), looks, small=small)
        for facet in plot.facets
    )
    return Chart(
        name=name,
        title=f"{plot.title} ({plot.y_title} by {plot.x_title})" if small else plot.title,
        finding=reliability_finding(plot),
        caption=plot.caption,
        panels=panels,
        numbers=(numbers := number_rows(plot)),
        numbers_total=len(numbers.rows),
        folded=plot.folded,
    )


def _reliability_panel(
    plot: Plot, facet: Facet, across: tuple[float, float], looks: Looks, *, small: bool
) -> Panel:
    width, side = (184.0, 130.0) if small else (300.0, 200.0)
    left, right, wanted = (34.0, width - 10, 3) if small else (LEFT, width - 10, 5)
    heads = heading_room((each.title for each in plot.facets), width) if small else 0.0
    top = heads + (22.0 if small else 46.0 + title_room(plot.y_title, right - 4))
    x, y = Scale(*across, left, right), Scale(0.0, 1.0, top + side, top)
    floor = top + side + 10 + _COUNTED
    marks = panel_title(facet.title, width, most=2 if small else 1)
    marks += y_axis(y, left, "" if small else plot.y_title, right=right, wanted=wanted)
    marks += x_axis(x, floor, "" if small else plot.x_title, top=top, wanted=wanted)
    marks += reference(x(x.low), x(x.high), y(max(0.0, x.low)), y(min(1.0, x.high)))
    for series in facet.series:
        style = looks[series.name]
        drawn = _bins(series, (x, y), floor, style.shape, small=small)
        marks += styled(style, drawn)
        most = max(series.counts, default=0)
        if most and not small:
            height = floor - _COUNTED + 2
            marks += text(left + 4, height, f"examples, up to {show_count(most)} a bin", "tick")
    below = 42 + title_room(plot.x_title, right - left + 20)
    height = floor + (22 if small else below)
    return Panel(facet.title or plot.title, series_reading(facet), width, height, marks)


def _bins(
    series: Series, scales: tuple[Scale, Scale], floor: float, shape: int, *, small: bool
) -> str:
    x, y = scales
    most = max(series.counts, default=0)
    inner, points = "", []
    for i, (a, b) in enumerate(zip(series.x, series.y, strict=True)):
        count = series.counts[i] if series.counts else None
        if count == 0:
            continue
        points.append((x(a), y(b)))
        # Without intervals the line shows the gap to the diagonal instead.
        low, high = interval_at(series, i) or (a, b)
        inner += whisker(x(a), x(a), y(low), y(high))
        size = 2.6 if small else 3.6
        inner += marker(shape, *points[-1], size=size, tooltip=hint(series, i, b))
        if count is not None and most:
            tall = max(1.0, (_COUNTED - 6) * count / most)
            box: dict[str, Attribute] = {"x": x(a) - 4, "y": floor - tall, "width": 8}
            box["height"] = tall
            inner += tag("rect", {"class": "bar", **box}, title(f"n = {show_count(count)}"))
    return (polyline(points) if len(points) > 1 else "") + inner
