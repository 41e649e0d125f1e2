"""Who is nearer, as a reader sees it: a chart or a matrix, and a table.

Does: lay out differences that were computed elsewhere. Does not: compute.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from kdprobe.analysis.student_differences.metrics import METRICS
from kdprobe.analysis.student_differences.pairs import Difference, mirrored
from kdprobe.analysis.student_differences.relations import closeness
from kdprobe.analysis.student_differences.sentences import (
    MOST_PAIRS,
    better,
    label_of,
    teacher_words,
)
from kdprobe.observations.study import Study
from kdprobe.results.schema import Cell, Column, Curve, Matrix, Series, Table

MOST_ROWS = 400


def _oriented(one: Difference) -> tuple[float, float | None, float | None]:
    """Return a difference and its adjusted interval, turned so that above 0 model_a is better."""
    if METRICS[one.estimate.metric].higher_is_better is False:
        one = mirrored(one)
    return one.estimate.value or 0.0, one.adjusted.low, one.adjusted.high


def _drawn(differences: Iterable[Difference]) -> list[Difference]:
    """Keep what one axis can hold: numbers over all examples, on bounded scales, with a better."""
    kept = []
    for one in differences:
        number, metric = one.estimate, METRICS[one.estimate.metric]
        bounded = metric.maximum is not None and metric.higher_is_better is not None
        if number.value is not None and bounded and (number.subset, number.layer) == ("all", ""):
            kept.append(one)
    return kept


def nearness_chart(study: Study, differences: Sequence[Difference]) -> tuple[Curve, ...]:
    """Draw the differences of a few pairs, a row a number: to the right the first is better."""
    drawn = _drawn(differences)
    pairs = dict.fromkeys((one.estimate.model_a, one.estimate.model_b) for one in drawn)
    if not drawn or len(pairs) > MOST_PAIRS:
        return ()
    series = []
    for a, b in pairs:
        own = [one for one in drawn if (one.estimate.model_a, one.estimate.model_b) == (a, b)]
        values = [_oriented(one) for one in own]
        series.append(
            Series(
                name=f"{a} against {b}",
                x=tuple(value for value, _, _ in values),
                low=tuple(low for _, low, _ in values),
                high=tuple(high for _, _, high in values),
                counts=tuple(one.estimate.n or 0 for one in own),
                labels=tuple(label_of(one.estimate) for one in own),
            )
        )
    several = len(pairs) > 1
    only = "the first of a pair" if several else next(iter(pairs))[0]
    return (
        Curve(
            name="nearer",
            title=f"Who is nearer to {teacher_words(study)}",
            caption=f"To the right of 0 {only} is better, whichever way a number counts. Intervals "
            "are at the level of Holm's adjustment over the pairs of students: one that leaves 0 "
            "is more than noise.",
            kind="forest",
            x_title="difference, in the unit of each number",
            y_title="number",
            series=tuple(series),
            reference=0.0,
        ),
    )


def nearness_matrix(study: Study, differences: Sequence[Difference]) -> tuple[Matrix, ...]:
    """Lay out the first number of closeness for many pairs: row minus column."""
    relation = closeness(study)
    first = [one for one in differences if one.estimate.metric == relation.name]
    if len(first) <= MOST_PAIRS:
        return ()
    both = {
        (one.estimate.model_a, one.estimate.model_b): one
        for each in first
        for one in (each, mirrored(each))
    }
    names = tuple(student.name for student in study.students)
    return (
        Matrix(
            name="nearer",
            title=f"Who is nearer to {teacher_words(study)}: {relation.metric.label.lower()}",
            caption="The row's number minus the column's: above 0 the row is nearer. A cell is "
            "tinted by the end of its interval nearest to 0, at the level of Holm's adjustment "
            f"over the {len(first)} pairs: what is not tinted may be noise.",
            row_title="student",
            column_title="minus",
            rows=names,
            columns=names,
            values=tuple(tuple(_value(both, row, column) for column in names) for row in names),
            sure=tuple(tuple(_sure(both, row, column) for column in names) for row in names),
            unit=relation.metric.unit,
            scale="diverging",
            undefined="a student is not compared with itself",
        ),
    )


def _value(both: Mapping[tuple[str, str], Difference], row: str, column: str) -> float | None:
    return both[row, column].estimate.value if (row, column) in both else None


def _sure(both: Mapping[tuple[str, str], Difference], row: str, column: str) -> float | None:
    if (row, column) not in both or both[row, column].estimate.value is None:
        return None
    (_, low, high) = member = both[row, column].adjusted
    if not member.is_told_from_noise or low is None or high is None:
        return 0.0
    return low if low > 0 else high


_NUMBERS = (
    ("difference", "difference"), ("low", "interval from"), ("high", "to"), ("p", "p"),
    ("q", "q (Holm)"), ("adjusted_low", "adjusted from"), ("adjusted_high", "to"),
)  # fmt: skip


_HOW = (
    "The first minus the second. The interval is that of the difference alone, the adjusted one is "
    "at the level that Holm's adjustment compares it with; better by more than noise is who has q "
    "below .05 and an adjusted interval that leaves 0."
)


def differences_table(differences: Sequence[Difference]) -> Table:
    """List the differences between students; of very many the surest."""
    total, kept = len(differences), differences
    if total > MOST_ROWS:
        q = [1.0 if one.adjusted.q is None else one.adjusted.q for one in differences]
        order = sorted(range(total), key=q.__getitem__)[:MOST_ROWS]
        kept = [differences[place] for place in sorted(order)]
    cut = f" The {MOST_ROWS} surest of {total}; metrics.csv has all." if total > MOST_ROWS else ""
    return _table("differences", "Differences between students", _HOW + cut, kept)


def transfer_table(differences: Sequence[Difference]) -> tuple[Table, ...]:
    """List what each student took of the teacher beyond its control; nothing without one."""
    if not differences:
        return ()
    caption = (
        "How much more often than its control, which had no teacher, a student gives the teacher's "
        "label: where the teacher is wrong, where it is right, and the first minus the second."
    )
    title = "What the students took of the teacher beyond their control"
    return (_table("transfer", title, caption, differences),)


def _table(name: str, title: str, caption: str, differences: Sequence[Difference]) -> Table:
    return Table(
        name=name,
        title=title,
        caption=caption,
        columns=(
            Column(name="number", label="number"),
            Column(name="a", label="first"),
            Column(name="b", label="second"),
            *(
                Column(name=key, label=label, kind="p" if key in ("p", "q") else "number")
                for key, label in _NUMBERS
            ),
            Column(name="n", label="n", kind="count"),
            Column(name="better", label="better"),
        ),
        rows=tuple(_row(one) for one in differences),
    )


def _row(one: Difference) -> tuple[Cell, ...]:
    number, (q, low, high) = one
    if number.value is None:
        verdict = number.undefined
    elif one.adjusted.is_told_from_noise:
        verdict = better(one) or "differ; neither is better"
    else:
        verdict = "within noise"
    return (
        label_of(number), number.model_a, number.model_b, number.value, number.low, number.high,
        number.p_value, q, low, high, number.n, verdict,
    )  # fmt: skip
