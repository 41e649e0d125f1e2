"""The page of a suite: what differs from the paper first, then its claims, tables and charts.

Does: lay a `SuiteDocument` out and link to the pages of its comparisons. Does not: compute any
number.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from kdprobe.report.build import RenderedSection, compose, page_script, page_style
from kdprobe.report.chart_families import MatrixFamily
from kdprobe.report.chart_heat import draw_matrices
from kdprobe.report.chart_pareto import Picture, Spot, draw_pareto
from kdprobe.report.markup import fill
from kdprobe.report.palette import Palette
from kdprobe.report.sections.protocol import production_rows, runnable
from kdprobe.report.suite_claims import claims_section, claims_summary
from kdprobe.report.svg import Chart
from kdprobe.results.numbers import show_count, show_duration, show_interval, show_number
from kdprobe.results.schema import Cell, Column, Table
from kdprobe.results.suite import SuiteCell, SuiteChart, SuiteDocument, SuiteGrid

_MILLION = 1e6
_PER_CENT = 10.0
"""A column with a number from here on is of per cent, or counts."""


@dataclass(frozen=True)
class _CellView:
    """A cell as it is shown: the number, its interval, the published figure, a footnote."""

    shown: str
    interval: str = ""
    published: str = ""
    footnote: int = 0


@dataclass(frozen=True)
class _GridView:
    """A table as it is shown, with the reasons of its empty cells as footnotes."""

    grid: SuiteGrid
    rows: tuple[tuple[str, tuple[_CellView, ...]], ...]
    footnotes: tuple[str, ...]


def render_suite(document: SuiteDocument, *, there: Collection[str] | None = None) -> str:
    """Render the page of a suite.

    Args:
        document: the suite.
        there: the pages of comparisons that lie beside the page, and are linked to; None: all. Of
            the others the page says where they come from.

    Returns:
        The page as HTML; the same document gives the same text, on every machine.
    """
    done = sum(step.state == "done" for step in document.steps)
    progress = f"{show_count(done)} of {show_count(len(document.steps))} are done."
    first, proof, about = "The paper and this run", "Numbers", "How it was made"
    parts = [
        RenderedSection(1, "scale", "What differs from the paper", _scale(document), group=first)
    ]
    if document.answers:
        parts.append(
            RenderedSection(
                5, "claims", "The claims, one by one", claims_section(document.answers),
                claims_summary(document.answers), group=first,
            )
        )  # fmt: skip
    parts.append(RenderedSection(10, "tables", "Tables", _grids(document), group=proof))
    charts = _charts(document)
    if charts:
        parts.append(RenderedSection(20, "charts", "Charts", _figures(charts), group=proof))
    parts += [
        RenderedSection(30, "comparisons", "Comparisons", _pages(document, there), group=proof),
        RenderedSection(42, "not-made", "What is not made", _not_made(document),
                        f"{show_count(len(document.not_made))} entries, with the reasons.", about),
        RenderedSection(44, "steps", "Steps", _steps(document), progress, about),
        RenderedSection(98, "protocol", "Protocol", _protocol(document), group=about),
    ]  # fmt: skip
    return compose(
        document,
        title=document.title,
        subtitle=f"suite {document.name} at scale {document.scale}"
        + (f": {document.scale_title}" if document.scale_title else ""),
        alarms=[],
        parts=parts,
        style=page_style("suite.css"),
        script=page_script(),
        data={},
        file="suite.json",
    )


def _scale(document: SuiteDocument) -> Markup:
    return fill("suite_scale.html", document=document)


def _grids(document: SuiteDocument) -> Markup:
    views = [grid_view(grid) for grid in document.all_grids]
    timed = {grid.name for grid in document.timings.grids}
    return fill("suite_tables.html", views=views, timed=timed)


def grid_view(grid: SuiteGrid) -> _GridView:
    """Lay a table out."""
    reasons: dict[str, int] = {}
    columns = [[line.cells[place] for line in grid.lines] for place in range(len(grid.columns))]
    printed = [max((_decimals(cell.published) for cell in cells), default=0) for cells in columns]
    shown = [_digits(cells, least) for cells, least in zip(columns, printed, strict=True)]
    rows = []
    for line in grid.lines:
        cells = []
        for cell, decimals, digits in zip(line.cells, printed, shown, strict=True):
            note = 0
            if cell.undefined:
                note = reasons.setdefault(cell.undefined, len(reasons) + 1)
            cells.append(_cell_view(cell, note, decimals, digits))
        rows.append((line.label, tuple(cells)))
    return _GridView(grid, tuple(rows), tuple(reasons))


def _decimals(published: float | None) -> int:
    """Count the decimals that a figure is printed with; a column has one number of them."""
    return 0 if published is None else len(f"{published:g}".partition(".")[2])


def _digits(cells: Sequence[SuiteCell], printed: int) -> int:
    """Count the decimals of a column's own numbers: three, of per cent as many as are printed.

    Args:
        cells: of the column, with the published figures.
        printed: the decimals of those figures.

    >>> _digits([SuiteCell(value=62.5, low=8.0, high=71.9), SuiteCell(value=0.5)], 0)
    1
    >>> _digits([SuiteCell(value=62.5, low=8.0, high=71.9)], 2), _digits([SuiteCell(value=0.5)], 2)
    (2, 3)
    >>> _digits([SuiteCell(value=2.1, published=12.0)], 1)
    1
    """
    ends = [abs(end) for cell in cells for end in (cell.value, cell.low, cell.high, cell.published)
            if end is not None]  # fmt: skip
    return 3 if max(ends, default=0.0) < _PER_CENT else max(1, printed)


def _cell_view(cell: SuiteCell, note: int, decimals: int, digits: int) -> _CellView:
    published = cell.printed
    if cell.published is not None:
        published = f"{cell.published:.{decimals}f}".replace("-", "−")
    if published == "-":
        published = ""
    if cell.words:
        return _CellView(cell.words, "", published, note)
    if cell.value is None:
        return _CellView("–", "", published, note)
    interval = ""
    if cell.low is not None and cell.high is not None:
        interval = show_interval(cell.low, cell.high, digits=digits)
    return _CellView(show_number(cell.value, digits=digits), interval, published, note)


def _charts(document: SuiteDocument) -> list[Chart]:
    palette = Palette.named("", ())
    charts = [
        draw_matrices(MatrixFamily(held.title, (("", held),)), f"heat-{held.name}", palette)
        for held in document.heatmaps
    ]
    return charts + [_front(chart) for chart in document.charts]


def _front(chart: SuiteChart) -> Chart:
    """Draw cost against gain."""
    large = any(spot.cost >= _MILLION for spot in chart.spots)
    by = _MILLION if large else 1.0
    unit = f"{chart.cost}{', millions' if large else ''}"
    spots, number = [], 0
    for spot in chart.spots:
        number += not spot.teacher
        ends = None if spot.low is None or spot.high is None else (spot.low, spot.high)
        spots.append(
            Spot(
                number="" if spot.teacher else str(number), name=spot.model, x=spot.cost / by,
                y=spot.gain, y_ends=ends, group=2 if spot.teacher else 0 if spot.front else 1,
            )
        )  # fmt: skip
    return draw_pareto(
        Picture(
            name=chart.name, title=chart.title, finding=chart.finding,
            caption="Better is up and to the left. Bars are 95 % intervals over the examples; "
            "points whose bars overlap may well change places with other examples or seeds.",
            x_title=unit, y_title=chart.gain, cost_falls=True,
        ),
        spots,
    )  # fmt: skip


def suite_figures(document: SuiteDocument) -> dict[str, str]:
    """Draw every chart as an SVG file of its own, by name."""
    return {c.name: str(c.svg(standalone=True)) + "\n" for c in _charts(document)}


def _figures(charts: Sequence[Chart]) -> Markup:
    return fill("suite_figures.html", charts=charts)


def _pages(document: SuiteDocument, there: Collection[str] | None) -> Markup:
    pages = [(one, there is None or one.page in there) for one in document.pages]
    return fill("suite_pages.html", pages=pages, models=document.models)


def _not_made(document: SuiteDocument) -> Markup:
    rows: list[tuple[Cell, ...]] = [(one.what, one.why) for one in document.not_made]
    table = Table(
        name="not-made",
        title="What the paper shows and this suite does not make",
        caption="" if rows else "Everything that the paper shows is made.",
        columns=(Column(name="what", label="What"), Column(name="why", label="Why")),
        rows=tuple(rows),
    )
    return fill("sweep_table.html", table=table, failed=())


def _steps(document: SuiteDocument) -> Markup:
    """List the steps; those without a result stand first, as notices."""
    seconds = document.timings.seconds
    rows: list[tuple[Cell, ...]] = [
        (step.name, step.kind, step.state, step.reason or None,
         show_duration(seconds[step.name]) if step.name in seconds else None,
         ", ".join(step.parents) or None, step.address[:16] or None)
        for step in document.steps
    ]  # fmt: skip
    heads = ("step", "kind", "state", "why", "time", "hangs on", "address")
    table = Table(
        name="steps",
        title="Steps",
        caption="A step's address names its result by content: its options, what it hangs on, its "
        "data and the version of its code. Equal addresses are made once.",
        columns=tuple(Column(name=head.replace(" ", "-"), label=head) for head in heads),
        rows=tuple(rows),
    )
    return fill("suite_steps.html", table=table, failed=document.failed)


def _protocol(document: SuiteDocument) -> Markup:
    return fill(
        "suite_protocol.html",
        command=runnable(document.timings.command),
        produced_by=production_rows(document.produced_by, seed=0),
        citation=document.citation,
    )
