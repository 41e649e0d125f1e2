"""Gaps as a reader sees them: a table of all, a forest plot of the largest.

Does: lay out estimates that were computed elsewhere. Does not: compute.
"""

from __future__ import annotations

from collections.abc import Sequence

from kdprobe.observations.study import Study
from kdprobe.results.schema import Cell, Column, Curve, Estimate, Series, Table

FOREST_ROWS = 30


def _value(number: Estimate | None) -> float | None:
    return None if number is None else number.value


def _columns(score: str) -> list[Column]:
    return [
        Column(name="student", label="student"),
        Column(name="subset", label="examples"),
        Column(name="n", label="n", kind="count"),
        Column(name="teacher_value", label=f"teacher's {score}", kind="number"),
        Column(name="student_value", label=f"student's {score}", kind="number"),
        Column(name="gap", label="gap (positive: lost)", kind="number"),
        Column(name="low", label="interval from", kind="number"),
        Column(name="high", label="to", kind="number"),
        Column(name="p_value", label="p", kind="p"),
        Column(name="q_value", label="q", kind="p"),
    ]


def gap_table(
    study: Study,
    gaps: Sequence[Estimate],
    scores: Sequence[Estimate],
    *,
    score: str,
    title: str,
    more: Sequence[Estimate] = (),
) -> Table:
    """Lay out every gap with both models' scores, one row a student and subset.

    Args:
        study: names the teacher.
        gaps: of every student on every subset.
        scores: of every model on every subset.
        score: what the scores are called.
        title: the table's title.
        more: one further number of the pair on each subset, under its metric's name.
    """
    by_place = {(number.model_a, number.subset): number for number in scores}
    extra = {(number.model_b, number.subset): number for number in more}
    columns = _columns(score)
    if more:
        name = more[0].metric
        columns.append(Column(name=name, label=name.replace("_", " "), kind="number"))
    rows = []
    for gap in gaps:
        row: tuple[Cell, ...] = (
            gap.model_b,
            gap.subset,
            gap.n,
            _value(by_place.get((study.teacher.name, gap.subset))),
            _value(by_place.get((gap.model_b, gap.subset))),
            *(gap.value, gap.low, gap.high, gap.p_value, gap.q_value),
        )
        if more:
            row = (*row, _value(extra.get((gap.model_b, gap.subset))))
        rows.append(row)
    return Table(
        name="gaps",
        title=title,
        caption="Intervals are 95 %; an empty cell is a number that is undefined there.",
        columns=tuple(columns),
        rows=tuple(rows),
    )


def forest(study: Study, gaps: Sequence[Estimate], *, what: str, unit: str) -> tuple[Curve, ...]:
    """Draw each student's gaps, largest first, with their intervals and a line at no gap."""
    curves = []
    for place, student in enumerate(study.students, start=1):
        drawn = [
            number for number in gaps if number.model_b == student.name and number.value is not None
        ]
        if not drawn:
            continue
        shown = sorted(drawn, key=lambda number: -abs(number.value or 0.0))[:FOREST_ROWS]
        shown.sort(key=lambda number: -(number.value or 0.0))
        rest = len(drawn) - len(shown)
        cut = f" The {rest} smallest gaps are in the table only." if rest else ""
        curves.append(
            Curve(
                name=f"forest-{place}",
                title=f"Gap of {student.name} to {study.teacher.name} by {what}",
                caption=f"To the right of 0 the teacher is better. 95 % intervals.{cut}",
                kind="forest",
                x_title=f"gap, {unit}",
                y_title=what,
                series=(
                    Series(
                        name=student.name,
                        x=tuple(number.value or 0.0 for number in shown),
                        low=tuple(number.low for number in shown),
                        high=tuple(number.high for number in shown),
                        counts=tuple(number.n or 0 for number in shown),
                        labels=tuple(number.subset for number in shown),
                    ),
                ),
                reference=0.0,
            )
        )
    return tuple(curves)
