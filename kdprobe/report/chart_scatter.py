"""Scatter plots: one mark per example, linked to the example browser; or a 2-D histogram.

Does: draw a panel a student on the same axes, up to 4,000 points each as marks and more as counts
in tinted cells. Does not: fit anything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from kdprobe.report.axes import Scale, panel_title, title_room, unit_range, x_axis, y_axis
from kdprobe.report.chart_families import Facet, Plot
from kdprobe.report.chart_findings import scatter_finding
from kdprobe.report.chart_heat import tint
from kdprobe.report.looks import Looks
from kdprobe.report.marks import cloud, key_of, reference, styled
from kdprobe.report.palette import Palette, Style
from kdprobe.report.svg import Attribute, Chart, Panel, numbers_table, tag, title
from kdprobe.results.numbers import show_count
from kdprobe.results.schema import Cell, Column, Series

POINTS = 4000
BINS = 40
ROWS = 100
LEFT, WIDTH, HIGH = 42.0, 300.0, 210.0


def _reading(facet: Facet) -> str:
    sentences = []
    for series in facet.series:
        n = len(series.x)
        above = sum(y > x for x, y in zip(series.x, series.y, strict=True))
        below = sum(y < x for x, y in zip(series.x, series.y, strict=True))
        sentences.append(
            f"{series.name}: of {show_count(n)} examples {show_count(above)} lie above the "
            f"diagonal and {show_count(below)} below it."
        )
    return f"{facet.title}: {' '.join(sentences)}" if facet.title else " ".join(sentences)


def _rows_of(series: Series, places: Mapping[str, int]) -> str:
    """Write where each example stands among those of the page, as steps from one to the next."""
    steps, at = [], 0
    for name in series.labels:
        place = places.get(name)
        steps.append("x" if place is None else str(place - at))
        at = at if place is None else place
    return " ".join(steps)


def _points(
    facet: Facet, scales: tuple[Scale, Scale], styles: list[Style], places: Mapping[str, int]
) -> str:
    """Draw the points of each series as one path: a thousand elements would be most of a page."""
    x, y = scales
    groups = []
    for series, style in zip(facet.series, styles, strict=True):
        points = [(x(a), y(b)) for a, b in zip(series.x, series.y, strict=True)]
        d = cloud(style.shape, points, 2.2 + 0.8 * (style.shape > 0))
        attributes: dict[str, Attribute] = {
            "class": f"points {style.classes}{' round' * (style.shape == 0)}",
            "d": d,
        }
        if places and series.labels:
            attributes["data-rows"] = _rows_of(series, places)
        groups.append(tag("path", attributes))
    return "".join(groups)


def _histogram(facet: Facet, x: Scale, y: Scale) -> str:
    counts: Counter[tuple[int, int]] = Counter()
    for series in facet.series:
        for a, b in zip(series.x, series.y, strict=True):
            column = min(BINS - 1, int(BINS * (a - x.low) / (x.high - x.low)))
            row = min(BINS - 1, int(BINS * (b - y.low) / (y.high - y.low)))
            counts[column, row] += 1
    most = max(counts.values(), default=1)
    width, height = (x.end - x.start) / BINS, (y.start - y.end) / BINS
    marks = []
    for (column, row), count in sorted(counts.items()):
        # The square root keeps cells of one example visible beside crowded ones.
        tone = tint((count / most) ** 0.5, 0, 1, diverging=False)
        place = {"x": x.start + column * width, "y": y.start - (row + 1) * height}
        size = {"width": width, "height": height}
        hint = title(f"{show_count(count)} examples")
        marks.append(tag("rect", {"class": f"cell {tone}", **place, **size}, hint))
    return styled(Style("large", 0), "".join(marks))


def _styles(facet: Facet, looks: Looks, palette: Palette) -> list[Style]:
    """A panel about a student has its colour; what is told apart inside it, the shape only."""
    own = palette.style(facet.model) if facet.model else None
    return [
        Style(own.classes if own else looks[series.name].classes, (0, 3, 2, 4)[index % 4])
        for index, series in enumerate(facet.series)
    ]


def draw_scatter(plot: Plot, name: str, palette: Palette, links: Mapping[str, str]) -> Chart:
    """Draw scatter plots, a panel a facet.

    Args:
        plot: its series; `labels` are example ids.
        name: the chart's name on the page.
        palette: the models' looks.
        links: the examples of the page, in its order; the script of the page finds those of
            the points by their places.
    """
    looks = Looks.of(plot, palette)
    places = {example: place for place, example in enumerate(links)}
    xs = [value for facet in plot.facets for s in facet.series for value in s.x]
    ys = [value for facet in plot.facets for s in facet.series for value in s.y]
    top = (46.0 if plot.facets[0].title else 28.0) + title_room(plot.y_title, WIDTH - 12)
    x = Scale(*unit_range(xs), LEFT, WIDTH - 8)
    y = Scale(*unit_range(ys), top + HIGH, top)
    below = 42 + title_room(plot.x_title, WIDTH - 8 - LEFT + 20)
    panels, crowded = [], 0
    for facet in plot.facets:
        marks = panel_title(facet.title, WIDTH)
        marks += x_axis(x, top + HIGH, plot.x_title, top=top)
        marks += y_axis(y, LEFT, plot.y_title, right=WIDTH - 8)
        low, high = max(x.low, y.low), min(x.high, y.high)
        if low < high:
            marks += reference(x(low), x(high), y(low), y(high))
        count = sum(len(series.x) for series in facet.series)
        if count > POINTS:
            crowded = max(crowded, count)
            marks += _histogram(facet, x, y)
        else:
            marks += _points(facet, (x, y), _styles(facet, looks, palette), places)
        panels.append(
            Panel(facet.title or plot.title, _reading(facet), WIDTH, top + HIGH + below, marks)
        )
    numbers = _rows(plot)
    named = dict.fromkeys(s.name for facet in plot.facets for s in facet.series)
    # A series that is a model has a panel with its name.
    names = [name for name in named if name not in palette.models]
    shapes = {
        s.name: (0, 3, 2, 4)[i % 4] for f in plot.facets for i, s in enumerate(f.series)
    }  # fmt: skip
    several = len(names) > 1 and not crowded
    caption = plot.caption
    if crowded:
        caption += f" {show_count(crowded)} points, drawn as counts per cell."
    return Chart(
        name=name,
        title=plot.title,
        finding=scatter_finding(plot),
        caption=caption.strip(),
        panels=tuple(panels),
        numbers=numbers_table(_heads(plot), numbers[:ROWS]),
        numbers_total=len(numbers),
        keys=tuple(key_of(n, Style("s7", shapes[n])) for n in names) if several else (),
        folded=plot.folded,
    )


def _several(plot: Plot) -> bool:
    return len(plot.facets) > 1


def _heads(plot: Plot) -> list[Column]:
    return [
        *([Column(name="panel", label="Panel")] if _several(plot) else []),
        Column(name="series", label="Series"),
        Column(name="example", label="Example", kind="example"),
        Column(name="x", label=plot.x_title, kind="number"),
        Column(name="y", label=plot.y_title, kind="number"),
    ]


def _rows(plot: Plot) -> list[tuple[Cell, ...]]:
    return [
        (
            *([facet.title] if _several(plot) else []),
            series.name,
            series.labels[i] if series.labels else str(i + 1),
            a,
            b,
        )
        for facet in plot.facets
        for series in facet.series
        for i, (a, b) in enumerate(zip(series.x, series.y, strict=True))
    ]
