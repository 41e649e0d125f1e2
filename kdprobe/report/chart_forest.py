"""Forest plots: a value with its interval for each row and series, names above their marks.

Does: draw students side by side in every row on one axis, filled where surely beyond noise, long
ones in columns of a few rows. Does not: test; `Sure` is read from the document's q-values.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from kdprobe.report.axes import Scale, padded, panel_title, tick_label, title_room, x_axis
from kdprobe.report.chart_families import Facet, Plot
from kdprobe.report.chart_findings import NAMED, listed, short, signed
from kdprobe.report.looks import Looks
from kdprobe.report.marks import key_of, marker, reference, styled, whisker
from kdprobe.report.palette import Palette, Style
from kdprobe.report.series_points import ends, hint, interval_at, number_rows
from kdprobe.report.svg import Chart, Key, Panel, label
from kdprobe.results.numbers import show_number
from kdprobe.results.schema import Series

Sure = Mapping[tuple[str, str], bool]
"""(series, row) -> whether its q-value is below .05; what is not in it has none."""

WIDTH, NAME = 300.0, 15.0
_HIGH, _APART, _CROWDED = 260.0, 8.0, 66.0
_Q = "q < .05"


def row_names(series: Sequence[Series]) -> list[str]:
    """Return the rows of a forest: by their mean over the series, the highest first.

    One series keeps its own order.
    """
    values: dict[str, list[float]] = {}
    for one in series:
        for i, value in enumerate(one.x):
            values.setdefault(one.labels[i] if one.labels else str(i + 1), []).append(value)
    if len(series) == 1:
        return list(values)
    return sorted(values, key=lambda name: -sum(values[name]) / len(values[name]))


def _is_clear(series: Series, i: int, sure: Sure, at: float) -> bool | None:
    """Tell whether a value is beyond noise; None where nothing says so."""
    row = series.labels[i] if series.labels else str(i + 1)
    known = sure.get((series.name, row))
    if known is not None:
        return known
    bounds = interval_at(series, i)
    return None if bounds is None or sure else bounds[0] > at or bounds[1] < at


def _compared(plot: Plot, palette: Palette) -> str:
    """Count the rows in which each model is above the teacher, or the first of the models."""
    names = list(dict.fromkeys(s.name for f in plot.facets for s in f.series))
    models = [name for name in palette.models if name in names]
    if not models:
        return ""
    above: dict[str, list[bool]] = {name: [] for name in models[1:]}
    for facet in plot.facets:
        values = {
            (series.name, row): value
            for series in facet.series
            for row, value in zip(series.labels, series.x, strict=True)
        }
        for (name, row), value in values.items():
            if name in above and (models[0], row) in values:
                above[name].append(value > values[models[0], row])
    clauses = [f"{short(n)} higher in {sum(a)} of {len(a)}" for n, a in above.items() if a]
    return f"Against {short(models[0])}: {listed(clauses)}." if clauses else ""


def forest_finding(plot: Plot, palette: Palette, sure: Sure) -> str:
    """Count for each series the rows beyond noise; without a line to leave, compare the models."""
    by_q = bool(sure)
    if not by_q and plot.facets[0].reference is None:
        return _compared(plot, palette)
    clauses = []
    for facet in plot.facets:
        at = facet.reference or 0.0
        for series in facet.series:
            clear = [i for i in range(len(series.x)) if _is_clear(series, i, sure, at)]
            name = short(series.name)
            if facet.title:
                name = f"{short(facet.title)}, {name}"
            clauses.append(f"{name} {_beside(series, clear, at, _sides(plot))}")
    line = tick_label(plot.facets[0].reference or 0.0)
    what = f"Beyond noise ({_Q})" if by_q else f"Intervals that leave out the line at {line}"
    return f"{what}: {listed(clauses)}." if clauses else ""


def _sides(plot: Plot) -> tuple[str, str]:
    """Return what lies right and left of a forest's line, in words."""
    if plot.name == "nearer":
        return "better by", "worse by"
    return ("behind in", "ahead in") if plot.x_title.startswith("gap") else ("above in", "below in")


def _beside(series: Series, clear: list[int], at: float, sides: tuple[str, str]) -> str:
    """Count the rows that lie beyond noise on either side of a line, and name the furthest."""
    total = len(series.x)
    if not clear:
        return f"none of {total}"
    right = sum(series.x[i] > at for i in clear)
    counts = (right, len(clear) - right)
    words = ", ".join(f"{side} {n}" for side, n in zip(sides, counts, strict=True) if n)
    far = max(clear, key=lambda i: abs(series.x[i] - at))
    row = series.labels[far] if series.labels else str(far + 1)
    shown = signed(series.x[far]) if not at else show_number(series.x[far])
    return f"{words} of {total}, furthest {short(row)} ({shown})"


def _rowed_finding(plot: Plot, palette: Palette) -> str:
    """Compare a forest whose rows are models with its teacher's row."""
    series = plot.facets[0].series[0]
    values = dict(zip(series.labels, series.x, strict=True))
    base = values[palette.teacher]
    gaps = [(value - base, name) for name, value in values.items() if name != palette.teacher]
    if len(gaps) > NAMED:
        # Of many students the ends say more than the first few.
        gaps.sort(key=lambda pair: abs(pair[0]))
        gaps = [gaps[0], gaps[-1]]
    clauses = [f"{short(name)} {signed(gap)}" for gap, name in gaps]
    what = "Nearest to and furthest from" if len(values) - 1 > NAMED else "Difference to"
    return f"{what} {short(palette.teacher)}: {listed(clauses)}." if clauses else ""


def _rows_are_models(plot: Plot, palette: Palette) -> bool:
    return (
        len(plot.facets) == 1
        and len(plot.facets[0].series) == 1
        and palette.teacher in plot.facets[0].series[0].labels
        and set(plot.facets[0].series[0].labels) <= set(palette.models)
    )


def draw_forest(plot: Plot, name: str, palette: Palette, sure: Sure) -> Chart:
    """Draw a forest plot; rows of the same name share a place."""
    looks = Looks.of(plot, palette)
    rowed = _rows_are_models(plot, palette)
    values = [v for facet in plot.facets for s in facet.series for v in s.x] + ends(plot.facets)
    references = [facet.reference for facet in plot.facets if facet.reference is not None]
    # Zero stands on the axis only where it is the line that values are compared with.
    x = Scale(*padded([*values, *references]), 12.0, WIDTH - 12)
    panels: list[Panel] = []
    order = row_names([series for facet in plot.facets for series in facet.series])
    for facet in plot.facets:
        held = set(row_names(facet.series))
        names = [row for row in order if row in held]
        fitting = max(3, int(_HIGH / _pitch(len(facet.series))))
        columns = max(1, math.ceil(len(names) / fitting))
        most = math.ceil(len(names) / columns)
        for start in range(0, len(names), most):
            styles = {n: palette.style(n) for n in names} if rowed else {}
            panels.append(_panel(plot, facet, names[start : start + most], x, looks, sure, styles))
    several = max(len(facet.series) for facet in plot.facets) > 1
    return Chart(
        name=name,
        title=plot.title,
        finding=_rowed_finding(plot, palette) if rowed else forest_finding(plot, palette, sure),
        caption=plot.caption,
        panels=tuple(panels),
        numbers=(numbers := number_rows(plot)),
        numbers_total=len(numbers.rows),
        keys=_keys(looks if several or not rowed else None, sure),
        folded=plot.folded,
    )


def _keys(looks: Looks | None, sure: Sure) -> tuple[Key, ...]:
    plain = Style("s7", 0)
    filled = (
        key_of(f"filled: {_Q}", plain), key_of("outline: may be noise", plain, kind="mark hollow")
    )  # fmt: skip
    return (*(looks.legend() if looks else ()), *(filled if sure else ()))


def _apart(count: int) -> float:
    return min(_APART, _CROWDED / count)


def _pitch(count: int) -> float:
    """Return the height of a row of so many series."""
    return NAME + _apart(count) * count + 4


def _panel(
    plot: Plot, facet: Facet, names: list[str], x: Scale, looks: Looks, sure: Sure,
    styles: dict[str, Style],
) -> Panel:  # fmt: skip
    apart, pitch = _apart(len(facet.series)), _pitch(len(facet.series))
    top = 22.0 if facet.title else 4.0
    bottom = top + pitch * len(names) + 4
    marks = panel_title(facet.title, WIDTH) + x_axis(x, bottom, plot.x_title, top=top)
    if facet.reference is not None:
        at = x(facet.reference)
        words = f"reference: {show_number(facet.reference)}"
        marks += reference(at, at, top, bottom, words)
    marks += "".join(
        label(4, top + pitch * row + 12, shown, WIDTH - 12, "over")
        for row, shown in enumerate(names)
    )
    reading = []
    for index, series in enumerate(facet.series):
        inner = ""
        for i, value in enumerate(series.x):
            row = series.labels[i] if series.labels else str(i + 1)
            if row not in names:
                continue
            up = top + pitch * names.index(row) + NAME + apart * (index + 0.5)
            style = styles.get(row, looks[series.name])
            clear = _is_clear(series, i, sure, facet.reference or 0.0) if sure else None
            mark = _mark(series, i, style.shape, (x, up), clear is not False)
            inner += styled(style, mark) if row in styles else mark
            reading.append(f"{row}, {series.name} {show_number(value)}")
        marks += inner if styles else styled(looks[series.name], inner)
    words = f"{plot.title}: {'; '.join(reading)}."
    return Panel(
        facet.title or plot.title,
        words,
        WIDTH,
        bottom + 42 + title_room(plot.x_title, WIDTH),
        marks,
    )


def _mark(series: Series, i: int, shape: int, at: tuple[Scale, float], filled: bool) -> str:
    x, up = at
    bounds = interval_at(series, i)
    drawn = whisker(x(bounds[0]), x(bounds[1]), up, up) if bounds else ""
    kind = "mark" if filled else "mark hollow"
    tooltip = hint(series, i, series.x[i])
    return drawn + marker(shape, x(series.x[i]), up, size=3.4, tooltip=tooltip, kind=kind)
