"""Lines with bands, bars with intervals, and reliability diagrams with counts.

Does: draw what has one value per point on an axis. Does not: smooth or connect what is missing.
"""

from __future__ import annotations

from kdprobe.report.axes import Scale, padded, tick_label, unit_range, x_axis, y_axis
from kdprobe.report.marks import legend, marker, polyline, series_class
from kdprobe.report.svg import Attribute, Chart, clip, coordinate, numbers_table, tag, text, title
from kdprobe.results.numbers import show_count, show_interval, show_number
from kdprobe.results.schema import Cell, Column, Curve, Series

LEFT, WIDTH, HEIGHT = 52.0, 460.0, 260.0
PANEL = 250.0


def interval_at(series: Series, i: int) -> tuple[float, float] | None:
    """Return the interval of the i-th point, or None without one."""
    low = series.low[i] if series.low else None
    high = series.high[i] if series.high else None
    return None if low is None or high is None else (low, high)


def _hint(series: Series, i: int) -> str:
    label = series.labels[i] if series.labels else show_number(series.x[i])
    summary = f"{series.name}, {label}: {show_number(series.y[i])}"
    bounds = interval_at(series, i)
    if bounds:
        summary += f" {show_interval(*bounds)}"
    if series.counts:
        summary += f", n = {show_count(series.counts[i])}"
    return title(summary)


def _finding(curve: Curve) -> str:
    sentences = []
    for series in curve.series:
        if not series.y:
            continue
        if len(series.y) > 1 and min(series.y) == max(series.y):
            sentences.append(f"{series.name}: {show_number(series.y[0])} throughout.")
            continue
        most = max(range(len(series.y)), key=lambda i: series.y[i])
        least = min(range(len(series.y)), key=lambda i: series.y[i])
        spots = [
            series.labels[i] if series.labels else tick_label(series.x[i]) for i in (most, least)
        ]
        sentences.append(
            f"{series.name}: highest {show_number(series.y[most])} at {spots[0]}, "
            f"lowest {show_number(series.y[least])} at {spots[1]}."
        )
    return " ".join(sentences) or "Nothing to show."


def _numbers(curve: Curve) -> tuple[list[Column], list[tuple[Cell, ...]]]:
    heads = [
        Column(name="series", label="Series"),
        Column(name="x", label=curve.x_title),
        Column(name="y", label=curve.y_title, kind="number"),
        Column(name="low", label="Low", kind="number"),
        Column(name="high", label="High", kind="number"),
        Column(name="n", label="n", kind="count"),
    ]
    rows: list[tuple[Cell, ...]] = []
    for series in curve.series:
        for i, (x, y) in enumerate(zip(series.x, series.y, strict=True)):
            bounds = interval_at(series, i) or (None, None)
            count = series.counts[i] if series.counts else None
            spot = series.labels[i] if series.labels else show_number(x)
            rows.append((series.name, spot, y, *bounds, count))
    return heads, rows


def _frame(curve: Curve, *, zero: bool) -> tuple[str, Scale, float]:
    """Draw legend and the vertical axis; gives the markup, the scale and the top."""
    values = [value for series in curve.series for value in series.y]
    values += [e for s in curve.series for e in (*s.low, *s.high) if e is not None]
    if curve.reference is not None:
        values.append(curve.reference)
    names = [series.name for series in curve.series]
    drawn, room = legend(names, LEFT, 12, WIDTH) if len(names) > 1 else ("", 0.0)
    top = 34.0 + room
    y = Scale(*(padded(values, zero=True) if zero else padded(values)), top + HEIGHT, top)
    drawn += y_axis(y, LEFT, curve.y_title, right=LEFT + WIDTH)
    if curve.reference is not None:
        at = y(curve.reference)
        line = {"x1": LEFT, "x2": LEFT + WIDTH, "y1": at, "y2": at}
        drawn += tag("line", {"class": "reference", **line})
    return drawn, y, top


def _chart(curve: Curve, name: str, marks: str, height: float) -> Chart:
    heads, rows = _numbers(curve)
    return Chart(
        name=name,
        title=curve.title,
        description=_finding(curve),
        caption=curve.caption,
        width=LEFT + WIDTH + 16,
        height=height,
        marks=marks,
        numbers=numbers_table(heads, rows),
        numbers_total=len(rows),
    )


def _band(series: Series, x: Scale, y: Scale) -> str:
    ends = [(x(series.x[i]), interval_at(series, i)) for i in range(len(series.x))]
    kept = [(at, bounds) for at, bounds in ends if bounds]
    if len(kept) < 2:
        return ""
    outline = [(at, y(bounds[1])) for at, bounds in kept]
    outline += [(at, y(bounds[0])) for at, bounds in reversed(kept)]
    points = " ".join(f"{coordinate(a)},{coordinate(b)}" for a, b in outline)
    return tag("polygon", {"class": "band", "points": points})


def _marked(series: Series, x: Scale, top: float) -> str:
    """Draw the named places of a series as lines from top to bottom, their names at the foot."""
    drawn = ""
    for name, value in series.marks.items():
        at, foot = x(value), top + HEIGHT
        late = at > LEFT + WIDTH / 2
        line: dict[str, Attribute] = {
            "class": "whisker", "x1": at, "x2": at, "y1": top, "y2": foot
        }  # fmt: skip
        drawn += tag("line", line, title(f"{series.name}, {name}: {show_number(value)}"))
        where = (at - 6, "end") if late else (at + 6, "start")
        drawn += text(where[0], foot - 8, clip(name, 40), "tick", where[1])
    return drawn


def draw_line(curve: Curve, name: str) -> Chart:
    """Draw lines with bands, and lines down at marked places."""
    marks, y, top = _frame(curve, zero=False)
    xs = [value for series in curve.series for value in series.x]
    x = Scale(*padded(xs), LEFT, LEFT + WIDTH)
    marks += x_axis(x, top + HEIGHT, curve.x_title, top=top)
    for index, series in enumerate(curve.series):
        points = [(x(a), y(b)) for a, b in zip(series.x, series.y, strict=True)]
        inner = _band(series, x, y) + _marked(series, x, top)
        inner += polyline(points) if len(points) > 1 else ""
        inner += "".join(
            marker(index, *point, size=3.4, tooltip=_hint(series, i))
            for i, point in enumerate(points)
        )
        marks += tag("g", {"class": series_class(index)}, inner)
    return _chart(curve, name, marks, top + HEIGHT + 46)


def draw_bars(curve: Curve, name: str) -> Chart:
    """Draw bars with intervals, grouped by their place on the horizontal axis."""
    marks, y, top = _frame(curve, zero=True)
    spots: dict[float, str] = {}
    for series in curve.series:
        for i, value in enumerate(series.x):
            spots[value] = series.labels[i] if series.labels else tick_label(value)
    order = sorted(spots)
    pitch = WIDTH / max(len(order), 1)
    thick = min(40.0, 0.8 * pitch / max(len(curve.series), 1))
    for rank, value in enumerate(order):
        middle = LEFT + pitch * (rank + 0.5)
        shown = clip(spots[value], max(3, int(pitch / 6.5)))
        marks += text(middle, top + HEIGHT + 16, shown, "tick", "middle")
    marks += text(LEFT + WIDTH / 2, top + HEIGHT + 36, curve.x_title, "axis-title", "middle")
    for index, series in enumerate(curve.series):
        inner = ""
        for i, (value, height) in enumerate(zip(series.x, series.y, strict=True)):
            shift = thick * (index - len(curve.series) / 2)
            left = LEFT + pitch * (order.index(value) + 0.5) + shift
            ends = sorted((y(0.0), y(height)))
            box = {"x": left, "y": ends[0], "width": thick - 2, "height": ends[1] - ends[0]}
            inner += tag("rect", {"class": "bar", **box}, _hint(series, i))
            bounds = interval_at(series, i)
            if bounds:
                at = left + thick / 2 - 1
                line = {"x1": at, "x2": at, "y1": y(bounds[0]), "y2": y(bounds[1])}
                inner += tag("line", {"class": "whisker", **line})
        marks += tag("g", {"class": series_class(index)}, inner)
    return _chart(curve, name, marks, top + HEIGHT + 46)


def _reliability_finding(series: Series) -> str:
    filled = [i for i in range(len(series.x)) if not series.counts or series.counts[i] > 0]
    over = sum(series.y[i] < series.x[i] for i in filled)
    summary = f"In {over} of {len(filled)} filled bins accuracy is below confidence"
    if series.counts and filled:
        most = max(filled, key=lambda i: series.counts[i])
        summary += (
            f"; the fullest bin holds {show_count(series.counts[most])} of "
            f"{show_count(sum(series.counts))} examples at confidence "
            f"{show_number(series.x[most])} and accuracy {show_number(series.y[most])}"
        )
    return summary + "."


def draw_reliability(curve: Curve, index: int, name: str) -> Chart:
    """Draw one model's reliability diagram: accuracy by confidence, counts of each bin below."""
    series = curve.series[index]
    left, top, counted = 52.0, 40.0, 70.0
    x = Scale(*unit_range(list(series.x)), left, left + PANEL)
    y = Scale(0.0, 1.0, top + PANEL, top)
    floor = top + PANEL + 14 + counted
    marks = y_axis(y, left, curve.y_title, right=left + PANEL)
    marks += x_axis(x, floor, curve.x_title, top=top)
    ideal = {"x1": x(x.low), "y1": y(max(0.0, x.low)), "x2": x(x.high), "y2": y(min(1.0, x.high))}
    marks += tag("line", {"class": "reference", **ideal})
    most = max(series.counts, default=0)
    inner, points = "", []
    for i, (a, b) in enumerate(zip(series.x, series.y, strict=True)):
        count = series.counts[i] if series.counts else None
        if count == 0:
            continue
        points.append((x(a), y(b)))
        # Without intervals the line shows the gap to the diagonal instead.
        ends = interval_at(series, i) or (a, b)
        line = {"x1": x(a), "x2": x(a), "y1": y(ends[0]), "y2": y(ends[1])}
        inner += tag("line", {"class": "whisker", **line})
        inner += marker(index, *points[-1], size=3.8, tooltip=_hint(series, i))
        if count is not None and most:
            tall = max(1.0, counted * count / most)
            box = {"x": x(a) - 5, "y": floor - tall, "width": 10, "height": tall}
            inner += tag("rect", {"class": "bar", **box}, title(f"n = {show_count(count)}"))
    if len(points) > 1:
        inner = polyline(points) + inner
    marks += tag("g", {"class": series_class(index)}, inner)
    if most:
        marks += text(left + PANEL, floor - counted - 2, f"up to {show_count(most)}", "tick", "end")
        marks += text(left + 4, floor - counted - 2, "examples", "tick")
    heads, rows = _numbers(curve.model_copy(update={"series": (series,)}))
    return Chart(
        name=name,
        title=f"{curve.title}: {series.name}" if len(curve.series) > 1 else curve.title,
        description=_reliability_finding(series),
        caption=curve.caption,
        width=left + PANEL + 20,
        height=floor + 46,
        marks=marks,
        numbers=numbers_table(heads, rows),
        numbers_total=len(rows),
    )
