"""Axes: where a number falls on the paper, and the ticks that say so.

Does: choose round ticks, map values to pixels, draw axes with titles. Does not: draw data.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from kdprobe.report.lettering import extent, lines
from kdprobe.report.svg import label, tag, text
from kdprobe.results.numbers import show_number

LINE = 13.0
"""The height of a line of letters, in pixels."""
_WEIGHT = 0.93
"""Titles are bold, and so wider."""
MARGIN = 7.0
"""The paper to the right of a plot, in pixels."""


def title_room(title: str, room: float) -> float:
    """Return the height that lines of an axis' title beyond the first one take."""
    return LINE * (len(lines(title, room)) - 1)


@dataclass(frozen=True)
class Scale:
    """A linear map from values `low..high` to pixels `start..end`."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Return the pixel of a value."""
        share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)


def padded(values: list[float], *, zero: bool = False) -> tuple[float, float]:
    """Return a range that holds all values with a little room, never of zero width.

    >>> padded([1.0, 2.0]), padded([])
    ((0.95, 2.05), (0.0, 1.0))
    """
    if not values:
        return 0.0, 1.0
    low, high = min(values), max(values)
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    size = max(abs(low), abs(high))
    # A difference lost in rounding is none: an axis of such a width could not be divided.
    if high - low <= 1e-9 * max(size, 0.1):
        room = 0.1 * size if size > 1e-9 else 0.5
        return low - room, high + room
    room = 0.05 * (high - low)
    return round(low - room, 12), round(high + room, 12)


def unit_range(values: list[float]) -> tuple[float, float]:
    """Return a range up to 1 when all values are shares, from 0 or a tenth; else a padded range.

    >>> unit_range([0.2, 0.9]), unit_range([0.53, 0.9]), unit_range([1.0])
    ((0.0, 1.0), (0.5, 1.0), (0.8, 1.0))
    """
    if values and min(values) >= 0 and max(values) <= 1:
        tenth = min(math.floor(10 * min(values) + 1e-9), 8)
        return (tenth / 10 if tenth >= 3 else 0.0), 1.0
    return padded(values)


def ticks(low: float, high: float, *, wanted: int = 5) -> list[float]:
    """Choose round values inside a range, steps of 1, 2 or 5 times a power of ten.

    >>> ticks(0, 1)
    [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    """
    raw = (high - low) / wanted
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(unit * power for unit in (1, 2, 5, 10) if unit * power >= raw * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(index * step, 12) for index in range(first, last + 1)]


def tick_label(value: float) -> str:
    """Write a tick without trailing zeros.

    >>> tick_label(0.5), tick_label(0.0), tick_label(-1200.0), tick_label(0.0005)
    ('0.5', '0', '−1,200', '0.0005')
    """
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        return show_number(value)
    if abs(value) < 1e-3:  # ticks are round to 12 decimals, see `ticks`
        return f"{value:.12f}".rstrip("0").replace("-", "−")
    return f"{value:g}".replace("-", "−")


def x_axis(scale: Scale, y: float, title: str, *, top: float, wanted: int = 5) -> str:
    """Draw a horizontal axis at height `y` with grid lines up to `top`, and its title."""
    marks = []
    for value in ticks(scale.low, scale.high, wanted=wanted):
        x = scale(value)
        marks.append(tag("line", {"class": "grid", "x1": x, "x2": x, "y1": top, "y2": y}))
        shown = tick_label(value)
        # The last label of an axis must not run over the edge of the paper.
        at = min(x, scale.end + MARGIN - extent(shown) / 2)
        marks.append(text(at, y + 15, shown, "tick", "middle"))
    marks.append(
        tag("line", {"class": "axis", "x1": scale.start, "x2": scale.end, "y1": y, "y2": y})
    )
    middle, room = (scale.start + scale.end) / 2, scale.end - scale.start + 20
    marks += [
        text(middle, y + 33 + LINE * i, line, "", "middle")
        for i, line in enumerate(lines(title, room) if title else [])
    ]
    return "".join(marks)


def y_axis(scale: Scale, x: float, title: str, *, right: float, wanted: int = 5) -> str:
    """Draw a vertical axis at `x` with grid lines to `right`; its title stands above it."""
    marks = []
    for value in ticks(scale.low, scale.high, wanted=wanted):
        y = scale(value)
        marks.append(tag("line", {"class": "grid", "x1": x, "x2": right, "y1": y, "y2": y}))
        marks.append(text(x - 6, y + 4, tick_label(value), "tick", "end"))
    marks.append(
        tag("line", {"class": "axis", "x1": x, "x2": x, "y1": scale.start, "y2": scale.end})
    )
    above = lines(title, right - 4) if title else []
    marks += [
        text(4, scale.end - 12 - LINE * (len(above) - 1 - i), line) for i, line in enumerate(above)
    ]
    return "".join(marks)


def panel_title(content: str, width: float, *, most: int = 1) -> str:
    """Write a panel's title at its top, in up to `most` lines; a cut one has a tooltip."""
    if not content:
        return ""
    room = _WEIGHT * width - 8
    *head, last = lines(content, room, most=most, cut=False)
    marks = [text(4, 14 + LINE * i, line, "panel-title") for i, line in enumerate(head)]
    return "".join([*marks, label(4, 14 + LINE * len(head), last, room, "panel-title")])


def heading_room(titles: Iterable[str], width: float) -> float:
    """Return the height that titles of up to two lines take beyond one line."""
    room = _WEIGHT * width - 8
    return LINE * max((len(lines(title, room)) - 1 for title in titles if title), default=0)
