"""The marks of a series: one colour, one dash and one shape each, so that no one is colour alone.

Does: draw a marker of a shape, a line through points, a whisker, and the entry of a legend. Does
not: place axes, or choose which series has which; `palette.py` does.
"""

from __future__ import annotations

from itertools import pairwise

from kdprobe.report.palette import Style
from kdprobe.report.svg import Attribute, Key, coordinate, tag, text, title

_ROUND, _SQUARE = 0, 1
_CORNERS = (
    ((0.0, -1.25), (1.2, 0.95), (-1.2, 0.95)),
    ((0.0, -1.35), (1.35, 0.0), (0.0, 1.35), (-1.35, 0.0)),
    ((0.0, 1.25), (1.2, -0.95), (-1.2, -0.95)),
)
"""Corners of triangle, diamond and triangle upside down, in units of a disc's radius."""


def marker(
    shape: int, x: float, y: float, *, size: float = 4, tooltip: str = "", kind: str = "mark"
) -> str:
    """Draw a marker: disc, square, triangle, diamond or triangle upside down, by its number.

    Args:
        shape: which; after five they repeat.
        x: its middle, in pixels.
        y: likewise.
        size: the radius of a disc of its weight.
        tooltip: markup, see `title`.
        kind: its class; `mark hollow` is drawn as an outline.
    """
    shape %= 2 + len(_CORNERS)
    if shape == _ROUND:
        return tag("circle", {"class": kind, "cx": x, "cy": y, "r": size}, tooltip)
    if shape == _SQUARE:
        side = 1.8 * size
        where: dict[str, Attribute] = {"x": x - side / 2, "y": y - side / 2}
        return tag("rect", {"class": kind, **where, "width": side, "height": side}, tooltip)
    corners = _CORNERS[shape - 2]
    points = " ".join(f"{coordinate(x + a * size)},{coordinate(y + b * size)}" for a, b in corners)
    return tag("polygon", {"class": kind, "points": points}, tooltip)


def cloud(shape: int, points: list[tuple[float, float]], size: float) -> str:
    """Write the path of many markers of one shape: `M` and the middle of each, then its outline.

    >>> cloud(0, [(1.0, 2.0), (3.25, 4.0)], 2)
    'M1 2h0M3.2 4h0'
    >>> cloud(3, [(1.0, 2.0)], 2)
    'M1 2m0-2.7l2.7 2.7-2.7 2.7-2.7-2.7z'
    """
    outline = "h0"
    if shape > _SQUARE:
        corners = [(size * a, size * b) for a, b in _CORNERS[shape - 2]]
        steps = [(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(corners)]
        first, *rest = (f"{coordinate(x)} {coordinate(y)}" for x, y in (corners[0], *steps))
        outline = f"m{first}l{' '.join(rest)}z".replace(" -", "-")
    return "".join(f"M{coordinate(x)} {coordinate(y)}{outline}" for x, y in points)


def polyline(points: list[tuple[float, float]]) -> str:
    """Draw the line of a series through its points."""
    written = " ".join(f"{coordinate(x)},{coordinate(y)}" for x, y in points)
    return tag("polyline", {"class": "line", "points": written})


def whisker(x1: float, x2: float, y1: float, y2: float) -> str:
    """Draw the bar of an interval."""
    return tag("line", {"class": "whisker", "x1": x1, "x2": x2, "y1": y1, "y2": y2})


def styled(style: Style, inner: str) -> str:
    """Give marks the look of a series."""
    return tag("g", {"class": style.classes}, inner) if inner else ""


def key_of(name: str, style: Style, *, line: bool = False, kind: str = "mark") -> Key:
    """Make a series' entry in the legend: its line where it has one, and its marker."""
    inner = polyline([(1, 6), (25, 6)]) if line or style.pale else ""
    inner += "" if style.pale else marker(style.shape, 13 if inner else 19, 6, size=3.6, kind=kind)
    return Key(name, styled(style, inner), model=style.model)


def reference(x1: float, x2: float, y1: float, y2: float, hint: str = "") -> str:
    """Draw a line that stands for a given number, with what it is as its tooltip."""
    line: dict[str, Attribute] = {"class": "reference", "x1": x1, "x2": x2, "y1": y1, "y2": y2}
    return tag("line", line, title(hint) if hint else "")


def swatch(x: float, y: float, style: Style, tooltip: str) -> str:
    """Draw a marker that stands before a row for the name of a series."""
    return styled(style, marker(style.shape, x, y, size=3.2, tooltip=title(tooltip)))


def note(x: float, y: float, content: str) -> str:
    """Write a short remark inside a drawing."""
    return text(x, y, content, "tick")
