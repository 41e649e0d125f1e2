"""What students broke and mended: answers that turned wrong to the left of 0, right to the right.

Does: draw a row a student from its flips against the teacher, and the difference of both as a mark.
Does not: count; the overlap's estimates hold the shares.
"""

from __future__ import annotations

from kdprobe.report.axes import Scale, x_axis
from kdprobe.report.chart_findings import listed, short
from kdprobe.report.marks import marker, reference, styled, whisker
from kdprobe.report.palette import Palette, Style
from kdprobe.report.svg import (
    Attribute,
    Chart,
    Key,
    Panel,
    label,
    numbers_table,
    tag,
    title,
)  # fmt: skip
from kdprobe.results.numbers import show_interval, show_number
from kdprobe.results.schema import AnalysisResult, Cell, Column, Estimate

WIDTH, ROW, TALL = 300.0, 36.0, 11.0
BROKEN, MENDED = "negative_flips", "positive_flips"
_CAPTION = (
    "To the left the share of examples that the teacher gets right and the student wrong, to the "
    "right the reverse; the diamond is right minus left, the difference in accuracy."
)


def _of(result: AnalysisResult, metric: str, teacher: str) -> dict[str, Estimate]:
    return {
        e.model_b: e
        for e in result.estimates
        if (e.metric, e.model_a, e.subset) == (metric, teacher, "all") and e.value is not None
    }


def draw_flips(result: AnalysisResult, name: str, palette: Palette) -> Chart | None:
    """Draw the flips of every student against the teacher, or give None where there are none."""
    broken = _of(result, BROKEN, palette.teacher)
    mended = _of(result, MENDED, palette.teacher)
    students = [student for student in palette.students if student in broken and student in mended]
    if not students:
        return None
    ends = [_high(one) for student in students for one in (broken[student], mended[student])]
    reach = 1.05 * max(*ends, 1e-3)
    x = Scale(-reach, reach, 12.0, WIDTH - 12)
    bottom = 4 + ROW * len(students)
    marks = x_axis(x, bottom, "share of examples: broken, mended", top=4.0)
    rows: list[tuple[Cell, ...]] = []
    for place, student in enumerate(students):
        pair = (broken[student], mended[student])
        marks += label(4, 4 + ROW * place + 12, student, WIDTH - 12, "over")
        marks += _row(student, pair, x, 4 + ROW * place + 24, palette.style(student))
        values = [value or 0.0 for value in (pair[0].value, pair[1].value)]
        rows.append((student, *values, values[1] - values[0]))
    marks += reference(x(0.0), x(0.0), 4.0, bottom)
    clauses = [
        f"{short(str(row[0]))} broke {show_number(float(row[1] or 0))} and mended "
        f"{show_number(float(row[2] or 0))}"
        for row in rows
    ]
    words = f"{'; '.join(clauses)}."
    return Chart(
        name=name,
        title="What each student broke and mended",
        finding=f"Of the teacher's answers {listed(clauses)}.",
        caption=_CAPTION,
        panels=(Panel("What each student broke and mended", words, WIDTH, bottom + 42, marks),),
        numbers=numbers_table(_heads(), rows),
        numbers_total=len(rows),
        keys=(Key("difference", styled(Style("s7", 3), marker(3, 19, 6))),),
    )


def _high(estimate: Estimate) -> float:
    return max(estimate.value or 0.0, estimate.high or 0.0)


def _row(
    student: str, pair: tuple[Estimate, Estimate], x: Scale, up: float, style: Style
) -> str:  # fmt: skip
    drawn = ""
    for estimate, sign, word in zip(pair, (-1.0, 1.0), ("broken", "mended"), strict=True):
        value = estimate.value or 0.0
        ends = sorted((x(0.0), x(sign * value)))
        box: dict[str, Attribute] = {"x": ends[0], "y": up - TALL / 2, "height": TALL}
        hint = f"{student}, {word}: {show_number(value)}"
        if estimate.low is not None and estimate.high is not None:
            hint += f" {show_interval(estimate.low, estimate.high)}"
        drawn += tag("rect", {"class": "bar", **box, "width": ends[1] - ends[0]}, title(hint))
        if estimate.low is not None and estimate.high is not None:
            drawn += whisker(x(sign * estimate.low), x(sign * estimate.high), up, up)
    net = (pair[1].value or 0.0) - (pair[0].value or 0.0)
    hint = title(f"{student}, difference: {show_number(net)}")
    return styled(style, drawn) + styled(Style("s7", 3), marker(3, x(net), up, tooltip=hint))


def _heads() -> list[Column]:
    return [
        Column(name="student", label="Student"),
        Column(name="broken", label="Broken", kind="number"),
        Column(name="mended", label="Mended", kind="number"),
        Column(name="net", label="Difference", kind="number"),
    ]
