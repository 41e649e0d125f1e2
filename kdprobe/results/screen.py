"""The first screen as a table of words: what page, terminal, Markdown and notebook say alike.

Does: choose the columns that apply and write each cell. Does not: pick numbers (`headline.py`), or
draw.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from kdprobe.results.figures import Figure
from kdprobe.results.headline import Headline, HeadlineRow
from kdprobe.results.method_names import method_label
from kdprobe.results.numbers import (
    decimals,
    show_bounds,
    show_count,
    show_number,
    show_p,
    show_size,
)
from kdprobe.results.sentences import with_interval
from kdprobe.results.states import UNTOLD


@dataclass(frozen=True)
class ScreenCell:
    """What one cell says.

    Args:
        value: the number, or a word; an en dash where there is none.
        interval: in brackets, or a second number; may be empty.
        more: what else belongs to it; may be empty.
        reason: why there is no number; empty where there is one, or none applies.
        n: of how many examples the number is, where it is not of all.
    """

    value: str = "–"
    interval: str = ""
    more: str = ""
    reason: str = ""
    n: int | None = None

    @property
    def lines(self) -> tuple[str, ...]:
        """The parts that say something, in their order."""
        return tuple(filter(None, (self.value, self.interval, self.more)))


@dataclass(frozen=True)
class ScreenColumn:
    """A column: its key, its heading, and what its numbers are, in few words."""

    key: str
    label: str
    hint: str = ""


@dataclass(frozen=True)
class ScreenRow:
    """A model: its name, its role, and a cell for each column."""

    name: str
    role: str
    cells: tuple[ScreenCell, ...]


@dataclass(frozen=True)
class Screen:
    """The table of the first screen, the teacher's row first, and a sentence a student."""

    columns: tuple[ScreenColumn, ...]
    rows: tuple[ScreenRow, ...]
    sentences: tuple[str, ...]


_Cell = Callable[[HeadlineRow, Headline], ScreenCell]
_Own = Callable[[Headline], ScreenCell]
_NONE = ScreenCell()


@dataclass(frozen=True)
class _Column:
    column: Callable[[Headline], ScreenColumn]
    cell: _Cell
    teacher: _Own = lambda head: _NONE


def _number(figure: Figure | None, more: str = "") -> ScreenCell:
    if figure is None:
        return _NONE
    number = figure.known
    if number is None or number.value is None:
        return ScreenCell(reason="" if figure.left_out else figure.reason)
    value = show_number(number.value, digits=decimals(number.n))
    return ScreenCell(value, show_bounds(number), more, n=number.n)


def _state(row: HeadlineRow, head: Headline) -> ScreenCell:
    difference = row.difference.known
    if row.state is None or difference is None:
        return ScreenCell(reason="" if row.difference.left_out else row.difference.reason)
    more = ""
    if row.state.word == UNTOLD and row.state.smallest is not None:
        least = show_number(row.state.smallest, digits=decimals(difference.n))
        more = f"could show {least}"
    test = row.mcnemar.estimate
    if head.score_name == "accuracy" and test is not None and test.p_value is not None:
        more = "; ".join(filter(None, (more, f"McNemar p {show_p(test.p_value)}")))
    return ScreenCell(row.state.word, with_interval(difference, sign=True), more)


def _state_column(head: Headline) -> ScreenColumn:
    """Name the margin, and the test where the score is what McNemar's test is about."""
    tested = head.score_name == "accuracy" and any(row.mcnemar.known for row in head.rows)
    return ScreenColumn(
        "state", "state", f"same: ±{head.margin:g}{'; McNemar p' if tested else ''}"
    )


def _kappa(row: HeadlineRow, head: Headline) -> ScreenCell:
    number = row.kappa.known
    if number is None:
        return _number(row.kappa)
    digits, more = decimals(number.n), []
    low, high = row.attainable_low.value, row.attainable_high.value
    if low is not None and high is not None:
        ends = (show_number(end, digits=digits) for end in (low, high))
        more.append(f"of {' to '.join(ends)}")
    if row.ceiling.value is not None:
        more.append(f"between seeds {show_number(row.ceiling.value, digits=digits)}")
    return _number(row.kappa, "; ".join(more))


def _layers(row: HeadlineRow, head: Headline) -> ScreenCell:
    if row.layers.total is None:
        return _NONE
    perhaps = len(row.layers.perhaps)
    more = f"perhaps {show_count(perhaps)} more" if perhaps else ""
    lost = f"{show_count(len(row.layers.lost))} of {show_count(row.layers.total)}"
    return ScreenCell(lost, "", more)


def ratio(student: Figure, teacher: Figure) -> float | None:
    """Return a student's number over its teacher's; None where either is unknown or 0."""
    if student.value is None or not teacher.value:
        return None
    return student.value / teacher.value


def times_faster(row: HeadlineRow, head: Headline) -> float | None:
    """Return how many times as fast as its teacher a student answers, as measured or by latency."""
    if row.speedup.value is not None:
        return row.speedup.value
    slower = ratio(row.latency, head.latency)
    return 1 / slower if slower else None


def _size(row: HeadlineRow, head: Headline) -> ScreenCell:
    if row.parameters.value is None:
        return _NONE
    share = ratio(row.parameters, head.parameters)
    return ScreenCell(
        "" if share is None else f"{show_number(share, digits=2)}×", show_size(row.parameters.value)
    )


def _milliseconds(figure: Figure) -> str:
    return "" if figure.value is None else f"{show_number(figure.value, digits=1)} ms"


def _speed(row: HeadlineRow, head: Headline) -> ScreenCell:
    times = times_faster(row, head)
    if times is None:
        return ScreenCell(reason="" if row.latency.left_out else row.latency.reason)
    measured = row.speedup.known
    ends = (None, None) if measured is None else (measured.low, measured.high)
    if ends[0] is not None and ends[1] is not None and ends[0] <= 1 <= ends[1]:
        return ScreenCell(f"{show_number(times, digits=1)}×", _milliseconds(row.latency))
    word = "faster" if times >= 1 else "slower"
    factor = times if times >= 1 or not times else 1 / times
    return ScreenCell(f"{show_number(factor, digits=1)}× {word}", _milliseconds(row.latency))


def _own_size(head: Headline) -> ScreenCell:
    value = head.parameters.value
    return _NONE if value is None else ScreenCell(show_size(value))


def _own_speed(head: Headline) -> ScreenCell:
    return ScreenCell(_milliseconds(head.latency)) if head.latency.value is not None else _NONE


def _fixed(key: str, label: str, hint: str = "") -> Callable[[Headline], ScreenColumn]:
    return lambda head: ScreenColumn(key, label, hint)


def _reasons(head: Headline) -> ScreenColumn:
    """Name the explainer, of several the first, as the numbers are its."""
    method = next((row.attribution.known.method for row in head.rows if row.attribution.known), "")
    return ScreenColumn("attribution", "same reasons", method_label(method))


_COLUMNS = (
    _Column(
        _state_column,
        _state,
    ),
    _Column(
        lambda head: ScreenColumn("score", head.score),
        lambda row, head: _number(row.student_score),
        lambda head: _number(head.teacher_score),
    ),
    _Column(
        _fixed("agreement", "agreement", "equal answers"), lambda row, head: _number(row.agreement)
    ),
    _Column(
        _fixed("score_pearson", "Pearson", "with the teacher"),
        lambda row, head: _number(row.score_pearson),
    ),
    _Column(
        _fixed("score_distance", "MAE", "to the teacher"),
        lambda row, head: _number(row.score_distance),
    ),
    _Column(
        _fixed("score_bias", "bias", "minus the teacher"),
        lambda row, head: _number(row.score_bias),
    ),
    _Column(_fixed("kappa", "kappa", "attainable range"), _kappa),
    _Column(_reasons, lambda row, head: _number(row.attribution)),
    _Column(_fixed("layers", "layers", "probing tasks lost"), _layers),
    _Column(
        _fixed("calibration", "ECE", "beyond chance"),
        lambda row, head: _number(row.calibration),
        lambda head: _number(head.calibration),
    ),
    _Column(_fixed("size", "size", "parameters"), _size, _own_size),
    _Column(_fixed("speed", "speed", "a sentence"), _speed, _own_speed),
)


def _counted(
    column: ScreenColumn, cells: list[ScreenCell], n: int
) -> tuple[ScreenColumn, list[ScreenCell]]:
    """Say of how many examples numbers are that are not of all: in the heading, or in each cell."""
    counts = {cell.n for cell in cells if cell.n is not None}
    if counts <= {n}:
        return column, cells
    if len(counts) == 1:
        count = f"n = {show_count(counts.pop())}"
        return replace(column, hint=f"{column.hint}, {count}" if column.hint else count), cells
    return column, [
        replace(cell, more="; ".join(filter(None, (cell.more, f"n = {show_count(cell.n)}"))))
        if cell.n not in (None, n)
        else cell
        for cell in cells
    ]


def screen(head: Headline) -> Screen:
    """Lay out the first screen: the columns in which any model has a number.

    Args:
        head: the headline of a document.
    """
    columns: list[ScreenColumn] = []
    cells: list[list[ScreenCell]] = []
    for one in _COLUMNS:
        column = [one.teacher(head), *(one.cell(row, head) for row in head.rows)]
        if any(cell.value != _NONE.value for cell in column):
            named, column = _counted(one.column(head), column, head.n)
            columns.append(named)
            cells.append(column)
    students = ((row.student, "converted teacher" if row.copy else row.role) for row in head.rows)
    names = [(head.teacher, "teacher"), *students]
    rows = [
        ScreenRow(name, role, tuple(column[i] for column in cells))
        for i, (name, role) in enumerate(names)
    ]
    return Screen(tuple(columns), tuple(rows), tuple(row.sentence for row in head.rows))
