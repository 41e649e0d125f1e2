"""The page of a sweep: which students nobody beats, and what lies within noise.

Does: lay a `SweepDocument` out as sentences, a table of students, three charts with their fronts,
the differences, the runs and the protocol. Does not: compute any number.
"""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from kdprobe.report.build import Part, asset, compose
from kdprobe.report.chart_pareto import Picture, Spot, draw_pareto
from kdprobe.report.markup import fill
from kdprobe.report.sections.protocol import made_rows, option_rows, task_rows
from kdprobe.report.svg import Chart
from kdprobe.results.numbers import show_count, show_interval, show_number
from kdprobe.results.schema import Cell, Column, Estimate, Metric, Table
from kdprobe.results.sweep import SWEEP_VERSION, Front, SweepDocument

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
class _Figure:
    value: str = ""
    interval: str = ""
    undefined: str = ""


@dataclass(frozen=True)
class _Row:
    number: str
    name: str
    detail: str
    cells: tuple[_Figure, ...]
    fronts: str


def render_sweep(document: SweepDocument) -> str:
    """Render the page of a sweep.

    Returns:
        The page as HTML; the same document gives the same text, on every machine.
    """
    parts = [
        Part(10, "verdict", "Verdict", _verdict(document)),
        Part(30, "differences", "Differences between students", _differences(document)),
        Part(40, "runs", "Runs", _runs(document)),
        Part(50, "protocol", "Protocol", _protocol(document)),
    ]
    if sweep_charts(document):
        parts.append(Part(20, "fronts", "What nobody beats", _fronts(document)))
    count = len(document.students)
    return compose(
        document,
        title=f"{document.task.name}: {count} student{'' if count == 1 else 's'} of "
        f"{document.teacher.folder}",
        alarms=[],
        parts=sorted(parts, key=lambda part: part.order),
        style=asset("page.css") + asset("sweep.css"),
        script=asset("page.js"),
        data={},
        file="sweep.json",
    )


def _columns(document: SweepDocument) -> list[Metric]:
    """Choose what the first table shows, in its order: the score, closeness, size and speed."""
    explained = {metric.name: metric for metric in document.metrics}
    wanted = (document.score, *_CLOSE, *_SIZES)
    return [explained[name] for name in wanted if name in explained]


def _scale(metric: str) -> float:
    return _SCALES.get(metric, (1.0, ""))[0]


def _unit(metric: Metric) -> str:
    unit = _SCALES.get(metric.name, (1.0, metric.unit))[1]
    return "" if unit == "share" else unit


def _head(metric: Metric) -> _Head:
    """Give a short heading: ten columns must fit beside each other."""
    return _Head(*_HEADS.get(metric.name, (metric.label, _unit(metric))))


def _axis(metric: Metric) -> str:
    unit = _unit(metric)
    named = unit and unit != "sentences/s"
    return f"{metric.label}, {unit}" if named else metric.label


def _figure(found: Estimate | None, metric: str) -> _Figure:
    if found is None:
        return _Figure()
    if found.value is None:
        return _Figure(undefined=found.undefined)
    by = _scale(metric)
    digits = 1 if metric in _SIZES else 3
    ends = ""
    if found.low is not None and found.high is not None and metric not in _SIZES:
        ends = show_interval(found.low, found.high)
    elif found.low is not None and found.high is not None:
        ends = f"[{show_number(found.low, digits=1)}, {show_number(found.high, digits=1)}]"
    return _Figure(show_number(found.value / by, digits=digits), ends)


def _row(document: SweepDocument, name: str, number: str, detail: str) -> _Row:
    cells = tuple(_figure(document.find(m.name, name), m.name) for m in _columns(document))
    fronts = [_SHORT[front.name] for front in document.fronts if name in front.students]
    return _Row(number, name, detail, cells, ", ".join(fronts))


def _numbered(document: SweepDocument) -> list[tuple[str, str]]:
    return [(str(i), model.name) for i, model in enumerate(document.students, start=1)]


def _verdict(document: SweepDocument) -> Markup:
    teacher = document.teacher
    rows = [_row(document, teacher.name, "", teacher.folder)]
    for number, name in _numbered(document):
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
    """Say what the brackets of the scores hold, and for whom."""
    whose: dict[str, list[str]] = {}
    for number in document.estimates:
        if number.metric == document.score and number.interval:
            whose.setdefault(number.interval, []).append(number.model_b or number.model_a)
    if not whose:
        return ""
    told = "; ".join(
        f"{how} ({', '.join(names) if len(names) <= 3 else f'{len(names)} models'})"
        for how, names in whose.items()
    )
    if not any(" seeds" in how for how in whose):
        return f"Brackets, 95 %: {told}."
    return (
        f"Numbers are means over the seeds. Brackets, 95 %: {told}. Resampling a handful of seeds "
        f"understates how far other seeds would lie."
    )


def _words(document: SweepDocument) -> str:
    """Say what the last column of the first table means."""
    score, close = document.metric(document.score).label, document.metric(document.closeness).label
    return (
        f"On a front, by size: no student has a better {score} and fewer parameters; by speed: "
        f"none has a better {score} and is faster; by closeness: none has a better "
        f"{close.lower()} and fewer parameters."
    )


def sweep_charts(document: SweepDocument) -> list[Chart]:
    """Draw the fronts; one without a student that has both numbers is left out."""
    drawn = ((front, _spots(document, front)) for front in document.fronts)
    return [
        draw_pareto(_picture(document, front), spots)
        for front, spots in drawn
        if any(spot.number for spot in spots)
    ]


def _spots(document: SweepDocument, front: Front) -> list[Spot]:
    """Place the students, and the teacher where it has both numbers."""
    spots = []
    for number, name in [*_numbered(document), ("", document.teacher.name)]:
        cost, gain = document.find(front.cost, name), document.find(front.gain, name)
        if cost is None or gain is None or cost.value is None or gain.value is None:
            continue
        by = _scale(front.cost)
        runs = document.runs_of(name) if number else ()
        single = ({**run.scores, **run.fidelity}.get(front.gain) for run in runs)
        spots.append(
            Spot(
                number=number,
                name=name,
                x=cost.value / by,
                y=gain.value,
                x_ends=_ends(cost, by),
                y_ends=_ends(gain, 1.0),
                singles=tuple(value for value in single if value is not None),
                group=2 if not number else 0 if name in front.students else 1,
            )
        )
    return spots


def _ends(found: Estimate, by: float) -> tuple[float, float] | None:
    if found.low is None or found.high is None:
        return None
    return found.low / by, found.high / by


def _picture(document: SweepDocument, front: Front) -> Picture:
    gain, cost = document.metric(front.gain), document.metric(front.cost)
    less = "smaller" if front.cost == "parameters" else "faster"
    return Picture(
        name=front.name,
        title=f"{gain.label} against {cost.label.lower()}",
        finding=front.finding,
        caption=f"Better is up and to the {'left' if front.cost_falls else 'right'}: no student is "
        f"{less} and better than one on the line.",
        x_title=_axis(cost),
        y_title=_axis(gain),
        cost_falls=front.cost_falls,
    )


def _fronts(document: SweepDocument) -> Markup:
    return fill(
        "sweep_fronts.html",
        charts=sweep_charts(document),
        caption="Numbers beside the marks are those of the table above. Bars are the intervals of "
        "the table; points whose bars overlap may well change places with other examples or seeds: "
        "see the differences below.",
    )


def _differences(document: SweepDocument) -> Markup:
    rows: list[tuple[Cell, ...]] = [
        (d.model_a, d.model_b, d.value, d.low, d.high, d.p_value, d.q_value, _verdict_of(d))
        for d in document.differences
    ]
    score = document.metric(document.score)
    heads = (("low", "Low"), ("high", "High"), ("p", "p"), ("q", "q after Holm"))
    table = Table(
        name="differences",
        title=f"{score.label} of each pair",
        caption=f"{score.label} of the first minus that of the second, on the same "
        f"{show_count(document.task.n)} examples, with its 95 % interval. q at or below .05: more "
        f"than noise, over all {len(rows)} pairs at once. With one seed each, the question is "
        f"whether these two models differ, not whether another training of them would."
        if rows
        else "There is no pair of students to compare.",
        columns=(
            Column(name="a", label="Student"),
            Column(name="b", label="Other"),
            Column(name="difference", label="Difference", kind="number"),
            *(Column(name=name, label=label, kind="number") for name, label in heads),
            Column(name="verdict", label="Verdict"),
        ),
        rows=tuple(rows),
    )
    return fill("sweep_table.html", table=table, failed=())


def _verdict_of(difference: Estimate) -> str:
    if difference.value is None:
        return f"undefined: {difference.undefined}"
    if difference.q_value is None:
        return "no test"
    return "more than noise" if difference.q_value <= 0.05 else "within noise"


def _runs(document: SweepDocument) -> Markup:
    score, close = document.metric(document.score), document.metric(document.closeness)
    rows: list[tuple[Cell, ...]] = [
        (run.name, run.student, run.seed, run.scores.get(score.name),
         run.fidelity.get(close.name), run.steps, run.seconds, run.fingerprint)
        for run in document.runs
        if not run.failed
    ]  # fmt: skip
    table = Table(
        name="runs",
        title="Runs",
        caption="One row a training; the folder beside this page has the run's name, and its "
        "README.md tells how to train it alone. Seconds are of training, interruptions left out.",
        columns=(
            Column(name="run", label="Run"),
            Column(name="student", label="Student"),
            Column(name="seed", label="Seed", kind="count"),
            Column(name="score", label=score.label, kind="number"),
            Column(name="closeness", label=close.label, kind="number"),
            Column(name="steps", label="Steps", kind="count"),
            Column(name="seconds", label="Seconds", kind="number"),
            Column(name="fingerprint", label="Fingerprint"),
        ),
        rows=tuple(rows),
    )
    return fill("sweep_table.html", table=table, failed=document.failed)


def _protocol(document: SweepDocument) -> Markup:
    axes = {f"sweep.{axis.key}": ", ".join(axis.values) for axis in document.axes}
    return fill(
        "protocol.html",
        request=document.request,
        task=task_rows(document.task),
        made=made_rows(document.produced_by, seed=document.request.seed),
        options=option_rows({**axes, **document.request.options}),
        analysis_options=[],
        timings=[],
        models=(document.teacher, *document.students),
        versions=[("sweep", SWEEP_VERSION)],
    )


def sweep_figures(document: SweepDocument) -> dict[str, str]:
    """Draw every chart as an SVG file of its own, by name."""
    return {c.name: str(c.svg(standalone=True)) + "\n" for c in sweep_charts(document)}
