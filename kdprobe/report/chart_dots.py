"""Dot plots: the mean of each distribution between its floor and ceiling, students side by side.

Does: draw a row a method, greyed where its scores say nothing of the teacher. Does not: compute
means, floors or intervals.
"""

from __future__ import annotations

from collections.abc import Mapping

from kdprobe.report.axes import Scale, padded, x_axis
from kdprobe.report.chart_families import Plot
from kdprobe.report.chart_findings import listed, short
from kdprobe.report.marks import key_of, marker, styled, whisker
from kdprobe.report.palette import Palette, Style
from kdprobe.report.svg import Chart, Key, Panel, label, numbers_table, tag, title
from kdprobe.results.numbers import show_number
from kdprobe.results.schema import Cell, Column, Series

WIDTH = 300.0
FLOOR, CEILING, MEAN = "floor", "ceiling", "mean"
_PITCH = 12.0


def has_means(plot: Plot) -> bool:
    """Tell whether distributions are of students and have a mean: then a dot plot leads."""
    return all(f.model and any(MEAN in s.marks for s in f.series) for f in plot.facets)


def draw_dots(
    plot: Plot,
    name: str,
    palette: Palette,
    intervals: Mapping[tuple[str, str], tuple[float, float]],
    unfaithful: frozenset[str],
) -> Chart:
    """Draw the mean of each distribution between its floor and ceiling, students side by side.

    Args:
        plot: distributions of students, a facet each, a series a method.
        name: the chart's name.
        palette: the models' looks.
        intervals: (student, method) -> the interval of its mean.
        unfaithful: methods whose scores say nothing of the teacher; drawn grey.
    """
    methods = list(dict.fromkeys(s.name for f in plot.facets for s in f.series if s.marks))
    values = [v for f in plot.facets for s in f.series for v in s.marks.values()]
    shown = {(f.model, s.name) for f in plot.facets for s in f.series}
    values += [end for pair, both in intervals.items() if pair in shown for end in both]
    x = Scale(*padded(values), 12.0, WIDTH - 12)
    marks, top = "", 4.0
    rows: list[tuple[Cell, ...]] = []
    for method in methods:
        grey = method in unfaithful
        words = f"{method} (not faithful to the teacher)" if grey else method
        marks += label(4, top + 12, words, WIDTH - 8, "over tick" if grey else "over")
        up = top + 24
        for facet in plot.facets:
            series = next((s for s in facet.series if s.name == method), None)
            if series is None or MEAN not in series.marks:
                continue
            bounds = intervals.get((facet.model, method))
            marks += _dot(facet.model, series, x, up, bounds, palette, grey=grey)
            rows.append((method, facet.model, series.marks.get(FLOOR), series.marks[MEAN],
                         *(bounds or (None, None)), series.marks.get(CEILING)))  # fmt: skip
            up += _PITCH
        top = up + 2
    marks = x_axis(x, top, plot.x_title, top=4.0) + marks
    reading = "; ".join(f"{r[0]}, {r[1]}: {show_number(float(r[3] or 0.0))}" for r in rows)
    keys = [key_of(model, palette.style(model)) for model in palette.students]
    keys.append(Key("floor and ceiling", _span(1, 25, 6)))
    return Chart(
        name=name,
        title=f"{plot.title.removesuffix(', sentence by sentence')}: means",
        finding=_finding(rows, unfaithful),
        caption=plot.caption,
        panels=(Panel(plot.title, f"{reading}.", WIDTH, top + 42, marks),),
        numbers=numbers_table(_dot_heads(), rows),
        numbers_total=len(rows),
        keys=tuple(keys),
    )


def _dot(
    model: str, series: Series, x: Scale, up: float, bounds: tuple[float, float] | None,
    palette: Palette, *, grey: bool,
) -> str:  # fmt: skip
    low, high = series.marks.get(FLOOR), series.marks.get(CEILING)
    span = ""
    if low is not None and high is not None:
        ends = f"{series.name}, {model}: floor {show_number(low)}, ceiling {show_number(high)}"
        span = tag("g", {}, title(ends) + _span(x(low), x(high), up))
    style = palette.style(model)
    drawn = whisker(x(bounds[0]), x(bounds[1]), up, up) if bounds else ""
    words = f"{series.name}, {model}: {show_number(series.marks[MEAN])}"
    if bounds:
        words += f" [{show_number(bounds[0])}, {show_number(bounds[1])}]"
    drawn += marker(style.shape, x(series.marks[MEAN]), up, size=3.6, tooltip=title(words))
    return span + styled(Style("s7 faded", 0) if grey else style, drawn)


def _span(left: float, right: float, up: float) -> str:
    drawn = tag("line", {"class": "span", "x1": left, "x2": right, "y1": up, "y2": up})
    return drawn + "".join(
        tag("line", {"class": "axis", "x1": at, "x2": at, "y1": up - 4, "y2": up + 4})
        for at in (left, right)
    )


def _finding(rows: list[tuple[Cell, ...]], unfaithful: frozenset[str]) -> str:
    """Say how much of the way from floor to ceiling each student goes, by faithful methods."""
    ways: dict[str, list[str]] = {}
    for method, model, low, mean, _, _, high in rows:
        if method in unfaithful or low is None or high is None or float(high) <= float(low):
            continue
        way = (float(mean or 0.0) - float(low)) / (float(high) - float(low))
        ways.setdefault(str(model), []).append(f"{show_number(way)} ({short(str(method))})")
    clauses = [f"{short(model)} {', '.join(shares)}" for model, shares in ways.items()]
    return f"Of the way from floor to ceiling: {listed(clauses)}." if clauses else ""


def _dot_heads() -> list[Column]:
    return [
        Column(name="method", label="Method"),
        Column(name="student", label="Student"),
        Column(name="floor", label="Floor", kind="number"),
        Column(name="mean", label="Mean", kind="number"),
        Column(name="low", label="Low", kind="number"),
        Column(name="high", label="High", kind="number"),
        Column(name="ceiling", label="Ceiling", kind="number"),
    ]
