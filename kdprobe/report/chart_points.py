"""Points: a few named points on two axes, with their intervals, students side by side.

Does: draw one point per name and series, each name once. Does not: compute intervals.
"""

from __future__ import annotations

from kdprobe.report.axes import LINE, Scale, padded, title_room, x_axis, y_axis
from kdprobe.report.chart_families import Plot
from kdprobe.report.chart_findings import points_finding
from kdprobe.report.lettering import lines
from kdprobe.report.looks import Looks
from kdprobe.report.marks import marker, styled, whisker
from kdprobe.report.palette import Palette
from kdprobe.report.series_points import ends, interval_at
from kdprobe.report.svg import Attribute, Chart, Panel, label, numbers_table, tag, text, title
from kdprobe.results.numbers import show_interval, show_number
from kdprobe.results.schema import Cell, Column, Series

LEFT, WIDTH, HIGH, NAME_ROW = 42.0, 300.0, 180.0, 15.0
_APART, _CROWD = 7.0, 60.0


def _named(series: tuple[Series, ...], x: Scale, y: Scale, top: float) -> str:
    """Write each name once, in a row of its own, with a line down to its points."""
    spots: dict[str, list[tuple[float, float]]] = {}
    for one in series:
        for a, b, name in zip(one.x, one.y, one.labels, strict=True):
            spots.setdefault(name, []).append((x(a), y(b)))
    drawn = ""
    for row, (name, points) in enumerate(sorted(spots.items(), key=lambda item: item[1][0])):
        at, foot = points[0][0], max(b for _, b in points)
        height = top + NAME_ROW * (row + 0.5)
        line: dict[str, Attribute] = {"class": "grid", "x1": at, "x2": at, "y1": height, "y2": foot}
        late = at > (LEFT + WIDTH) / 2
        room = at - 10 if late else WIDTH - at - 10
        where = (at - 5, "end") if late else (at + 5, "start")
        drawn += tag("line", line)
        drawn += label(where[0], height + 2, name, room, "", where[1])
    return drawn


def draw_points(plot: Plot, name: str, palette: Palette) -> Chart:
    """Draw named points with their intervals on y; points of one name share a name at the top."""
    looks = Looks.of(plot, palette)
    series = plot.facets[0].series
    names = {name for one in series for name in one.labels}
    top = 34.0 + NAME_ROW * len(names) + title_room(plot.y_title, WIDTH - 8)
    ys = [value for one in series for value in one.y] + ends(plot.facets)
    x = Scale(*padded([a for s in series for a in s.x], zero=True), LEFT, WIDTH - 8)
    y = Scale(*padded(ys, zero=True), top + HIGH, top)
    marks = x_axis(x, top + HIGH, plot.x_title, top=top)
    marks += y_axis(y, LEFT, "", right=WIDTH - 8, wanted=6)
    head = lines(plot.y_title, WIDTH - 8)
    marks += "".join(text(4, 14 + LINE * i, line) for i, line in enumerate(head))
    marks += _named(series, x, y, 26.0 + LINE * (len(head) - 1))
    rows: list[tuple[Cell, ...]] = []
    for index, one in enumerate(series):
        inner = ""
        # Points of one name share their x: set apart, so that no interval hides another.
        apart = min(_APART, _CROWD / len(series))
        shift = apart * (index - (len(series) - 1) / 2)
        for i, (a, b) in enumerate(zip(one.x, one.y, strict=True)):
            bounds = interval_at(one, i)
            description = f"{one.name}, {one.labels[i]}: {show_number(a)}, {show_number(b)}"
            at = x(a) + shift
            if bounds:
                description += f" {show_interval(*bounds)}"
                inner += whisker(at, at, y(bounds[0]), y(bounds[1]))
            inner += marker(looks[one.name].shape, at, y(b), tooltip=title(description))
            rows.append((one.name, one.labels[i], a, b, *(bounds or (None, None))))
        marks += styled(looks[one.name], inner)
    below = 42 + title_room(plot.x_title, WIDTH - 8 - LEFT + 20)
    reading = "; ".join(f"{row[0]}, {row[1]}: {show_number(float(row[3] or 0))}" for row in rows)
    words = f"{plot.y_title} against {plot.x_title}. {reading}."
    return Chart(
        name=name,
        title=plot.title,
        finding=points_finding(plot, lambda one, i: one.y[i]),
        caption=plot.caption,
        panels=(Panel(plot.title, words, WIDTH, top + HIGH + below, marks),),
        numbers=numbers_table(_heads(plot), rows),
        numbers_total=len(rows),
        keys=looks.legend() if len(series) > 1 else (),
        folded=plot.folded,
    )


def _heads(plot: Plot) -> list[Column]:
    return [
        Column(name="series", label="Series"),
        Column(name="name", label="Point"),
        Column(name="x", label=plot.x_title, kind="number"),
        Column(name="y", label=plot.y_title, kind="number"),
        Column(name="low", label="Low", kind="number"),
        Column(name="high", label="High", kind="number"),
    ]
