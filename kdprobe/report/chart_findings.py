"""The one sentence under a chart, which compares, and the reading of each series for who cannot see it.

Does: put what the drawn numbers say into words. Does not: test anything; "below" is of the drawn
values, and where intervals or q-values decide the sentence says so.
"""  # noqa: E501 (one sentence)

from __future__ import annotations

from collections.abc import Callable, Sequence

from kdprobe.plain_text import printable
from kdprobe.report.axes import tick_label
from kdprobe.report.chart_families import KEPT, Facet, Plot
from kdprobe.report.palette import Palette, is_baseline
from kdprobe.results.numbers import show_count, show_number
from kdprobe.results.schema import Series

NAMED, NAME = 4, 32
_SAME = 1e-9
_HIGHER = {"confidence": "Surer than the teacher", "predicted": "Scored above the teacher"}
_ABOVE = "Above the diagonal"
"""That a point of a scatter lies above its diagonal, in words, by the first of x's title."""


def listed(parts: Sequence[str]) -> str:
    """Join clauses; beyond the first few only how many there are.

    >>> listed(["a 1", "b 2"]), listed(list("abcdef"))
    ('a 1; b 2', 'a; b; c; d; and 2 more')
    """
    rest = len(parts) - NAMED
    return "; ".join([*parts[:NAMED], *([f"and {rest} more"] if rest > 0 else [])])


def short(name: str) -> str:
    """Cut a foreign name to what a sentence can carry."""
    return printable(name, limit=NAME)


def signed(value: float) -> str:
    """Write a difference with its sign, as a reader of two numbers wants it.

    >>> signed(0.25), signed(-0.25), signed(0.0)
    ('+0.250', '−0.250', '0.000')
    """
    shown = show_number(value)
    return f"+{shown}" if value > 0 else shown


def _spot(series: Series, i: int) -> str:
    return series.labels[i] if series.labels else tick_label(series.x[i])


def series_reading(facet: Facet) -> str:
    """Read out each series: its highest and lowest point, or that it is level."""
    sentences = []
    for series in facet.series:
        if not series.y:
            continue
        if len(series.y) > 1 and min(series.y) == max(series.y):
            sentences.append(f"{series.name}: {show_number(series.y[0])} throughout.")
            continue
        most = max(range(len(series.y)), key=lambda i: series.y[i])
        least = min(range(len(series.y)), key=lambda i: series.y[i])
        sentences.append(
            f"{series.name}: highest {show_number(series.y[most])} at {_spot(series, most)}, "
            f"lowest {show_number(series.y[least])} at {_spot(series, least)}."
        )
    return f"{facet.title}: {' '.join(sentences)}" if facet.title else " ".join(sentences)


def _differences(series: Series, other: Series) -> list[tuple[int, float]]:
    """Return a series minus another where both have a point: its number and the difference."""
    values = dict(zip(other.x, other.y, strict=True))
    shared = []
    for i, (x, y) in enumerate(zip(series.x, series.y, strict=True)):
        near = next((v for at, v in values.items() if abs(at - x) <= _SAME), None)
        if near is not None:
            shared.append((i, y - near))
    return sorted(shared, key=lambda pair: series.x[pair[0]])


def _course(series: Series, other: Series) -> str:
    """Say where a line lies below or above another, and by how much at most."""
    gaps = _differences(series, other)
    if not gaps:
        return ""
    below, above = [g for g in gaps if g[1] < -_SAME], [g for g in gaps if g[1] > _SAME]
    if not below and not above:
        return f"{short(series.name)} is level with it throughout"
    word, part = ("below", below) if len(below) >= len(above) else ("above", above)
    widest = show_number(max(abs(gap) for _, gap in part))
    spots = [_spot(series, i) for i, _ in gaps]
    where = where_it_holds([gap in part for gap in gaps], spots, "points")
    return f"{short(series.name)} is {word} it {where}, by up to {widest}"


def where_it_holds(holds: Sequence[bool], spots: Sequence[str], what: str) -> str:
    """Say at which of some places in order something holds, at one at least.

    >>> spots = ["0", "1", "2"]
    >>> where_it_holds([True] * 3, spots, "layers"), where_it_holds([False, True, True], spots, "")
    ('throughout', 'from 1 on')
    >>> where_it_holds([True, False, True], spots, "layers")
    'at 2 of 3 layers'
    """
    first = list(holds).index(True)
    if all(holds):
        return "throughout"
    if all(holds[first:]) and len(holds) - first > 1:
        return f"from {spots[first]} on"
    return f"at {sum(holds)} of {len(holds)} {what}"


def _base(facet: Facet, palette: Palette) -> tuple[Series | None, list[Series]]:
    """Return what the models of a panel are compared with (the teacher, or the first), and them."""
    models = [s for s in facet.series if s.name in palette.models and s.y]
    base = next((s for s in models if s.name == palette.teacher), models[0] if models else None)
    return base, [s for s in models if s is not base]


def line_finding(plot: Plot, palette: Palette) -> str:
    """Compare lines with the teacher's: where each lies below it, and by how much."""
    if any(series.name.startswith(KEPT) for facet in plot.facets for series in facet.series):
        return _kept_finding(plot)
    compared = [(facet, *_base(facet, palette)) for facet in plot.facets]
    named = [(facet, base, rest) for facet, base, rest in compared if base is not None and rest]
    if not named:
        return _ends(plot)
    if len(named) == 1:
        _, base, rest = named[0]
        clauses = [clause for series in rest if (clause := _course(series, base))]
        return f"Against {short(base.name)}: {listed(clauses)}." if clauses else ""
    base = named[0][1]
    return _over_panels(named, base.name)


def _kept_finding(plot: Plot) -> str:
    """Say what each learning curve had reached at the checkpoint that was kept, else at its end."""
    clauses = []
    for facet in plot.facets:
        kept = {s.name.removeprefix(KEPT): s.y[0] for s in facet.series if s.name.startswith(KEPT)}
        reached = [
            f"{short(s.name)} {show_number(kept.get(s.name, s.y[s.x.index(max(s.x))]))}"
            for s in facet.series
            if s.y and not s.name.startswith(KEPT) and not is_baseline(s.name)
        ]
        more = f" and {len(reached) - NAMED} more" if len(reached) > NAMED else ""
        if facet.title and reached:
            reached = [f"{short(facet.title)}: {', '.join(reached[:NAMED])}{more}"]
        clauses += reached
    return f"At the step that was kept (else the last): {listed(clauses)}." if clauses else ""


def _over_panels(named: Sequence[tuple[Facet, Series, list[Series]]], base: str) -> str:
    """Count the panels in which a model's mean is below the base's, and name the furthest."""
    gaps: dict[str, list[tuple[float, str]]] = {}
    for facet, first, rest in named:
        for series in rest:
            shared = _differences(series, first)
            if shared:
                mean = sum(gap for _, gap in shared) / len(shared)
                gaps.setdefault(series.name, []).append((mean, facet.title))
    clauses = []
    for name, held in gaps.items():
        below = sum(gap < -_SAME for gap, _ in held)
        gap, panel = max(held, key=lambda pair: abs(pair[0]))
        where = f"{short(panel.split(' (')[0])} ({signed(gap)})"
        clauses.append(f"{short(name)} lower in {below} of {len(held)}, furthest {where}")
    return f"Means against {short(base)}: {listed(clauses)}." if clauses else ""


def _ends(plot: Plot) -> str:
    """Say of lines that are no models' from where to where they go."""
    clauses = []
    for facet in plot.facets:
        for series in facet.series:
            if len(series.y) > 1 and not is_baseline(series.name):
                if series.name.startswith(KEPT):
                    continue
                order = sorted(range(len(series.x)), key=lambda i: series.x[i])
                first, last = series.y[order[0]], series.y[order[-1]]
                name = short(series.name)
                clauses.append(f"{name} {show_number(first)} → {show_number(last)}")
    return f"First to last point: {listed(clauses)}." if clauses else ""


def bars_finding(plot: Plot, palette: Palette) -> str:
    """Compare bars with the teacher's: at how many places each model's is lower."""
    models = [s for facet in plot.facets for s in facet.series if s.name in palette.models]
    base = next((s for s in models if s.name == palette.teacher), models[0] if models else None)
    clauses = []
    for series in models:
        if base is None or series is base:
            continue
        gaps = _differences(series, base)
        if gaps:
            i, gap = max(gaps, key=lambda pair: abs(pair[1]))
            lower = sum(value < -_SAME for _, value in gaps)
            clauses.append(
                f"{short(series.name)} is lower at {lower} of {len(gaps)}, differs most at "
                f"{_spot(series, i)} ({signed(gap)})"
            )
    return f"Against {short(base.name)}: {listed(clauses)}." if base and clauses else ""


def reliability_finding(plot: Plot) -> str:
    """Count for each model the bins in which it is surer than it is right."""
    clauses = []
    for facet in plot.facets:
        for series in facet.series:
            filled = [i for i in range(len(series.x)) if not series.counts or series.counts[i] > 0]
            over = sum(series.y[i] < series.x[i] for i in filled)
            clauses.append(f"{short(series.name)} in {over} of {len(filled)} bins")
    return f"Surer than right (below the diagonal): {listed(clauses)}." if clauses else ""


def scatter_finding(plot: Plot) -> str:
    """Say for each panel on which share of the points the student is surer, or scores higher."""
    clauses = []
    for facet in plot.facets:
        points = [p for s in facet.series for p in zip(s.x, s.y, strict=True)]
        if points:
            above = sum(y > x for x, y in points)
            share = f"{100 * above / len(points):.0f} % of {show_count(len(points))}"
            clauses.append(f"{short(facet.title)} {share}" if facet.title else share)
    whose = _HIGHER.get(plot.x_title.split(" ")[0], _ABOVE)
    return f"{whose}: {listed(clauses)}." if clauses else ""


def points_finding(plot: Plot, place: Callable[[Series, int], float]) -> str:
    """Name for each series its highest point."""
    clauses = []
    for facet in plot.facets:
        for series in facet.series:
            if series.x:
                best = max(range(len(series.x)), key=lambda i: place(series, i))
                value = show_number(place(series, best))
                clauses.append(f"{short(series.name)} {short(_spot(series, best))} ({value})")
    return f"Highest: {listed(clauses)}." if clauses else ""
