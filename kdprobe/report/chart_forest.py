"""Forest plots: one row per slice, a value with its interval for each series.

Does: draw values, intervals and a reference line, widest names on the left. Does not: sort.
"""

from __future__ import annotations

from kdprobe.report.axes import Scale, padded, x_axis
from kdprobe.report.marks import legend, marker, series_class
from kdprobe.report.svg import Chart, clip, numbers_table, tag, text, title
from kdprobe.results.numbers import show_count, show_interval, show_number
from kdprobe.results.schema import Cell, Column, Curve, Series

SPAN = 330.0
NAMED = 34


def _end(ends: tuple[float | None, ...], i: int) -> float | None:
    return ends[i] if ends else None


def _row_names(curve: Curve) -> list[str]:
    names: dict[str, None] = {}
    for series in curve.series:
        for i in range(len(series.x)):
            names[series.labels[i] if series.labels else str(i + 1)] = None
    return list(names)


def finding(curve: Curve) -> str:
    """State what a forest plot shows: the extremes, and how many intervals miss the reference."""
    reference = curve.reference or 0.0
    sentences = []
    for series in curve.series:
        if not series.x:
            continue
        best = max(range(len(series.x)), key=lambda i: series.x[i])
        clear = sum(
            low is not None and high is not None and (low > reference or high < reference)
            for low, high in zip(series.low, series.high, strict=True)
        )
        label = series.labels[best] if series.labels else str(best + 1)
        sentences.append(
            f"{series.name}: largest at {label} ({show_number(series.x[best])}); "
            f"{clear} of {len(series.x)} intervals do not hold {show_number(reference)}."
        )
    return " ".join(sentences) or "Nothing to show."


def _mark(series: Series, i: int, index: int, x: Scale, y: float) -> str:
    low, high = _end(series.low, i), _end(series.high, i)
    hint = f"{series.name}: {show_number(series.x[i])}"
    drawn = ""
    if low is not None and high is not None:
        hint += f" {show_interval(low, high)}"
        ends = {"x1": x(low), "x2": x(high), "y1": y, "y2": y}
        drawn = tag("line", {"class": "whisker", **ends})
    if series.counts:
        hint += f", n = {show_count(series.counts[i])}"
    return drawn + marker(index, x(series.x[i]), y, tooltip=title(hint))


def draw_forest(curve: Curve, name: str) -> Chart:
    """Draw a forest plot; rows of the same name share a line of the chart."""
    names = _row_names(curve)
    values = [value for series in curve.series for value in series.x]
    ends = [e for s in curve.series for e in (*s.low, *s.high) if e is not None]
    reference = 0.0 if curve.reference is None else curve.reference
    left = 20.0 + 6.6 * max((min(len(label), NAMED) for label in names), default=4)
    one = len(curve.series) == 1
    series_names = [series.name for series in curve.series]
    drawn, room = ("", 0.0) if one else legend(series_names, 8, 14, left + SPAN)
    pitch = max(24.0, 13.0 * len(curve.series) + 8)
    top = 14.0 + room
    bottom = top + pitch * len(names) + 4
    x = Scale(*padded([*values, *ends, reference]), left, left + SPAN)
    marks = drawn + x_axis(x, bottom, curve.x_title, top=top)
    line = {"x1": x(reference), "x2": x(reference), "y1": top, "y2": bottom}
    marks += tag("line", {"class": "reference", **line})
    for row, label in enumerate(names):
        marks += text(left - 10, top + pitch * (row + 0.5) + 4, clip(label, NAMED), "tick", "end")
    rows: list[tuple[Cell, ...]] = []
    for index, series in enumerate(curve.series):
        inner = ""
        for i, value in enumerate(series.x):
            label = series.labels[i] if series.labels else str(i + 1)
            shift = 13.0 * (index - (len(curve.series) - 1) / 2)
            inner += _mark(series, i, index, x, top + pitch * (names.index(label) + 0.5) + shift)
            count = series.counts[i] if series.counts else None
            rows.append(
                (label, series.name, value, _end(series.low, i), _end(series.high, i), count)
            )
        marks += tag("g", {"class": series_class(index)}, inner)
    heads = [
        Column(name="row", label=curve.y_title or "Row"),
        Column(name="series", label="Series"),
        Column(name="value", label=curve.x_title, kind="number"),
        Column(name="low", label="Low", kind="number"),
        Column(name="high", label="High", kind="number"),
        Column(name="n", label="n", kind="count"),
    ]
    return Chart(
        name=name,
        title=curve.title,
        description=finding(curve),
        caption=curve.caption,
        width=left + SPAN + 16,
        height=bottom + 46,
        marks=marks,
        numbers=numbers_table(heads, rows),
        numbers_total=len(rows),
    )
