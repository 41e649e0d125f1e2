"""The charts of an analysis as the page lays them out.

Does: choose the chart that stands open, and say which tables have room beside it. Does not: draw.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kdprobe.report.marks import key_of
from kdprobe.report.palette import Palette
from kdprobe.report.svg import PAGE, Chart, Key
from kdprobe.report.table_view import TableView
from kdprobe.results.schema import ResultsDocument

_BETWEEN = 32.0
"""Pixels between a chart and the table beside it."""


@dataclass(frozen=True)
class Drawing:
    """The charts of an analysis on the page.

    Args:
        standing: the one that stands open.
        folded: the others.
        models: the legend of the models, where the section has none yet.
    """

    standing: Chart | None
    folded: tuple[Chart, ...]
    models: tuple[Key, ...]

    def fits(self, view: TableView) -> bool:
        """Whether a table has room beside the chart that stands open."""
        return self.standing is None or self.standing.wide + _BETWEEN + view.wide <= PAGE


def drawing(document: ResultsDocument, charts: Sequence[Chart], *, legend: bool = True) -> Drawing:
    """Lay out charts: the first that is not folded stands.

    Args:
        document: whose models give the colours.
        charts: in their order.
        legend: whether the looks of the models are explained above them.
    """
    palette = Palette.of(document.models)
    marked = {key.name for chart in charts for key in chart.keys if key.model}
    models = tuple(
        key_of(name, palette.style(name), line=True) for name in palette.models if name in marked
    )
    standing = next((chart for chart in charts if not chart.folded), None)
    others = tuple(chart for chart in charts if chart is not standing)
    return Drawing(standing, others, models if legend else ())
