"""The tables of a suite: kdprobe's numbers beside the published ones.

Does: fill every cell with a number in the column's unit or the reason why there is none; fill
tables of ticks with tests; draw tables as heat maps; say who stands on a front. Does not: compute
any number of a comparison.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from kdprobe.config.suite_tables import SuiteFront, SuiteHeatMap, SuiteRow, SuiteTable
from kdprobe.results.numbers import show_number, show_size
from kdprobe.results.parts import Matrix
from kdprobe.results.schema import Estimate
from kdprobe.results.suite import SuiteCell, SuiteChart, SuiteGrid, SuiteLine, SuiteSpot
from kdprobe.stats.hypothesis_tests import holm
from kdprobe.stats.pareto import Point, non_dominated
from kdprobe.suites_run.metrics import is_timed
from kdprobe.suites_run.numbers import FoundNumber, SuiteNumbers
from kdprobe.suites_run.rankings import order_of_rows

ALPHA = 0.05
ALL, SOME, NONE = "✗", "?", "✓"
_WHOLE_INTERVAL = 2 * 1.959964


def make_grid(table: SuiteTable, numbers: SuiteNumbers) -> SuiteGrid:
    """Fill a table."""
    lines = _ticks(table, numbers) if table.ticks else _lines(table, numbers)
    return SuiteGrid(
        name=table.name, title=table.title, source=table.source,
        columns=tuple(column.label for column in table.columns), lines=tuple(lines),
        differences=table.differences,
        finding=order_of_rows([column.label for column in table.columns], lines),
    )  # fmt: skip


def is_timed_grid(grid: SuiteGrid) -> bool:
    """Whether a table holds measured times."""
    return any(is_timed(cell.metric) for line in grid.lines for cell in line.cells)


def _printed(row: SuiteRow, place: int) -> dict[str, float | str]:
    """Return the published figure of a cell, as fields of it."""
    if not row.published:
        return {}
    held = row.published[place]
    if isinstance(held, str):
        return {"printed": held}
    return {"published": float(held)}


def _lines(table: SuiteTable, numbers: SuiteNumbers) -> list[SuiteLine]:
    lines = []
    for row in table.rows:
        cells = []
        for place, column in enumerate(table.columns):
            held = _printed(row, place)
            if row.why:
                cells.append(SuiteCell.model_validate({**held, "undefined": row.why}))
                continue
            where = table.place(row, column)
            cells.append(_cell(where, column.times * row.times, held, numbers))
        lines.append(SuiteLine(label=row.label, cells=tuple(cells), why=row.why))
    return lines


def _cell(
    place: Mapping[str, str],
    times: float,
    held: Mapping[str, float | str],
    numbers: SuiteNumbers,
) -> SuiteCell:
    entry = numbers.find(place)
    where = {
        "comparison": entry.comparison, "task": entry.task, "metric": entry.metric,
        "model": place.get("model", ""), "other": place.get("other", ""),
    }  # fmt: skip
    if entry.number is None or entry.number.value is None:
        return SuiteCell.model_validate({**held, **where, "undefined": entry.reason})
    low, high = _ends(entry.number, times)
    return SuiteCell.model_validate(
        {**held, **where, "value": entry.number.value * times, "low": low, "high": high,
         "n": entry.number.n}
    )  # fmt: skip


def _ends(number: Estimate, times: float) -> tuple[float | None, float | None]:
    if number.low is None or number.high is None:
        return None, None
    ends = sorted((number.low * times, number.high * times))
    return ends[0], ends[1]


def _ticks(table: SuiteTable, numbers: SuiteNumbers) -> list[SuiteLine]:
    """Test every model of every row and column: does it lose more than noise?

    Definition: p of a model, two-sided and normal, from the interval of its number and the row's
    bound (0: the number is a difference to the teacher); q after Holm over all models of the table.
    A model loses when its number lies below the bound and q is at most .05. A cell is ✓ when none
    loses, ✗ when all do, ? otherwise.
    """
    tested = [
        _Tested(row, at, model, numbers.find({**table.place(row, column), "model": model}))
        for row in table.rows
        for at, column in enumerate(table.columns)
        for model in row.models
    ]
    adjusted = holm([_p_of(one.entry.number, one.row.bound) for one in tested])
    lines = []
    for row in table.rows:
        cells = []
        for at in range(len(table.columns)):
            of_cell = [
                (one, q)
                for one, q in zip(tested, adjusted, strict=True)
                if one.row is row and one.at == at
            ]
            cells.append(_tick_cell(row, at, of_cell))
        lines.append(SuiteLine(label=row.label, cells=tuple(cells), why=row.why))
    return lines


class _Tested(NamedTuple):
    """A model of a table of ticks: its row, its column's place, and its number."""

    row: SuiteRow
    at: int
    model: str
    entry: FoundNumber


def _tick_cell(row: SuiteRow, at: int, tested: Sequence[tuple[_Tested, float | None]]) -> SuiteCell:
    """Fill one cell of a table of ticks."""
    held: dict[str, object] = {**_printed(row, at)}
    if tested:
        first = tested[0][0].entry
        held |= {"comparison": first.comparison, "task": first.task, "metric": first.metric,
                 "model": " ".join(row.models)}  # fmt: skip
    known = [(one, q) for one, q in tested if one.entry.number is not None]
    if row.why or not known:
        reason = row.why or (tested[0][0].entry.reason if tested else "it names no model")
        return SuiteCell.model_validate({**held, "undefined": reason})
    lost = [one.model for one, q in known if _loses(one.entry.number, row.bound, q)]
    return SuiteCell.model_validate({**held, "words": _tick(lost, len(known))})


def _loses(number: Estimate | None, bound: float, q: float | None) -> bool:
    """Whether a number lies below its bound by more than noise."""
    if number is None or number.value is None or q is None:
        return False
    return number.value < bound and q <= ALPHA


def _tick(lost: Sequence[str], models: int) -> str:
    """Write a cell of a table of ticks.

    >>> _tick([], 2), _tick(["a"], 2), _tick(["a", "b"], 2)
    ('✓ 0 of 2 lose', '? 1 of 2 lose: a', '✗ 2 of 2 lose: a, b')
    """
    sign = NONE if not lost else ALL if len(lost) == models else SOME
    names = f": {', '.join(lost)}" if lost else ""
    return f"{sign} {len(lost)} of {models} lose{names}"


def _p_of(number: Estimate | None, bound: float) -> float | None:
    """Return the two-sided normal p-value of a number and a bound, from its 95 % interval.

    >>> one = Estimate(metric="d", model_a="t", value=1.959964, low=0, high=3.919928)
    >>> round(_p_of(one, 0.0), 3)
    0.05
    """
    if number is None or number.value is None or number.low is None or number.high is None:
        return None
    error = (number.high - number.low) / _WHOLE_INTERVAL
    if error == 0:
        return 1.0 if number.value == bound else 0.0
    return math.erfc(abs(number.value - bound) / error / math.sqrt(2))


def make_heat_map(wanted: SuiteHeatMap, grid: SuiteGrid) -> Matrix | None:
    """Draw a table as a heat map; None where it has no number."""
    lines = [line for line in grid.lines if not line.why]
    values = tuple(tuple(cell.value for cell in line.cells) for line in lines)
    if not any(value is not None for row in values for value in row):
        return None
    sure = tuple(tuple(_nearest_zero(cell) for cell in line.cells) for line in lines)
    tasks = {cell.task for line in lines for cell in line.cells}
    return Matrix(
        name=grid.name,
        title=wanted.title or grid.title,
        caption=wanted.caption,
        row_title="model",
        column_title="task" if len(tasks) > 1 else "measure",
        rows=tuple(line.label for line in lines),
        columns=grid.columns,
        values=values,
        scale="diverging" if wanted.diverging else "sequential",
        undefined="not made at this scale, or undefined: the table says which",
        sure=sure if wanted.diverging else (),
    )


def _nearest_zero(cell: SuiteCell) -> float | None:
    """Return the end of a cell's interval that lies nearest to 0; 0 where it includes 0."""
    if cell.value is None or cell.low is None or cell.high is None:
        return cell.value
    if cell.low <= 0 <= cell.high:
        return 0.0
    return cell.low if cell.low > 0 else cell.high


def make_chart(wanted: SuiteFront, numbers: SuiteNumbers) -> SuiteChart | None:
    """Place the models of a comparison by cost and gain; None where none has both numbers."""
    place = {k: v for k, v in (("comparison", wanted.comparison), ("task", wanted.task)) if v}
    document = numbers.document_at(place)
    if document is None:
        return None
    spots = []
    for model in document.models:
        gain = numbers.find({**place, "model": model.name, "metric": wanted.gain})
        cost = numbers.find({**place, "model": model.name, "metric": wanted.cost})
        paid = cost.number.value if cost.number else model.parameters
        if gain.number is not None and gain.number.value is not None and paid is not None:
            spots.append(
                SuiteSpot(
                    model=model.name, cost=paid, gain=gain.number.value, low=gain.number.low,
                    high=gain.number.high, teacher=model.role == "teacher",
                )
            )  # fmt: skip
    students = [spot for spot in spots if not spot.teacher]
    if not students:
        return None
    front = non_dominated([Point(spot.model, spot.cost, spot.gain) for spot in students])
    entry = numbers.find({**place, "model": spots[0].model, "metric": wanted.gain})
    gain_name = numbers.label(entry, place)
    by_name = {spot.model: spot for spot in students}
    listed = "; ".join(
        f"{name} ({show_number(by_name[name].gain)}, {show_size(by_name[name].cost)})"
        for name in front
    )
    return SuiteChart(
        name=f"front-{entry.comparison}-{entry.task}",
        title=f"{entry.task}: {gain_name} against size",
        gain=gain_name,
        cost=wanted.cost.rpartition(".")[2].replace("_", " "),
        finding=f"No student is smaller and better than one of these: {listed}.",
        spots=tuple(spot.model_copy(update={"front": spot.model in front}) for spot in spots),
    )
