"""The page of a sweep: the fronts first, and what lies within noise.

Does: lay a `SweepDocument` out as three charts with their fronts, a table of students, the
differences, the runs and the protocol. Does not: compute any number.
"""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from kdprobe.report.build import RenderedSection, compose, page_script, page_style
from kdprobe.report.markup import fill
from kdprobe.report.sections.protocol import (
    citation,
    model_table,
    no_command,
    option_rows,
    production_rows,
    runnable,
    task_rows,
)
from kdprobe.report.sweep_fronts import fronts_section
from kdprobe.report.sweep_names import shared_settings, shortened
from kdprobe.report.sweep_students import students_section
from kdprobe.results.numbers import show_count
from kdprobe.results.schema import Cell, Column, Estimate, Table
from kdprobe.results.sweep import SWEEP_VERSION, SweepDocument

MORE = "more than noise"


def render_sweep(document: SweepDocument) -> str:
    """Render the page of a sweep.

    Returns:
        The page as HTML; the same document gives the same text, on every machine.
    """
    shared = shared_settings([model.name for model in document.students])
    document = shortened(document)
    whole, proof = "The sweep", "All numbers"
    failed = len(document.failed)
    runs = f"{show_count(len(document.runs))} trainings, {show_count(failed)} without a student."
    parts = [
        RenderedSection(10, "fronts", "The front", fronts_section(document), group=whole),
        RenderedSection(20, "students", "Students", students_section(document, shared),
                        group=whole),
        RenderedSection(40, "differences", "Differences between students", _differences(document),
                        _noise(document), proof),
        RenderedSection(42, "runs", "Runs", _runs(document), runs, proof),
        RenderedSection(98, "protocol", "Protocol", _protocol(document)),
    ]  # fmt: skip
    count = len(document.students)
    return compose(
        document,
        title=f"{document.task.name}: {count} student{'' if count == 1 else 's'} of "
        f"{document.teacher.folder}",
        alarms=[],
        parts=parts,
        style=page_style("sweep.css"),
        script=page_script(),
        data={},
        file="sweep.json",
    )


def _noise(document: SweepDocument) -> str:
    """Count the pairs of students that differ by more than noise."""
    sure = [_verdict_of(one) == MORE for one in document.differences]
    label = document.metric(document.score).label
    return (
        f"{show_count(sum(sure))} of {show_count(len(sure))} pairs differ in {label} by more than "
        f"noise."
    )


def _differences(document: SweepDocument) -> Markup:
    """Lay out the differences of the score, and of each number of closeness to the teacher."""
    score = _difference_table(document, document.differences, document.metric(document.score).label)
    by_metric: dict[str, list[Estimate]] = {}
    for difference in document.closeness_differences:
        by_metric.setdefault(difference.metric, []).append(difference)
    tables = [score] + [
        _difference_table(document, rows, document.metric(name.removesuffix("_difference")).label)
        for name, rows in by_metric.items()
    ]
    return Markup("\n").join(fill("sweep_table.html", table=each, failed=()) for each in tables)


def _difference_table(
    document: SweepDocument, differences: Sequence[Estimate], label: str
) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (d.model_a, d.model_b, d.value, d.low, d.high, d.p_value, d.q_value, _verdict_of(d))
        for d in differences
    ]
    heads = (("low", "Low"), ("high", "High"), ("p", "p"), ("q", "q after Holm"))
    return Table(
        name="differences",
        title=f"{label} of each pair",
        caption=f"{label} of the first minus that of the second, on the same "
        f"{show_count(document.task.n)} examples, with its 95 % interval. q at or below .05: more "
        f"than noise, over all {len(rows)} pairs at once. With one seed each, the question is "
        f"whether these two models differ, not whether another training of them would."
        if rows
        else "There is no pair of students to compare.",
        columns=(
            Column(name="a", label="Student"),
            Column(name="b", label="Other"),
            Column(name="difference", label="Difference", kind="number"),
            *(
                Column(name=name, label=label, kind="p" if name in ("p", "q") else "number")
                for name, label in heads
            ),
            Column(name="verdict", label="Verdict"),
        ),
        rows=tuple(rows),
    )


def _verdict_of(difference: Estimate) -> str:
    if difference.value is None:
        return f"undefined: {difference.undefined}"
    if difference.q_value is None:
        return "no test"
    return MORE if difference.q_value <= 0.05 else "within noise"


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
        command=runnable(document.request.command),
        no_command=no_command((document.teacher, *document.students)),
        citation=citation(document),
        task=task_rows(document.task),
        produced_by=production_rows(document.produced_by, seed=document.request.seed),
        options=option_rows({**axes, **document.request.options}),
        analysis_options=[],
        timings=[],
        models=model_table((document.teacher, *document.students)),
        versions=[("sweep", SWEEP_VERSION)],
    )
