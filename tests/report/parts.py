"""The analyses of a synthetic run whose numbers need only be plausible.

Does: fill the shapes of overlap, slices, exemplary cases and gaps. Does not: compute statistics.
"""

from __future__ import annotations

from kdprobe.results.schema import AnalysisResult, Column, Curve, Gap, Matrix, Series, Table
from tests.report.maker import Maker, metric


def overlap(run: Maker) -> AnalysisResult:
    values = tuple(
        tuple(float((~b)[~a].mean()) if (~a).any() else None for b in run.hits) for a in run.hits
    )
    matrix = Matrix(
        name="mistakes_shared",
        title="Shared mistakes",
        row_title="mistakes of",
        column_title="made by",
        rows=run.names,
        columns=run.names,
        values=values,
        undefined="the row model has no mistakes",
    )
    estimates = tuple(
        run.estimate("mistakes_shared", a, 0.5, b) for a in run.names for b in run.names if a != b
    )
    return AnalysisResult(
        name="overlap",
        version=1,
        title="Shared mistakes and flips",
        matrices=(matrix,),
        estimates=estimates,
        metrics=(metric("mistakes_shared", "mistakes shared", "share"),),
    )


def slices(run: Maker) -> AnalysisResult:
    rows = [f"label {label}" for label in run.labels] + ["1 to 5 words", "6 to 10 words", "rest"]
    series, estimates = [], []
    for rank, name in enumerate(run.names[1:]):
        values = [round(0.01 + 0.03 * rank + 0.02 * (i % 4), 3) for i in range(len(rows))]
        series.append(
            Series(
                name=name,
                x=tuple(values),
                low=tuple(v - 0.05 for v in values),
                high=tuple(v + 0.05 for v in values),
                counts=tuple(40 + i for i in range(len(rows))),
                labels=tuple(rows),
            )
        )
        for row, value in zip(rows, values, strict=True):
            estimates.append(
                run.estimate(
                    "gap",
                    run.names[0],
                    value,
                    name,
                    subset=row,
                    p_value=0.03,
                    q_value=0.2,
                    n=40,
                )
            )
    curve = Curve(
        name="gaps",
        title="Gap by slice",
        kind="forest",
        x_title="teacher minus student",
        y_title="slice",
        series=tuple(series),
        reference=0.0,
    )
    return AnalysisResult(
        name="slices",
        version=1,
        title="Slices",
        curves=(curve,),
        metrics=(metric("gap", "gap"),),
        estimates=tuple(estimates),
    )


def exemplary_cases(run: Maker) -> AnalysisResult:
    columns = (
        Column(name="example", label="Example", kind="example"),
        Column(name="text", label="Text"),
        Column(name="confidence", label="Confidence", kind="number"),
    )
    order = (-run.probabilities[0].max(axis=1)).argsort(kind="stable")[:30]
    rows = tuple(
        (run.ids[i], run.texts[i], float(run.probabilities[0][i].max())) for i in order.tolist()
    )
    return AnalysisResult(
        name="exemplary_cases",
        version=1,
        title="Lists",
        tables=(Table(name="sure", title="Most confident", columns=columns, rows=rows),),
    )


def student_gaps(run: Maker) -> AnalysisResult:
    found = []
    for rank, name in enumerate(run.names[1:], start=1):
        lost = [run.ids[i] for i in range(run.n) if run.hits[0][i] and not run.hits[rank][i]]
        for place, subset in enumerate(
            (
                f"label {run.labels[0]}",
                "11 to 15 words",
                "long-distance agreement",
                "wh-islands",
                "negation",
            )
        ):
            gap = 0.25 - 0.04 * place - 0.01 * rank
            found.append(
                Gap(
                    student=name,
                    kind="slice",
                    subset=subset,
                    metric="accuracy",
                    teacher_value=0.83,
                    student_value=0.83 - gap,
                    gap=gap,
                    low=gap - 0.05,
                    high=gap + 0.05,
                    p_value=0.002,
                    q_value=0.01,
                    n=120,
                    examples=tuple(lost[3 * place : 3 * place + 3]),
                )
            )
    found.sort(key=lambda loss: -loss.gap)
    return AnalysisResult(name="student_gaps", version=1, title="What was lost", gaps=tuple(found))
