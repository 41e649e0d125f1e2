"""The general form of an analysis: its numbers, tables and charts, whatever it is.

Does: lay estimates out as tables with a column per model or pair, and render any analysis whole.
Does not: know what any analysis means; its metrics and captions say so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from kdprobe.report.charts import analysis_charts
from kdprobe.report.confusions import CONFUSIONS, LARGEST, confusion_tables, pair_links
from kdprobe.report.drawing import drawing
from kdprobe.report.examples import links
from kdprobe.report.markup import fill
from kdprobe.report.svg import Chart
from kdprobe.report.table_view import TableCell, TableHead, TableView, capital, shortened
from kdprobe.results.method_names import method_label
from kdprobe.results.numbers import show_bounds, show_count, show_estimate, show_p
from kdprobe.results.renamed import present_name
from kdprobe.results.schema import AnalysisResult, Estimate, Metric, ResultsDocument

OPEN_ROWS = 16
MOST_PAIRS = 45
"""So many pairs of students stand in a page's table; files hold all."""
_ASIDE = "Students with each other"
_LEGEND = Markup('<div class="model-keys">')
"""How the legend of models begins in `parts.html`, which a section shows once."""
PLAIN_UNITS = ("share", "count", "probability")


@dataclass(frozen=True)
class EstimateRow:
    """One metric on one subset, with an estimate for each column or none."""

    label: str
    detail: str
    unit: str
    cells: tuple[Estimate | None, ...]


@dataclass(frozen=True)
class EstimateTable:
    """Estimates laid out: a row per metric and subset, a column per model or pair.

    `more` holds rows that are folded away, `aside` folds the whole table; `n` is the number of
    examples behind most numbers, and `even` whether it is behind all.
    """

    title: str
    columns: tuple[tuple[str, str], ...]
    rows: tuple[EstimateRow, ...]
    more: tuple[EstimateRow, ...]
    n: int | None
    even: bool
    intervals: tuple[str, ...]
    notes: tuple[str, ...]
    aside: bool

    @property
    def whole(self) -> bool:
        """Whether its first row is of all examples: such a table stands for the analysis."""
        return any(not row.detail for row in self.rows[:1])

    @property
    def size(self) -> int:
        """How many rows are of all examples: the longest such table comes first."""
        return sum(not row.detail for row in self.rows)

    @property
    def view(self) -> TableView:
        """Its cells: a value, and small below it interval, tests and another n."""
        heads = [
            TableHead(one, f"with {other}" if other else "", numeric=True)
            for one, other in self.columns
        ]
        rows = tuple(
            (
                TableCell(capital(row.label), (row.detail,) if row.detail else ()),
                *(_cell(cell, row.unit, self.n) for cell in row.cells),
            )
            for row in (*self.rows, *self.more)
        )
        return TableView((TableHead("Number", "", numeric=False), *heads), rows)


def _cell(estimate: Estimate | None, unit: str, common: int | None) -> TableCell:
    if estimate is None:
        return TableCell("–", kind="none")
    if estimate.value is None:
        return TableCell("undefined", (estimate.undefined,), kind="undefined")
    below = [show_bounds(estimate)] if estimate.low is not None else []
    if estimate.p_value is not None:
        q = "" if estimate.q_value is None else f", q {show_p(estimate.q_value)}"
        below.append(f"p {show_p(estimate.p_value)}{q}")
    if estimate.n is not None and estimate.n != common:
        below.append(f"n {show_count(estimate.n)}")
    return TableCell(show_estimate(estimate, unit), tuple(below), kind="num")


def _detail(estimate: Estimate) -> str:
    parts = [estimate.subset if estimate.subset != "all" else ""]
    parts += [
        f"layer {estimate.layer}" if estimate.layer else "",
        estimate.pooling,
        method_label(estimate.method),
    ]
    return ", ".join(part for part in parts if part)


def _rows(
    estimates: list[Estimate], columns: list[tuple[str, str]], metrics: dict[str, Metric]
) -> list[EstimateRow]:
    grid: dict[tuple[str, ...], dict[tuple[str, str], Estimate]] = {}
    for estimate in estimates:
        key = (
            estimate.metric,
            estimate.subset,
            estimate.layer,
            estimate.pooling,
            estimate.method,
        )
        grid.setdefault(key, {}).setdefault((estimate.model_a, estimate.model_b), estimate)
    rows = []
    for coordinates, cells in grid.items():
        metric = metrics[coordinates[0]]
        first = next(iter(cells.values()))
        unit = "" if metric.unit in PLAIN_UNITS else metric.unit
        rows.append(
            EstimateRow(metric.label, _detail(first), unit, tuple(cells.get(c) for c in columns))
        )
    return rows


def _note(estimate: Estimate, metrics: dict[str, Metric]) -> str:
    who = " with ".join(name for name in (estimate.model_a, estimate.model_b) if name)
    return f"{metrics[estimate.metric].label}, {who}: {estimate.note}"


def _intervals(estimates: list[Estimate]) -> tuple[str, ...]:
    intervals = {
        f"{100 * e.level:g} %{', ' + e.interval if e.interval else ''}": None
        for e in estimates
        if e.low is not None
    }
    return tuple(intervals)


def _estimate_table(
    title: str, estimates: list[Estimate], metrics: dict[str, Metric], *, pictured: bool
) -> EstimateTable:
    """Lay out one table; rows by subset are folded away where a chart or table shows them."""
    pairs = list(dict.fromkeys((e.model_a, e.model_b) for e in estimates))
    columns = pairs[:MOST_PAIRS] if title == _ASIDE else pairs
    held = frozenset(columns)
    estimates = [e for e in estimates if (e.model_a, e.model_b) in held]
    rows = _rows(estimates, columns, metrics)
    whole = [row for row in rows if not row.detail]
    rest = [row for row in rows if row.detail]
    if len(rows) <= OPEN_ROWS:
        whole, rest = rows, []
    elif not whole and not pictured:
        whole, rest = rows[:OPEN_ROWS], rows[OPEN_ROWS:]
    sizes = Counter(estimate.n for estimate in estimates if estimate.n is not None)
    shared: dict[str, list[str]] = {}
    for estimate in estimates:
        if estimate.note:
            shared.setdefault(estimate.note, []).append(_note(estimate, metrics))
    notes = tuple(lines[0] if len(lines) == 1 else note for note, lines in shared.items())
    if len(columns) < len(pairs):
        cut = f"The first {len(columns)} of {show_count(len(pairs))} pairs; all are in metrics.csv"
        notes = (cut, *notes)
    return EstimateTable(
        title=title,
        columns=tuple(columns),
        rows=tuple(whole),
        more=tuple(rest),
        n=sizes.most_common(1)[0][0] if sizes else None,
        even=len(sizes) == 1,
        intervals=_intervals(estimates),
        notes=notes,
        aside=title == _ASIDE,
    )


def estimate_tables(result: AnalysisResult, teacher: str) -> list[EstimateTable]:
    """Lay out an analysis's estimates: by model, by pair with the teacher, by pair of students.

    Args:
        result: any analysis.
        teacher: the teacher's name; pairs without it stand in a table of their own.
    """
    metrics = {metric.name: metric for metric in result.metrics}
    kinds: dict[str, list[Estimate]] = {
        "Each model": [e for e in result.estimates if not e.model_b],
        "Teacher and student": [
            e for e in result.estimates if e.model_b and teacher in (e.model_a, e.model_b)
        ],
        _ASIDE: [
            e for e in result.estimates if e.model_b and teacher not in (e.model_a, e.model_b)
        ],
    }
    pictured = bool(result.tables or result.curves)
    return [
        _estimate_table(title, estimates, metrics, pictured=pictured)
        for title, estimates in kinds.items()
        if estimates
    ]


def holds_anything(result: AnalysisResult) -> bool:
    """Whether an analysis has something to show."""
    shown = (result.estimates, result.tables, result.matrices, result.curves, result.notes)
    return any(shown)


def analysis_block(
    document: ResultsDocument, name: str, *, heading: bool = True, legend: bool = True
) -> Markup | None:
    """Render one analysis whole: caption, numbers, charts, tables, notes, definitions.

    Args:
        document: the results document.
        name: the analysis.
        heading: whether its title is written above it, as an `<h3>`.
        legend: whether the looks of the models are explained above its charts.

    Returns:
        None when the analysis is not in the document or holds nothing to show.
    """
    result = document.analysis(name)
    if result is None or not holds_anything(result):
        return None
    return analysis_markup(document, result, result.estimates, heading=heading, legend=legend)


def analysis_markup(
    document: ResultsDocument,
    result: AnalysisResult,
    listed: tuple[Estimate, ...],
    *,
    heading: bool = False,
    legend: bool = True,
    leading: Sequence[Chart] = (),
) -> Markup:
    """Render a result as `analysis_block` does, of whose estimates only some are listed.

    Args:
        document: the results document.
        result: the analysis.
        listed: the estimates that are laid out as tables.
        heading: whether its title is written above it.
        legend: whether the looks of the models are explained above its charts.
        leading: charts that stand before its own.
    """
    shown = result.model_copy(update={"estimates": listed})
    charts = [*leading, *analysis_charts(result, links(document), document)]
    return fill(
        "analysis.html",
        result=result,
        heading=heading,
        estimates=estimate_tables(shown, document.teacher.name),
        drawing=drawing(document, charts, legend=legend),
        tables=(*confusion_tables(result, document), *map(shortened, result.tables)),
        confusions=CONFUSIONS,
        most_confused=LARGEST,
        links=pair_links(document, result),
    )


def analyses_block(
    document: ResultsDocument, names: Iterable[str], section: str, *, opened: bool = True
) -> Markup | None:
    """Render several analyses below each other, or give None when none holds anything.

    The first stands open, where `opened`; the others are folded under their titles. An analysis
    that is called like its section gets no heading of its own.
    """
    titles = {result.name: result.title for result in document.analyses}
    blocks: list[Markup] = []
    legend = True
    for name in names:
        stands = opened and not blocks
        heading = stands and titles.get(name) != section
        block = analysis_block(document, name, heading=heading, legend=legend)
        if block is not None:
            blocks.append(block if stands else folded(titles[present_name(name)], block))
            legend = legend and _LEGEND not in block
    first, others = (blocks[:1], blocks[1:]) if opened else ([], blocks)
    row = [Markup('<div class="folds">{}</div>').format(Markup("\n").join(others))]
    return Markup("\n").join([*first, *(row if others else [])]) if blocks else None


def folded(title: str, block: Markup) -> Markup:
    """Fold a block under a heading of its own."""
    return fill("folded.html", title=title, body=block)
