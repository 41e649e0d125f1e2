"""Lines: series by their places on an axis, with bands or whiskers, in panels of the same axes.

Does: draw bands of at most two series and whiskers side by side of more, baselines pale, marked
places, kept checkpoints as rings, names at the ends of lines where there is room. Does not: smooth
or connect what is missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile

from kdprobe.report.axes import Scale, heading_room, padded, panel_title, title_room, x_axis, y_axis
from kdprobe.report.chart_families import KEPT, Facet, Plot
from kdprobe.report.chart_findings import line_finding, series_reading
from kdprobe.report.lettering import extent
from kdprobe.report.looks import Looks
from kdprobe.report.marks import marker, polyline, reference, styled, whisker
from kdprobe.report.palette import Palette
from kdprobe.report.series_points import ends, hint, interval_at, number_rows
from kdprobe.report.svg import Chart, Panel, coordinate, label, tag, text, title
from kdprobe.results.numbers import show_number
from kdprobe.results.schema import Series

BANDS, WHISKERS, DODGE = 2, 8, 3.0
"""Bands for so many series, whiskers for so many, so far apart; above, tooltips hold intervals."""
_FEW, _DENSE, _CROWDED = 3, 15, 600
_SMALL, _WIDE = 184.0, 300.0
_NAMED, _ROOM, _LINE = 6, 92.0, 13.0
_STACKED = 3


@dataclass(frozen=True)
class _Frame:
    """The place of a panel's plot inside it, in pixels."""

    left: float
    right: float
    top: float
    high: float
    small: bool

    @property
    def foot(self) -> float:
        """The lower end of the plot."""
        return self.top + self.high


def _frame(plot: Plot, *, named: float) -> _Frame:
    titled = any(facet.title for facet in plot.facets)
    if len(plot.facets) > _FEW:
        more = heading_room((_short(facet) for facet in plot.facets), _SMALL)
        return _Frame(34.0, 176.0, 22.0 + more, 104.0, small=True)
    right = 292.0 - named
    top = (46.0 if titled else 28.0) + title_room(plot.y_title, right - 4)
    return _Frame(42.0, right, top, 156.0, small=False)


def _short(facet: Facet) -> str:
    """Return a panel's title less what stands in brackets; the picture's own name holds it all."""
    return facet.title.split(" (")[0]


def _named_at_ends(plot: Plot, looks: Looks) -> float:
    """Return the room for names at the ends of lines; 0 where a legend is better."""
    lines = [s for facet in plot.facets for s in facet.series if not s.name.startswith(KEPT)]
    if len(plot.facets) > 1 or not 1 < len(lines) <= _NAMED:
        return 0.0
    need = 10 + max(extent(series.name) for series in lines)
    return need if need <= _ROOM and all(series.x for series in lines) else 0.0


def _heading(plot: Plot, *, small: bool) -> str:
    """Small panels have no room for the titles of their axes: the chart's own title says them."""
    axes = f"{plot.y_title} by {plot.x_title}"
    named = not small or axes.lower() in plot.title.lower()
    return plot.title if named else f"{plot.title} ({axes})"


def draw_lines(plot: Plot, name: str, palette: Palette) -> Chart:
    """Draw lines, a panel for each facet, all on the same axes."""
    looks = Looks.of(plot, palette)
    named = _named_at_ends(plot, looks)
    frame = _frame(plot, named=named)
    values = [v for facet in plot.facets for s in facet.series for v in s.y] + ends(plot.facets)
    values += [facet.reference for facet in plot.facets if facet.reference is not None]
    y = Scale(*padded(values), frame.foot, frame.top)
    across = [v for f in plot.facets for s in f.series for v in (*s.x, *s.marks.values())]
    x = Scale(*padded(across), frame.left, frame.right)
    panels = tuple(_panel(plot, facet, frame, (x, y), looks, named > 0) for facet in plot.facets)
    return Chart(
        name=name,
        title=_heading(plot, small=frame.small),
        finding=line_finding(plot, palette),
        caption=plot.caption,
        panels=panels,
        numbers=(numbers := number_rows(plot)),
        numbers_total=len(numbers.rows),
        keys=() if named else looks.legend(line=True),
        folded=plot.folded,
    )


def _panel(
    plot: Plot, facet: Facet, frame: _Frame, scales: tuple[Scale, Scale], looks: Looks, named: bool
) -> Panel:
    x, y = scales
    wanted = 3 if frame.small else 6
    width = _SMALL if frame.small else _WIDE
    heading = _short(facet) if frame.small else facet.title
    marks = panel_title(heading, width, most=2 if frame.small else 1)
    titles = ("", "") if frame.small else (plot.x_title, plot.y_title)
    marks += x_axis(x, frame.foot, titles[0], top=frame.top, wanted=wanted)
    marks += y_axis(y, frame.left, titles[1], right=frame.right, wanted=wanted)
    if facet.reference is not None:
        at = y(facet.reference)
        marks += reference(
            frame.left, frame.right, at, at, f"reference: {show_number(facet.reference)}"
        )
    # Baselines first: what is measured against them lies above.
    order = sorted(facet.series, key=lambda series: not looks[series.name].pale)
    models = [s for s in order if not looks[s.name].pale and not s.name.startswith(KEPT)]
    # Side by side where intervals would hide each other; else points stay on their lines.
    dodge = DODGE if any(end is not None for s in models for end in s.low) else 0.0
    # Points of very many lines hide each other and are most of a page; the folded table has them.
    crowded = sum(len(series.x) for series in facet.series) > _CROWDED
    for series in order:
        if crowded and not series.name.startswith(KEPT):
            marks += _line(series, (x, y), frame, looks)
            continue
        shift = dodge * (models.index(series) - (len(models) - 1) / 2) if series in models else 0.0
        marks += _series(series, (x, y), frame, looks, len(models), shift)
    marks += _mark_names(facet, x, frame)
    if named:
        marks += _names(facet, y, frame)
    below = 42 + title_room(plot.x_title, frame.right - frame.left + 20)
    height = frame.foot + (22 if frame.small else below)
    return Panel(facet.title or plot.title, series_reading(facet), width, height, marks)


def _line(series: Series, scales: tuple[Scale, Scale], frame: _Frame, looks: Looks) -> str:
    """Draw a series as a line alone, whose tooltip is its name."""
    x, y = scales
    points = [(x(a), y(b)) for a, b in zip(series.x, series.y, strict=True)]
    named = title(series.name) + (polyline(points) if len(points) > 1 else "")
    return styled(looks[series.name], _marked(series, x, frame) + tag("g", {}, named))


def _series(
    series: Series, scales: tuple[Scale, Scale], frame: _Frame, looks: Looks, count: int,
    shift: float,
) -> str:  # fmt: skip
    x, y = scales
    style = looks[series.name]
    size = 1.6 if len(series.x) > _DENSE else 2.4 if frame.small else 3.2
    points = [(x(a), y(b)) for a, b in zip(series.x, series.y, strict=True)]
    if series.name.startswith(KEPT):
        rings = "".join(
            marker(0, *point, size=6.5, kind="mark ring", tooltip=hint(series, i, series.y[i]))
            for i, point in enumerate(points)
        )
        return styled(style, rings)
    inner = _marked(series, x, frame)
    if not style.pale and count <= BANDS:
        inner, shift = _band(series, x, y) + inner, 0.0
    elif not style.pale and count <= WHISKERS:
        for i, (at, _) in enumerate(points):
            bounds = interval_at(series, i)
            inner += whisker(at + shift, at + shift, y(bounds[0]), y(bounds[1])) if bounds else ""
    else:
        shift = 0.0
    inner += polyline(points) if len(points) > 1 else ""
    inner += "".join(
        marker(style.shape, at + shift, up, size=1.4 if style.pale else size,
               tooltip=hint(series, i, series.y[i]))
        for i, (at, up) in enumerate(points)
    )  # fmt: skip
    return styled(style, inner)


def _band(series: Series, x: Scale, y: Scale) -> str:
    ends_ = [(x(series.x[i]), interval_at(series, i)) for i in range(len(series.x))]
    kept = [(at, bounds) for at, bounds in ends_ if bounds]
    if len(kept) < 2:
        return ""
    outline = [(at, y(bounds[1])) for at, bounds in kept]
    outline += [(at, y(bounds[0])) for at, bounds in reversed(kept)]
    points = " ".join(f"{coordinate(a)},{coordinate(b)}" for a, b in outline)
    return tag("polygon", {"class": "band", "points": points})


def _marked(series: Series, x: Scale, frame: _Frame) -> str:
    """Draw the named places of a series as lines from top to bottom."""
    drawn = ""
    for name, value in series.marks.items():
        whole = f"{series.name}, {name}: {show_number(value)}"
        line = whisker(x(value), x(value), frame.top, frame.foot)
        drawn += tag("g", {"class": "place"}, title(whole) + line)
    return drawn


def _mark_names(facet: Facet, x: Scale, frame: _Frame) -> str:
    """Write the names of marked places at the foot, one above the other.

    Of many only what all begin with is written, once; their tooltips hold the rest.
    """
    places = sorted((x(v), name) for one in facet.series for name, v in one.marks.items())
    if len(places) > _STACKED:
        words = zip(*(name.split() for _, name in places), strict=False)
        shared = " ".join(each[0] for each in takewhile(lambda each: len(set(each)) == 1, words))
        places = [(places[0][0], shared)] if shared else []
    drawn = ""
    for rank, (at, name) in enumerate(places):
        late = at > (frame.left + frame.right) / 2
        room = at - frame.left - 6 if late else frame.right - at - 6
        height = frame.foot - 8 - _LINE * rank
        drawn += label(
            at - 6 if late else at + 6, height, name, room, "tick", "end" if late else "start"
        )
    return drawn


def _names(facet: Facet, y: Scale, frame: _Frame) -> str:
    """Write each series' name at the end of its line, pushed apart where two would overlap."""
    lines = [series for series in facet.series if not series.name.startswith(KEPT)]
    wanted = sorted((y(s.y[max(range(len(s.x)), key=lambda i: s.x[i])]), s.name) for s in lines)
    heights: list[float] = []
    for at, _ in wanted:
        heights.append(max(at, heights[-1] + _LINE) if heights else at)
    over = heights[-1] - frame.foot if heights else 0.0
    if over > 0:
        for i in reversed(range(len(heights))):
            limit = frame.foot if i == len(heights) - 1 else heights[i + 1] - _LINE
            heights[i] = min(heights[i], limit)
    return "".join(
        text(frame.right + 8, height + 4, name)
        for height, (_, name) in zip(heights, wanted, strict=True)
    )
