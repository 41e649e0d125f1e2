"""Cost against gain: one mark a student, and the front of those that nobody beats.

Does: draw means with their intervals, single runs as dots beside them, the front as steps, the
teacher for reference. Does not: decide who stands on the front.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from kdprobe.report.axes import Scale, padded, x_axis, y_axis
from kdprobe.report.marks import marker, polyline
from kdprobe.report.svg import Attribute, Chart, clip, numbers_table, tag, text, title
from kdprobe.results.numbers import show_interval, show_number
from kdprobe.results.schema import Cell, Column

LEFT, TOP, WIDE, HIGH = 52.0, 52.0, 420.0, 300.0
ROOM_BELOW, ROOM_RIGHT = 46.0, 20.0
GROUPS = ("on the front", "beaten", "teacher")
_CLASSES = ("s0", "s7", "s1")


@dataclass(frozen=True)
class Spot:
    """A student in the chart.

    Args:
        number: what stands beside its mark, and before its name in the tables.
        name: the student.
        x, y: its cost and its gain.
        x_ends, y_ends: their intervals, or None.
        singles: the gain of each of its runs.
        group: an index into `GROUPS`.
    """

    number: str
    name: str
    x: float
    y: float
    x_ends: tuple[float, float] | None = None
    y_ends: tuple[float, float] | None = None
    singles: tuple[float, ...] = ()
    group: int = 1


@dataclass(frozen=True)
class Picture:
    """What a chart is called, and what it says."""

    name: str
    title: str
    finding: str
    caption: str
    x_title: str
    y_title: str
    cost_falls: bool


def draw_pareto(picture: Picture, spots: list[Spot]) -> Chart:
    """Draw cost against gain.

    Args:
        picture: titles, and on which side the front lies.
        spots: at least one, in the order of the table.
    """
    xs = [value for spot in spots for value in (spot.x, *(spot.x_ends or ()))]
    ys = [value for s in spots for value in (s.y, *(s.y_ends or ()), *s.singles)]
    x = Scale(*padded(xs), LEFT, LEFT + WIDE)
    y = Scale(*padded(ys), TOP + HIGH, TOP)
    groups = sorted({spot.group for spot in spots})
    marks = _legend(groups, several=any(len(spot.singles) > 1 for spot in spots))
    marks += x_axis(x, TOP + HIGH, picture.x_title, top=TOP)
    marks += y_axis(y, LEFT, picture.y_title, right=LEFT + WIDE)
    marks += _front(spots, x, y, cost_falls=picture.cost_falls)
    for group in groups:
        drawn = "".join(_spot(spot, x, y) for spot in spots if spot.group == group)
        marks += tag("g", {"class": _CLASSES[group]}, drawn)
    rows: list[tuple[Cell, ...]] = [
        (spot.number, spot.name, GROUPS[spot.group], spot.x, spot.y, *(spot.y_ends or (None, None)))
        for spot in spots
    ]
    return Chart(
        name=picture.name,
        title=picture.title,
        description=picture.finding,
        caption=picture.caption,
        width=LEFT + WIDE + ROOM_RIGHT,
        height=TOP + HIGH + ROOM_BELOW,
        marks=marks,
        numbers=numbers_table(_heads(picture), rows),
        numbers_total=len(rows),
    )


def _heads(picture: Picture) -> list[Column]:
    return [
        Column(name="number", label="No."),
        Column(name="student", label="Student"),
        Column(name="group", label="Place"),
        Column(name="x", label=picture.x_title, kind="number"),
        Column(name="y", label=picture.y_title, kind="number"),
        Column(name="low", label="Low", kind="number"),
        Column(name="high", label="High", kind="number"),
    ]


def _legend(groups: list[int], *, several: bool) -> str:
    """Draw what the marks mean, in one row."""
    drawn, at = "", 8.0
    for group in groups:
        inner = marker(_shape(group), at + 6, 14) + text(at + 16, 18, GROUPS[group])
        drawn += tag("g", {"class": _CLASSES[group]}, inner)
        at += 32 + 6.6 * len(GROUPS[group])
    if several:
        dot = tag("circle", {"class": "mark single", "cx": at + 6, "cy": 14, "r": 2})
        drawn += tag("g", {"class": "s7"}, dot + text(at + 14, 18, "one seed"))
    return drawn


def _shape(group: int) -> int:
    """Return the marker: a disc on the front, a diamond for the beaten, the teacher's square."""
    return (0, 3, 1)[group]


def _front(spots: list[Spot], x: Scale, y: Scale, *, cost_falls: bool) -> str:
    """Draw the front as steps: what is given at most for a cost, or at least."""
    best = sorted((spot.x, spot.y) for spot in spots if spot.group == 0)
    if len(best) < 2:
        return ""
    points: list[tuple[float, float]] = [(x(best[0][0]), y(best[0][1]))]
    for one, other in itertools.pairwise(best):
        corner = (other[0], one[1]) if cost_falls else (one[0], other[1])
        points += [(x(across), y(up)) for across, up in (corner, other)]
    return tag("g", {"class": "s0 front"}, polyline(points))


def _spot(spot: Spot, x: Scale, y: Scale) -> str:
    """Draw a student: its interval, its single runs, its mark and its number."""
    at_x, at_y = x(spot.x), y(spot.y)
    hint = f"{spot.name}: {show_number(spot.x)}, {show_number(spot.y)}"
    drawn = ""
    if spot.y_ends is not None:
        low, high = spot.y_ends
        hint += f" {show_interval(low, high)}"
        drawn += _whisker(at_x, at_x, y(low), y(high))
    if spot.x_ends is not None:
        drawn += _whisker(x(spot.x_ends[0]), x(spot.x_ends[1]), at_y, at_y)
    if len(spot.singles) > 1:
        for value in spot.singles:
            # Beside the bar, which would hide them.
            place = {"cx": at_x - 8, "cy": y(value), "r": 2}
            dot: dict[str, Attribute] = {"class": "mark single", **place}
            drawn += tag("circle", dot)
    drawn += marker(_shape(spot.group), at_x, at_y, size=5, tooltip=title(hint))
    label = f"{spot.number}" if spot.number else clip(spot.name, 12)
    # The last marks of the axis have their label on the left, where there is room.
    right = at_x > LEFT + 0.93 * WIDE
    return drawn + text(
        at_x + (-9 if right else 9), at_y - 7, label, "", "end" if right else "start"
    )


def _whisker(x1: float, x2: float, y1: float, y2: float) -> str:
    return tag("line", {"class": "whisker", "x1": x1, "x2": x2, "y1": y1, "y2": y2})
