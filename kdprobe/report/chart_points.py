"""Charts of a few named points: a distribution a row, and points on two axes with their names.

Does: draw one histogram per row with its marked places, and one point per name and series with its
interval. Does not: choose bins or compute intervals.
"""

from __future__ import annotations

from kdprobe.report.axes import Scale, padded, x_axis, y_axis
from kdprobe.report.chart_forest import NAMED, SPAN
from kdprobe.report.chart_line import interval_at
from kdprobe.report.marks import legend, marker, series_class
from kdprobe.report.svg import Attribute, Chart, clip, numbers_table, tag, text, title
from kdprobe.results.numbers import show_count, show_interval, show_number
from kdprobe.results.schema import Cell, Column, Curve, Series

ROW, GAP = 46.0, 12.0
_NEUTRAL = 7  # the grey of the series' colours: bins are no series
_APART = 7.0
LEFT, WIDTH, HEIGHT, NAME_ROW = 52.0, 440.0, 260.0, 15.0


def _places(series: Series) -> str:
    description = ", ".join(f"{name} {show_number(value)}" for name, value in series.marks.items())
    return f"{series.name}: {description}" if description else series.name


def _half(series: Series) -> float:
    """Half the width of a bin; bins are equally wide."""
    return (series.x[1] - series.x[0]) / 2 if len(series.x) > 1 else 0.5


def _bins(series: Series, x: Scale, foot: float, most: float) -> str:
    half, drawn = _half(series), ""
    for i, (middle, share) in enumerate(zip(series.x, series.y, strict=True)):
        if share <= 0:
            continue
        ends = f"{show_number(middle - half)} to {show_number(middle + half)}"
        description = f"{ends}: {show_number(share)}"
        description += f", n = {show_count(series.counts[i])}" if series.counts else ""
        box = {"x": x(middle - half) + 0.5, "width": x(half) - x(-half) - 1}
        tall = ROW * share / most
        drawn += tag("rect", {"class": "bar", **box, "y": foot - tall, "height": tall},
                     title(f"{series.name}, {description}"))  # fmt: skip
    return drawn


def _spread_numbers(curve: Curve) -> tuple[list[Column], list[tuple[Cell, ...]]]:
    rows: list[tuple[Cell, ...]] = []
    for series in curve.series:
        half = _half(series)
        rows += [(series.name, name, value, None) for name, value in series.marks.items()]
        rows += [
            (
                series.name,
                f"share from {show_number(middle - half)} to {show_number(middle + half)}",
                share,
                series.counts[i] if series.counts else None,
            )
            for i, (middle, share) in enumerate(zip(series.x, series.y, strict=True))
        ]
    heads = [
        Column(name="row", label="Row"),
        Column(name="what", label="What"),
        Column(name="value", label="Value", kind="number"),
        Column(name="n", label="n", kind="count"),
    ]
    return heads, rows


def draw_spread(curve: Curve, name: str) -> Chart:
    """Draw a histogram per series above each other, with the places of `marks` in each.

    The n-th kind of mark has the n-th marker in every row, so that a legend names it once.
    """
    kinds = list(dict.fromkeys(kind for series in curve.series for kind in series.marks))
    left = 20.0 + 6.6 * max((min(len(s.name), NAMED) for s in curve.series), default=4)
    drawn, room = legend(kinds, 8, 14, left + SPAN) if kinds else ("", 0.0)
    top = 16.0 + room
    bottom = top + (ROW + GAP) * len(curve.series)
    edges = [s.x[0] - _half(s) for s in curve.series if s.x]
    edges += [s.x[-1] + _half(s) for s in curve.series if s.x]
    x = Scale(min(edges), max(edges), left, left + SPAN)
    most = max((share for series in curve.series for share in series.y), default=1.0) or 1.0
    marks = drawn + x_axis(x, bottom + 4, curve.x_title, top=top)
    for row, series in enumerate(curve.series):
        foot = top + (ROW + GAP) * (row + 1) - 4
        marks += text(left - 10, foot - ROW / 2 + 4, clip(series.name, NAMED), "tick", "end")
        inner = _bins(series, x, foot, most)
        marks += tag("g", {"class": series_class(_NEUTRAL)}, inner)
        marks += tag("line", {"class": "axis", "x1": left, "x2": left + SPAN, "y1": foot,
                              "y2": foot})  # fmt: skip
        for index, kind in enumerate(kinds):
            if kind not in series.marks:
                continue
            at = x(min(max(series.marks[kind], x.low), x.high))
            line: dict[str, Attribute] = {
                "class": "whisker",
                "x1": at,
                "x2": at,
                "y1": foot - ROW,
                "y2": foot,
            }
            hint = title(f"{series.name}, {kind}: {show_number(series.marks[kind])}")
            pair = tag("line", line) + marker(index, at, foot - ROW + 2, tooltip=hint)
            marks += tag("g", {"class": series_class(index)}, pair)
    heads, rows = _spread_numbers(curve)
    return Chart(
        name=name,
        title=curve.title,
        description=". ".join(_places(series) for series in curve.series) + ".",
        caption=curve.caption,
        width=left + SPAN + 16,
        height=bottom + 50,
        marks=marks,
        numbers=numbers_table(heads, rows),
        numbers_total=len(rows),
    )


def _points_finding(curve: Curve) -> str:
    sentences = []
    for series in curve.series:
        if not series.x:
            continue
        best = max(range(len(series.x)), key=lambda i: series.y[i])
        right = max(range(len(series.x)), key=lambda i: series.x[i])
        sentences.append(
            f"{series.name}: highest at {series.labels[best]} ({show_number(series.y[best])}), "
            f"furthest right {series.labels[right]} ({show_number(series.x[right])})."
        )
    axes = f"{curve.y_title} against {curve.x_title}. "
    return axes[0].upper() + axes[1:] + " ".join(sentences)


def _named(curve: Curve, x: Scale, y: Scale, top: float) -> str:
    """Write each name once, in a row of its own, with a line down to its points."""
    spots: dict[str, list[tuple[float, float]]] = {}
    for series in curve.series:
        for a, b, label in zip(series.x, series.y, series.labels, strict=True):
            spots.setdefault(label, []).append((x(a), y(b)))
    drawn = ""
    for row, (label, points) in enumerate(sorted(spots.items(), key=lambda item: item[1][0])):
        at, foot = points[0][0], max(b for _, b in points)
        height = top + NAME_ROW * (row + 0.5)
        line: dict[str, Attribute] = {"class": "grid", "x1": at, "x2": at, "y1": height, "y2": foot}
        late = at > LEFT + 0.7 * WIDTH
        where = (at - 5, "end") if late else (at + 5, "start")
        drawn += tag("line", line) + text(where[0], height + 2, clip(label, NAMED), "", where[1])
    return drawn


def draw_points(curve: Curve, name: str) -> Chart:
    """Draw named points with their intervals on y; points of one name share a name at the top."""
    labels = {label for series in curve.series for label in series.labels}
    names = [series.name for series in curve.series]
    drawn, room = ("", 0.0) if len(names) == 1 else legend(names, LEFT, 12, WIDTH)
    head = 34.0 + room
    top = head + NAME_ROW * len(labels) + 4
    ys = [value for series in curve.series for value in series.y]
    ys += [e for s in curve.series for e in (*s.low, *s.high) if e is not None]
    x = Scale(*padded([a for s in curve.series for a in s.x], zero=True), LEFT, LEFT + WIDTH)
    y = Scale(*padded(ys, zero=True), top + HEIGHT, top)
    marks = drawn + x_axis(x, top + HEIGHT, curve.x_title, top=top)
    marks += y_axis(y, LEFT, "", right=LEFT + WIDTH)
    marks += text(4, head - 14, curve.y_title, "axis-title")
    marks += _named(curve, x, y, head)
    rows: list[tuple[Cell, ...]] = []
    for index, series in enumerate(curve.series):
        inner = ""
        # Points of one name share their x: set apart, so that no interval hides another.
        shift = _APART * (index - (len(curve.series) - 1) / 2)
        for i, (a, b) in enumerate(zip(series.x, series.y, strict=True)):
            bounds = interval_at(series, i)
            description = f"{series.name}, {series.labels[i]}: {show_number(a)}, {show_number(b)}"
            if bounds:
                description += f" {show_interval(*bounds)}"
                at = x(a) + shift
                ends = {"x1": at, "x2": at, "y1": y(bounds[0]), "y2": y(bounds[1])}
                inner += tag("line", {"class": "whisker", **ends})
            inner += marker(index, x(a) + shift, y(b), tooltip=title(description))
            rows.append((series.name, series.labels[i], a, b, *(bounds or (None, None))))
        marks += tag("g", {"class": series_class(index)}, inner)
    heads = [
        Column(name="series", label="Series"),
        Column(name="name", label="Point"),
        Column(name="x", label=curve.x_title, kind="number"),
        Column(name="y", label=curve.y_title, kind="number"),
        Column(name="low", label="Low", kind="number"),
        Column(name="high", label="High", kind="number"),
    ]
    return Chart(
        name=name,
        title=curve.title,
        description=_points_finding(curve),
        caption=curve.caption,
        width=LEFT + WIDTH + 16,
        height=top + HEIGHT + 46,
        marks=marks,
        numbers=numbers_table(heads, rows),
        numbers_total=len(rows),
    )
