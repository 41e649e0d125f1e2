"""Every chart of a results document, in the document's order.

Does: choose how each matrix and curve is drawn and give each a name of its own. Does not: draw.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from kdprobe.report.chart_bars import draw_bars, draw_reliability
from kdprobe.report.chart_dots import draw_dots, has_means
from kdprobe.report.chart_families import MatrixFamily, Plot, matrix_families, plots
from kdprobe.report.chart_flips import draw_flips
from kdprobe.report.chart_forest import Sure, draw_forest
from kdprobe.report.chart_heat import Addresses, draw_matrices
from kdprobe.report.chart_line import draw_lines
from kdprobe.report.chart_points import draw_points
from kdprobe.report.chart_scatter import draw_scatter
from kdprobe.report.chart_spread import draw_spread
from kdprobe.report.confusions import cell_addresses, too_many_labels
from kdprobe.report.palette import Palette
from kdprobe.report.svg import Chart, slug
from kdprobe.results.method_names import method_label
from kdprobe.results.schema import AnalysisResult, Curve, ResultsDocument, Series

_LEVEL = 0.05
_PANELS = 5
"""Line charts of so many panels stand folded beneath a heat map of the same analysis."""


def draw_plot(
    plot: Plot, name: str, palette: Palette, links: dict[str, str], sure: Sure | None = None
) -> Chart:
    """Draw a chart with axes by its kind.

    Args:
        plot: what is drawn.
        name: the chart's name, unique on the page.
        palette: the models' looks.
        links: example id -> its place on the page.
        sure: which rows of a forest are beyond noise, where q-values are known.
    """
    if plot.kind == "scatter":
        return draw_scatter(plot, name, palette, links)
    if plot.kind == "forest":
        return draw_forest(plot, name, palette, sure or {})
    if plot.kind == "bars":
        return draw_bars(plot, name, palette)
    if plot.kind == "reliability":
        return draw_reliability(plot, name, palette)
    if plot.kind == "spread":
        return draw_spread(plot, name, palette)
    if plot.kind == "points":
        return draw_points(plot, name, palette)
    return draw_lines(plot, name, palette)


def _sure(result: AnalysisResult, plot: Plot) -> dict[tuple[str, str], bool]:
    """Return which rows of which series have a q-value below .05, of those that have one."""
    known: dict[tuple[str, str], bool] = {}
    for estimate in result.estimates:
        if estimate.q_value is not None and estimate.metric == "gap":
            row = estimate.subset
            clear = estimate.q_value < _LEVEL
            known[estimate.model_b, row] = clear
            # A forest may name its rows without the kind of subset that they all are.
            known.setdefault((estimate.model_b, row.split(": ", 1)[-1]), clear)
    drawn = {
        (series.name, row) for f in plot.facets for series in f.series for row in series.labels
    }
    return {pair: clear for pair, clear in known.items() if pair in drawn}


def _means(result: AnalysisResult) -> dict[tuple[str, str], tuple[float, float]]:
    """Return the interval of the mean word agreement of each student and method."""
    return {
        (e.model_b, method_label(e.method)): (e.low, e.high)
        for e in result.estimates
        if e.metric == "spearman" and e.subset == "all" and e.low is not None and e.high is not None
    }


def _unfaithful(document: ResultsDocument | None) -> frozenset[str]:
    """Return methods whose top words move the teacher no more than random ones do."""
    result = document.analysis("faithfulness") if document else None
    if result is None or document is None:
        return frozenset()
    return frozenset(
        method_label(e.method)
        for e in result.estimates
        if (e.metric, e.model_a, e.subset) == ("comprehensiveness", document.teacher.name, "all")
        and e.value is not None
        and (e.value if e.low is None else e.low) <= 0
    )


def _with_folds(drawn: list[Plot], *, pictured: bool) -> list[Plot]:
    """Fold many panels of lines away where a heat map shows their differences at a glance."""
    return [
        replace(plot, folded=f"{plot.title}: {len(plot.facets)} panels")
        if pictured and plot.kind == "line" and len(plot.facets) >= _PANELS
        else plot
        for plot in drawn
    ]


def _with_labels(curves: Sequence[Curve], palette: Palette) -> list[Curve]:
    """Name methods as people do; a model that is called like a method keeps its name."""

    def label(name: str) -> str:
        return name if name in palette.models else method_label(name)

    def worded(series: Series) -> Series:
        names = tuple(label(name) for name in series.labels)
        return series.model_copy(update={"name": label(series.name), "labels": names})

    return [
        curve
        if curve.kind == "scatter"
        else curve.model_copy(
            update={"series": tuple(worded(one) for one in curve.series if _drawable(curve, one))}
        )
        for curve in curves
    ]


def _drawable(curve: Curve, series: Series) -> bool:
    """Whether a series has the heights its chart needs: only a forest is of x alone."""
    return curve.kind in ("forest", "points") or len(series.y) == len(series.x)


class _Names:
    """Names for charts that count up where two would be the same."""

    def __init__(self, stem: str) -> None:
        self._stem = slug(stem)
        self._taken: set[str] = set()

    def __call__(self, name: str) -> str:
        stem = candidate = f"{self._stem}-{slug(name)}"
        count = 2
        while candidate in self._taken:
            candidate, count = f"{stem}-{count}", count + 1
        self._taken.add(candidate)
        return candidate


def analysis_charts(
    result: AnalysisResult, links: dict[str, str], document: ResultsDocument | None = None
) -> list[Chart]:
    """Draw all matrices and curves of an analysis, those of several models as one chart.

    Args:
        result: the analysis.
        links: example id -> its place on the page; empty for charts that stand alone.
        document: whose models give the colours; None draws each curve by itself.
    """
    palette = Palette.of(document.models) if document else Palette()
    fresh = _Names(result.name)
    charts = [
        draw_matrices(
            family,
            fresh(family.members[0][1].name),
            palette,
            _addresses(family, document) if links and document else None,
        )
        for family in _drawn_matrices(result, palette)
    ]
    flips = draw_flips(result, fresh("flips"), palette)
    charts = [flips, *charts] if flips else charts
    laid_out = plots(_with_labels(result.curves, palette), palette)
    for plot in _with_folds(laid_out, pictured=bool(charts)):
        name = fresh(plot.name)
        if plot.kind == "spread" and has_means(plot):
            charts.append(
                draw_dots(plot, f"{name}-means", palette, _means(result), _unfaithful(document))
            )
            plot = replace(plot, folded=plot.title)
        charts.append(draw_plot(plot, name, palette, links, _sure(result, plot)))
    return charts


def _addresses(family: MatrixFamily, document: ResultsDocument) -> Addresses:
    """Return where the cells of confusions lead: to their examples in the browser."""
    return {
        (matrix.name, *pair): address
        for _, matrix in family.members
        for pair, address in cell_addresses(document, matrix).items()
    }


def _drawn_matrices(result: AnalysisResult, palette: Palette) -> list[MatrixFamily]:
    """Leave out confusions of many labels: a table lists their largest cells."""
    kept = [matrix for matrix in result.matrices if not too_many_labels(matrix)]
    return matrix_families(kept, palette)
