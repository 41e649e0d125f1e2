"""The table of a sweep's students: a row a student, beside the teacher.

Does: choose columns and units, write every number with its interval, say what the brackets hold.
Does not: compute any number.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from markupsafe import Markup

from kdprobe.report.markup import fill
from kdprobe.report.sweep_names import at_chance
from kdprobe.report.table_view import capital
from kdprobe.results.numbers import show_count, show_interval, show_number
from kdprobe.results.schema import Estimate, Metric
from kdprobe.results.sweep import SweepDocument

_SHORT = {
    "score-parameters": "size",
    "score-throughput": "speed",
    "closeness-parameters": "closeness",
}
_HEADS = {
    "cohens_kappa": ("Kappa", ""),
    "kl": ("KL", "nats"),
    "bytes": ("Weights", ""),
    "throughput": ("Speed", "sentences/s"),
    "latency_p50": ("Latency", "ms, median"),
}
_SCALES = {
    "parameters": ((1e6, "millions"), (1e3, "thousands")),
    "bytes": ((1e6, "MB"), (1e3, "kB")),
}
"""What a number of each size is divided by, and what that is called; the smallest decides."""
_SIZES = ("parameters", "bytes", "throughput", "latency_p50")
_CLOSE = ("agreement", "cohens_kappa", "kl", "pearson_to_teacher")


@dataclass(frozen=True)
class _Head:
    label: str
    unit: str

    @property
    def whole(self) -> str:
        """The heading in one line, for a phone."""
        return f"{self.label}, {self.unit}" if self.unit else self.label


@dataclass(frozen=True)
class _FigureCell:
    value: str = ""
    interval: str = ""
    undefined: str = ""

    @property
    def empty(self) -> bool:
        """Whether it shows nothing: neither a number nor why there is none."""
        return not (self.value or self.undefined)


@dataclass(frozen=True)
class _Row:
    number: str
    name: str
    detail: str
    cells: tuple[_FigureCell, ...]
    fronts: str


def _columns(document: SweepDocument) -> list[Metric]:
    """Choose what the first table shows, in its order: the score, closeness, size and speed."""
    explained = {metric.name: metric for metric in document.metrics}
    wanted = (document.score, *_CLOSE, *_SIZES)
    return [explained[name] for name in wanted if name in explained]


def scale(document: SweepDocument, metric: str) -> tuple[float, str]:
    """Return what a number is divided by to be read, and the unit: no student has 0.0 millions."""
    values = [number.value for number in document.estimates if number.metric == metric]
    least = min((value for value in values if value), default=0.0)
    scales = _SCALES.get(metric, ())
    fitting = next((one for one in scales if least >= one[0]), None)
    return fitting or (scales[-1] if scales else (1.0, ""))


def _unit(document: SweepDocument, metric: Metric) -> str:
    unit = scale(document, metric.name)[1] or metric.unit
    return "" if unit == "share" else unit


def _head(document: SweepDocument, metric: Metric) -> _Head:
    """Return a short heading: ten columns must fit beside each other."""
    label, unit = _HEADS.get(metric.name, (metric.label, ""))
    return _Head(capital(label), unit or _unit(document, metric))


def axis_title(document: SweepDocument, metric: Metric) -> str:
    """Return the title of an axis, with its unit where the name does not say it."""
    unit = _unit(document, metric)
    named = unit and unit != "sentences/s"
    return f"{metric.label}, {unit}" if named else metric.label


def _figure(document: SweepDocument, number: Estimate | None, metric: str) -> _FigureCell:
    if number is None:
        return _FigureCell()
    if number.value is None:
        return _FigureCell(undefined=number.undefined)
    by = scale(document, metric)[0]
    digits = 1 if metric in _SIZES else 3
    ends = ""
    if number.low is not None and number.high is not None and metric not in _SIZES:
        ends = show_interval(number.low, number.high)
    elif number.low is not None and number.high is not None:
        ends = f"[{show_number(number.low, digits=1)}, {show_number(number.high, digits=1)}]"
    return _FigureCell(show_number(number.value / by, digits=digits), ends)


def _row(document: SweepDocument, name: str, number: str, detail: str) -> _Row:
    cells = tuple(
        _figure(document, document.find(m.name, name), m.name) for m in _columns(document)
    )
    fronts = [_SHORT[front.name] for front in document.fronts if name in front.students]
    return _Row(number, name, detail, cells, ", ".join(fronts))


def numbered(document: SweepDocument) -> list[tuple[str, str]]:
    """Return each student the number it has in table and charts."""
    return [(str(i), model.name) for i, model in enumerate(document.students, start=1)]


def students_section(document: SweepDocument, shared: str) -> Markup:
    """Write the table of students, beside the teacher; those at chance are marked.

    Args:
        document: with names as short as the page can bear them.
        shared: the settings that all students have and no name says.
    """
    teacher, chance = document.teacher, set(at_chance(document))
    rows = [_row(document, teacher.name, "", teacher.folder)]
    for number, name in numbered(document):
        seeds = len(document.runs_of(name))
        lost = "at chance, " if name in chance else ""
        rows.append(_row(document, name, number, f"{lost}{seeds} seed{'' if seeds == 1 else 's'}"))
    metrics = _columns(document)
    shown = [at for at in range(len(metrics)) if any(not row.cells[at].empty for row in rows)]
    return fill(
        "sweep_students.html",
        heads=[_head(document, metrics[at]) for at in shown],
        rows=[replace(row, cells=tuple(row.cells[at] for at in shown)) for row in rows],
        caption=f"{document.task.name}, {document.task.split} split, n = "
        f"{show_count(document.task.n)}. {f'All students: {shared}. ' if shared else ''}"
        f"{_intervals(document)} {document.pace} {_words(document)}",
        metrics=document.metrics,
        fronts=any(row.fronts for row in rows),
    )


def _intervals(document: SweepDocument) -> str:
    """State what the brackets of the scores hold, and for whom."""
    whose: dict[str, list[str]] = {}
    for number in document.estimates:
        if number.metric == document.score and number.interval:
            whose.setdefault(number.interval, []).append(number.model_b or number.model_a)
    if not whose:
        return ""
    text = "; ".join(
        f"{how} ({', '.join(names) if len(names) <= 3 else f'{len(names)} models'})"
        for how, names in whose.items()
    )
    if not any(" seeds" in how for how in whose):
        return f"Brackets, 95 %: {text}."
    return (
        f"Numbers are means over the seeds. Brackets, 95 %: {text}. Resampling a handful of seeds "
        f"understates how far other seeds would lie."
    )


def _words(document: SweepDocument) -> str:
    """State what the last column of the first table means."""
    score, close = document.metric(document.score).label, document.metric(document.closeness).label
    return (
        f"On a front, by size: no student has a better {score} and fewer parameters; by speed: "
        f"none has a better {score} and is faster; by closeness: none has a better "
        f"{close.lower()} and fewer parameters."
    )
