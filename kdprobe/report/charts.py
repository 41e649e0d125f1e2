"""Every chart of a results document, in the document's order.

Does: choose how each matrix and curve is drawn and give each a name of its own. Does not: draw.
"""

from __future__ import annotations

from kdprobe.report.chart_forest import draw_forest
from kdprobe.report.chart_heat import draw_matrix
from kdprobe.report.chart_line import draw_bars, draw_line, draw_reliability
from kdprobe.report.chart_points import draw_points, draw_spread
from kdprobe.report.chart_scatter import draw_scatter
from kdprobe.report.svg import Chart, slug
from kdprobe.results.schema import AnalysisResult, Curve


def draw_curve(curve: Curve, name: str, links: dict[str, str]) -> list[Chart]:
    """Draw a curve by its kind; a reliability curve gives one chart per model."""
    if curve.kind == "scatter":
        return [draw_scatter(curve, name, links)]
    if curve.kind == "forest":
        return [draw_forest(curve, name)]
    if curve.kind == "bars":
        return [draw_bars(curve, name)]
    if curve.kind == "reliability":
        return [
            draw_reliability(curve, index, f"{name}-{index + 1}")
            for index in range(len(curve.series))
        ]
    if curve.kind == "spread":
        return [draw_spread(curve, name)]
    if curve.kind == "points":
        return [draw_points(curve, name)]
    return [draw_line(curve, name)]


def analysis_charts(result: AnalysisResult, links: dict[str, str]) -> list[Chart]:
    """Draw all matrices and curves of an analysis; names count up where two would be the same."""
    charts: list[Chart] = []
    taken: set[str] = set()

    def fresh(name: str) -> str:
        stem = candidate = f"{slug(result.name)}-{slug(name)}"
        count = 2
        while candidate in taken:
            candidate, count = f"{stem}-{count}", count + 1
        taken.add(candidate)
        return candidate

    for matrix in result.matrices:
        if matrix.rows and matrix.columns:
            charts.append(draw_matrix(matrix, fresh(matrix.name)))  # noqa: PERF401 (two loops alike)
    for curve in result.curves:
        if any(series.x for series in curve.series):
            charts.extend(draw_curve(curve, fresh(curve.name), links))
    return charts
