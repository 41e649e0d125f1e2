"""The first table of a sweep's page: a row a student, beside the teacher.

Does: choose columns and units, write every number with its interval, say what the brackets hold.
Does not: compute any number.
"""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from kdprobe.report.markup import fill
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
    "bytes": ("Weights", "MB"),
    "throughput": ("Speed", "sentences/s"),
    "latency_p50": ("Latency", "ms, median"),
}
_SCALES = {"parameters": (1e6, "millions"), "bytes": (1e6, "MB")}
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


def scale(metric: str) -> float:
    """Return what a number is divided by to be read: parameters are shown in millions."""
    return _SCALES.get(metric, (1.0, ""))[0]


def _unit(metric: Metric) -> str:
    unit = _SCALES.get(metric.name, (1.0, metric.unit))[1]
    return "" if unit == "share" else unit


def _head(metric: Metric) -> _Head:
    """Return a short heading: ten columns must fit beside each other."""
    return _Head(*_HEADS.get(metric.name, (metric.label, _unit(metric))))


def axis_title(metric: Metric) -> str:
    """Return the title of an axis, with its unit where the name does not say it."""
    unit = _unit(metric)
    named = unit and unit != "sentences/s"
    return f"{metric.label}, {unit}" if named else metric.label


def _figure(number: Estimate | None, metric: str) -> _FigureCell:
    if number is None:
        return _FigureCell()
    if number.value is None:
        return _FigureCell(undefined=number.undefined)
    by = scale(metric)
    digits = 1 if metric in _SIZES else 3
    ends = ""
    if number.low is not None and number.high is not None and metric not in _SIZES:
        ends = show_interval(number.low, number.high)
    elif number.low is not None and number.high is not None:
        ends = f"[{show_number(number.low, digits=1)}, {show_number(number.high, digits=1)}]"
    return _FigureCell(show_number(number.value / by, digits=digits), ends)


def _row(document: SweepDocument, name: str, number: str, detail: str) -> _Row:
    cells = tuple(_figure(document.find(m.name, name), m.name) for m in _columns(document))
    fronts = [_SHORT[front.name] for front in document.fronts if name in front.students]
    return _Row(number, name, detail, cells, ", ".join(fronts))


def numbered(document: SweepDocument) -> list[tuple[str, str]]:
    """Return each student the number it has in table and charts."""
    return [(str(i), model.name) for i, model in enumerate(document.students, start=1)]


def students_section(document: SweepDocument) -> Markup:
    """Write the first section: what was found, in sentences, and the table of students."""
    teacher = document.teacher
    rows = [_row(document, teacher.name, "", teacher.folder)]
    for number, name in numbered(document):
        seeds = len(document.runs_of(name))
        rows.append(_row(document, name, number, f"{seeds} seed{'' if seeds == 1 else 's'}"))
    heads = [_head(metric) for metric in _columns(document)]
    return fill(
        "sweep_verdict.html",
        sentences=document.sentences or ("No run gave a student.",),
        notices=document.notices,
        heads=heads,
        rows=rows,
        caption=f"{document.task.name}, {document.task.split} split, n = "
        f"{show_count(document.task.n)}. {_intervals(document)} {document.pace} {_words(document)}",
        metrics=document.metrics,
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
