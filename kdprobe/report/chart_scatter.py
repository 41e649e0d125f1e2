"""Scatter plots: one mark per example, linked to the example browser; or a 2-D histogram.

Does: draw up to 4,000 points as marks and more as counts in tinted cells. Does not: fit anything.
"""

from __future__ import annotations

from collections import Counter

from kdprobe.report.axes import Scale, unit_range, x_axis, y_axis
from kdprobe.report.chart_heat import tint
from kdprobe.report.marks import legend, marker, series_class
from kdprobe.report.svg import Chart, clean, numbers_table, tag, title
from kdprobe.results.numbers import show_count, show_number
from kdprobe.results.schema import Cell, Column, Curve, Series

POINTS = 4000
BINS = 40
ROWS = 500
LEFT, TOP, SIDE_X, SIDE_Y = 52.0, 34.0, 440.0, 330.0


def finding(curve: Curve) -> str:
    """State what a scatter shows: how many points lie on which side of the diagonal."""
    sentences = []
    for series in curve.series:
        n = len(series.x)
        if not n:
            sentences.append(f"{series.name} has no points.")
            continue
        above = sum(y > x for x, y in zip(series.x, series.y, strict=True))
        below = sum(y < x for x, y in zip(series.x, series.y, strict=True))
        sentences.append(
            f"{series.name}: of {show_count(n)} examples {show_count(above)} lie above the "
            f"diagonal and {show_count(below)} below it."
        )
    axes = f"{curve.y_title} against {curve.x_title}. "
    return axes[0].upper() + axes[1:] + " ".join(sentences)


def _point(
    series: Series, i: int, index: int, at: tuple[float, float], links: dict[str, str]
) -> str:
    label = series.labels[i] if series.labels else ""
    hint = f"{show_number(series.x[i])}, {show_number(series.y[i])}"
    drawn = marker(index, *at, size=2.6, tooltip=title(f"{label}: {hint}" if label else hint))
    if label in links:
        return f'<a href="{clean(links[label])}" tabindex="-1">{drawn}</a>'
    return drawn


def _points(curve: Curve, x: Scale, y: Scale, links: dict[str, str]) -> str:
    groups = []
    for index, series in enumerate(curve.series):
        marks = "".join(
            _point(series, i, index, (x(a), y(b)), links)
            for i, (a, b) in enumerate(zip(series.x, series.y, strict=True))
        )
        groups.append(tag("g", {"class": f"points {series_class(index)}"}, marks))
    return "".join(groups)


def _histogram(curve: Curve, x: Scale, y: Scale) -> str:
    counts: Counter[tuple[int, int]] = Counter()
    for series in curve.series:
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
    return "".join(marks)


def draw_scatter(curve: Curve, name: str, links: dict[str, str]) -> Chart:
    """Draw a scatter plot.

    Args:
        curve: its series; `labels` are example ids.
        name: the chart's name on the page.
        links: example id -> its place on the page, for those that are there.
    """
    xs = [value for series in curve.series for value in series.x]
    ys = [value for series in curve.series for value in series.y]
    one = len(curve.series) == 1
    drawn, room = ("", 0.0) if one else legend([s.name for s in curve.series], LEFT, 12, SIDE_X)
    top = TOP + room
    x = Scale(*unit_range(xs), LEFT, LEFT + SIDE_X)
    y = Scale(*unit_range(ys), top + SIDE_Y, top)
    marks = drawn + x_axis(x, top + SIDE_Y, curve.x_title, top=top)
    marks += y_axis(y, LEFT, curve.y_title, right=LEFT + SIDE_X)
    low, high = max(x.low, y.low), min(x.high, y.high)
    if low < high:
        ends = {"x1": x(low), "y1": y(low), "x2": x(high), "y2": y(high)}
        marks += tag("line", {"class": "reference", **ends})
    crowded = len(xs) > POINTS
    marks += _histogram(curve, x, y) if crowded else _points(curve, x, y, links)
    rows: list[tuple[Cell, ...]] = [
        (series.name, series.labels[i] if series.labels else str(i + 1), a, b)
        for series in curve.series
        for i, (a, b) in enumerate(zip(series.x, series.y, strict=True))
    ]
    heads = [
        Column(name="series", label="Series"),
        Column(name="example", label="Example", kind="example"),
        Column(name="x", label=curve.x_title, kind="number"),
        Column(name="y", label=curve.y_title, kind="number"),
    ]
    caption = curve.caption
    if crowded:
        caption += f" {show_count(len(xs))} points, drawn as counts per cell."
    return Chart(
        name=name,
        title=curve.title,
        description=finding(curve),
        caption=caption.strip(),
        width=LEFT + SIDE_X + 16,
        height=top + SIDE_Y + 46,
        marks=marks,
        numbers=numbers_table(heads, rows[:ROWS]),
        numbers_total=len(rows),
    )
