"""The marks of a series: one colour, one dash and one marker each, so that no one is colour alone.

Does: draw a marker of a series, its line and its entry in the legend. Does not: place axes.
"""

from __future__ import annotations

from kdprobe.report.svg import coordinate, tag, text

SERIES = 8


def series_class(index: int) -> str:
    """Return the class of the n-th series; after eight they repeat.

    >>> series_class(0), series_class(9)
    ('s0', 's1')
    """
    return f"s{index % SERIES}"


def marker(index: int, x: float, y: float, *, size: float = 4, tooltip: str = "") -> str:
    """Draw the marker of the n-th series: disc, square, triangle or diamond."""
    shape = index % 4
    if shape == 0:
        return tag("circle", {"class": "mark", "cx": x, "cy": y, "r": size}, tooltip)
    if shape == 1:
        side = 1.8 * size
        where: dict[str, str | float | int] = {"x": x - side / 2, "y": y - side / 2}
        return tag("rect", {"class": "mark", **where, "width": side, "height": side}, tooltip)
    if shape == 2:
        corners = [(x, y - 1.2 * size), (x + 1.15 * size, y + size), (x - 1.15 * size, y + size)]
    else:
        reach = 1.35 * size
        corners = [(x, y - reach), (x + reach, y), (x, y + reach), (x - reach, y)]
    points = " ".join(f"{coordinate(a)},{coordinate(b)}" for a, b in corners)
    return tag("polygon", {"class": "mark", "points": points}, tooltip)


def polyline(points: list[tuple[float, float]]) -> str:
    """Draw the line of a series through its points."""
    written = " ".join(f"{coordinate(x)},{coordinate(y)}" for x, y in points)
    return tag("polyline", {"class": "line", "points": written})


def legend(names: list[str], x: float, y: float, width: float) -> tuple[str, float]:
    """Draw the legend of several series in rows; gives the markup and its height."""
    drawn, at, row = [], x, 0
    for index, name in enumerate(names):
        shown = name if len(name) <= 32 else name[:31] + "…"
        need = 38 + 7 * len(shown)
        if at > x and at + need > x + width:
            at, row = x, row + 1
        middle = y + 18 * row
        inner = polyline([(at, middle), (at + 22, middle)]) + marker(index, at + 11, middle)
        inner += text(at + 28, middle + 4, shown)
        drawn.append(tag("g", {"class": series_class(index)}, inner))
        at += need
    return "".join(drawn), 18.0 * (row + 1)
