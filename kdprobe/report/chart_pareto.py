"""Cost against gain: one mark a student, and the front.

Does: draw means with their intervals, single runs as dots beside them, the front as steps, the
teacher for reference. Does not: decide who stands on the front.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from kdprobe.report.axes import Scale, padded, x_axis, y_axis
from kdprobe.report.lettering import extent, fitted
from kdprobe.report.marks import marker, polyline, styled, whisker
from kdprobe.report.palette import Style
from kdprobe.report.svg import Attribute, Chart, Key, Panel, numbers_table, tag, text, title
from kdprobe.results.numbers import show_interval, show_number
from kdprobe.results.schema import Cell, Column

LEFT, TOP, WIDE, HIGH = 42.0, 30.0, 258.0, 180.0
ROOM_BELOW, ROOM_RIGHT = 42.0, 14.0
GROUPS = ("on the front", "not on it", "teacher")
_LOOKS = (Style("s0 d0", 0), Style("s7 d0", 3), Style("ink d0", 1))
_ONE_SEED = "one seed"
_LONGEST, _LINE, _MARK, _BELOW = 150.0, 13.0, 7.0, 15.0
_LOWER = 3
"""Lines, its own among them, on which a label may stand."""


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
    marks = x_axis(x, TOP + HIGH, picture.x_title, top=TOP)
    marks += y_axis(y, LEFT, picture.y_title, right=LEFT + WIDE)
    marks += _front(spots, x, y, cost_falls=picture.cost_falls)
    for group in groups:
        drawn = "".join(_spot(spot, x, y) for spot in spots if spot.group == group)
        marks += styled(_LOOKS[group], drawn)
    marks += _labels(spots, x, y)
    rows: list[tuple[Cell, ...]] = [
        (spot.number, spot.name, GROUPS[spot.group], spot.x, spot.y, *(spot.y_ends or (None, None)))
        for spot in spots
    ]
    return Chart(
        name=picture.name,
        title=picture.title,
        finding=picture.finding,
        caption=picture.caption,
        panels=(
            Panel(
                picture.title,
                picture.finding,
                LEFT + WIDE + ROOM_RIGHT,
                TOP + HIGH + ROOM_BELOW,
                marks,
            ),
        ),
        numbers=numbers_table(_heads(picture), rows),
        numbers_total=len(rows),
        keys=_keys(groups, several=any(len(spot.singles) > 1 for spot in spots)),
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


def _keys(groups: list[int], *, several: bool) -> tuple[Key, ...]:
    """Make the legend: what the marks mean."""
    keys = [
        Key(GROUPS[group], styled(_LOOKS[group], marker(_LOOKS[group].shape, 13, 6)))
        for group in groups
    ]
    if several:
        dot = tag("circle", {"class": "mark single", "cx": 13, "cy": 6, "r": 2})
        keys.append(Key(_ONE_SEED, styled(_LOOKS[1], dot)))
    return tuple(keys)


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
        drawn += whisker(at_x, at_x, y(low), y(high))
    if spot.x_ends is not None:
        drawn += whisker(x(spot.x_ends[0]), x(spot.x_ends[1]), at_y, at_y)
    if len(spot.singles) > 1:
        for value in spot.singles:
            # Beside the bar, which would hide them.
            place = {"cx": at_x - 8, "cy": y(value), "r": 2}
            dot: dict[str, Attribute] = {"class": "mark single", **place}
            drawn += tag("circle", dot)
    return drawn + marker(_LOOKS[spot.group].shape, at_x, at_y, size=5, tooltip=title(hint))


def _labels(spots: list[Spot], x: Scale, y: Scale) -> str:
    """Write number and name beside each mark; where names would overlap the number alone.

    Before that a line or two lower is tried: marks at one place then have a list of names.
    A name without a number then stands below its mark.
    The last marks of the axis have their label on the left, where there is room.
    """
    drawn = ""
    boxes = [(x(spot.x) - _MARK, x(spot.x) + _MARK, y(spot.y)) for spot in spots]
    for spot in sorted(spots, key=lambda spot: -spot.y):
        at_x = x(spot.x)
        right = at_x > LEFT + WIDE / 2
        room = (at_x - LEFT if right else LEFT + WIDE - at_x) - 9
        names = [f"{spot.number} {spot.name}".strip(), spot.number or spot.name]
        heights = (y(spot.y) - 7, y(spot.y) + (-7 if spot.number else _BELOW))
        places = [
            (name, height + lines * _LINE)
            for name, height in zip(names, heights, strict=True)
            for lines in range(_LOWER)
            if not lines or height + lines * _LINE <= TOP + HIGH
        ]
        for i, (name, at_y) in enumerate([*places, (names[1], heights[1])]):
            shown = fitted(name, min(room, _LONGEST))
            start = at_x - 9 - extent(shown) if right else at_x + 9
            box = start, start + extent(shown), at_y
            if i == len(places) or not any(_overlap(box, other) for other in boxes):
                boxes.append(box)
                drawn += text(at_x + (-9 if right else 9), at_y, shown, "over",
                              "end" if right else "start")  # fmt: skip
                break
    return drawn


def _overlap(one: tuple[float, float, float], other: tuple[float, float, float]) -> bool:
    return one[0] < other[1] and other[0] < one[1] and abs(one[2] - other[2]) < _LINE
