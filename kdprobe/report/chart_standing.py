"""Score against agreement: a dot a student with both intervals, on the first screen.

Does: place the students beside the teacher's score and the ceiling between seeds, and name each at
the chart's edge. Does not: choose numbers; the headline does.
"""

from __future__ import annotations

from dataclasses import dataclass

from kdprobe.report.axes import Scale, padded, x_axis, y_axis
from kdprobe.report.marks import marker, reference, styled, whisker
from kdprobe.report.palette import Palette, Style
from kdprobe.report.svg import (
    Attribute,
    Chart,
    Panel,
    label,
    numbers_table,
    tag,
    text,
    title,
)
from kdprobe.results.headline import Headline
from kdprobe.results.numbers import decimals, show_number
from kdprobe.results.schema import Cell, Column, Estimate
from kdprobe.results.sentences import with_interval, within_sentence

NAME = "score-against-agreement"
_LEFT, _WIDTH, _HEIGHT, _TOP = 44.0, 250.0, 152.0, 22.0
_NAMES, _APART = 130.0, 14.0
_MOST_NAMED = 12


@dataclass(frozen=True)
class _Point:
    style: Style
    name: str
    x: Estimate
    y: Estimate


def _points(head: Headline) -> list[_Point]:
    points = []
    palette = Palette.named(head.teacher, (row.student for row in head.rows))
    for row in head.rows:
        near = (row.score_pearson if head.kind == "regression" else row.agreement).known
        score = row.student_score.known
        if near is not None and score is not None:
            points.append(_Point(palette.style(row.student), row.student, near, score))
    return points


def _values(numbers: list[Estimate]) -> list[float]:
    return [end for n in numbers for end in (n.value, n.low, n.high) if end is not None]


def _drawn(point: _Point, x: Scale, y: Scale, hint: str) -> str:
    across, up = x(point.x.value or 0.0), y(point.y.value or 0.0)
    inner = ""
    if point.x.low is not None and point.x.high is not None:
        inner += whisker(x(point.x.low), x(point.x.high), up, up)
    if point.y.low is not None and point.y.high is not None:
        inner += whisker(across, across, y(point.y.low), y(point.y.high))
    inner += marker(point.style.shape, across, up, size=4.5, tooltip=title(hint))
    return styled(point.style, inner)


def _names(points: list[_Point], x: Scale, y: Scale) -> str:
    """Name each point at the right edge, in the order of height, none upon another."""
    ordered = sorted(points, key=lambda point: -(point.y.value or 0.0))
    heights: list[float] = []
    for point in ordered:
        wanted = y(point.y.value or 0.0)
        heights.append(max(wanted, heights[-1] + _APART) if heights else wanted)
    overflow = max(0.0, heights[-1] - (_TOP + _HEIGHT)) if heights else 0.0
    for i in range(len(heights) - 1, -1, -1):
        ceiling = heights[i + 1] - _APART if i + 1 < len(heights) else heights[i] - overflow
        heights[i] = min(heights[i], ceiling)
    drawn, edge = "", _LEFT + _WIDTH
    for point, height in zip(ordered, heights, strict=True):
        start: dict[str, Attribute] = {"x1": x(point.x.value or 0.0), "y1": y(point.y.value or 0.0)}
        at: dict[str, Attribute] = {**start, "x2": edge + 6, "y2": height}
        lead = tag("line", {"class": "leader", **at})
        lead += marker(point.style.shape, edge + 12, height, size=3.5)
        lead += label(edge + 20, height + 4, point.name, _NAMES - 20)
        drawn += styled(point.style, lead)
    return drawn


def _finding(head: Headline, points: list[_Point], near: str) -> str:
    """State from whom to whom both numbers reach; that of one student, its two numbers.

    Who is best is not said: students that lie apart here may not differ by more than noise.
    """
    theirs = head.teacher_score.known if head.teacher_score else None
    label = within_sentence(head.score)
    against = "" if theirs is None else f", the teacher {_shown(theirs)}"
    if len(points) == 1:
        only = points[0]
        return f"{only.name}: {near} {_shown(only.x)}, {label} {_shown(only.y)}{against}."
    nearness = _reach([(point.name, point.x) for point in points])
    score = _reach([(point.name, point.y) for point in points])
    return f"{near[:1].upper()}{near[1:]} {nearness}; {label} {score}{against}."


def _reach(numbers: list[tuple[str, Estimate]]) -> str:
    """Write the least and the most of several numbers, and whose they are."""
    ordered = sorted(numbers, key=lambda pair: pair[1].value or 0.0)
    (least, low), (most, high) = ordered[0], ordered[-1]
    if _shown(low) == _shown(high):
        return f"{_shown(low)} of each"
    return f"from {_shown(low)} ({least}) to {_shown(high)} ({most})"


def _shown(number: Estimate) -> str:
    return show_number(number.value or 0.0, digits=decimals(number.n))


def _lines(head: Headline, x: Scale, y: Scale) -> str:
    """Draw the teacher's score and, where models were given with several seeds, the ceiling."""
    marks, foot = "", _TOP + _HEIGHT
    theirs = head.teacher_score.known if head.teacher_score else None
    if theirs is not None and theirs.value is not None:
        if theirs.low is not None and theirs.high is not None:
            box = {"x": _LEFT, "width": _WIDTH, "y": y(theirs.high)}
            marks += tag(
                "rect", {"class": "margin", **box, "height": y(theirs.low) - y(theirs.high)}
            )
        up = y(theirs.value)
        marks += tag(
            "line", {"class": "axis", "x1": _LEFT, "x2": _LEFT + _WIDTH, "y1": up, "y2": up}
        )
        marks += text(_LEFT + 4, up - 4, f"teacher {_shown(theirs)}", "tick")
    seeds = next((r.agreement_ceiling.known for r in head.rows if r.agreement_ceiling.known), None)
    if seeds is not None and seeds.value is not None and head.kind != "regression":
        at = x(seeds.value)
        marks += reference(at, at, _TOP, foot)
        marks += text(at - 4, foot - 6, f"between seeds {_shown(seeds)}", "tick", "end")
    return marks


def draw_standing(head: Headline) -> Chart | None:
    """Draw the chart; None where no student has both numbers."""
    points = _points(head)
    if not points:
        return None
    theirs = head.teacher_score.known if head.teacher_score else None
    seeds = [r.agreement_ceiling.known for r in head.rows if r.agreement_ceiling.known]
    regression = head.kind == "regression"
    near = "Pearson with the teacher" if regression else "agreement with the teacher"
    across = _values([point.x for point in points] + ([] if regression else seeds[:1]))
    up = _values([point.y for point in points] + ([theirs] if theirs else []))
    x = Scale(*padded(across), _LEFT, _LEFT + _WIDTH)
    y = Scale(*padded(up), _TOP + _HEIGHT, _TOP)
    marks = x_axis(x, _TOP + _HEIGHT, near, top=_TOP) + y_axis(
        y, _LEFT, head.score, right=_LEFT + _WIDTH
    )
    marks += _lines(head, x, y)
    rows: list[tuple[Cell, ...]] = []
    for point in points:
        hint = (
            f"{point.name}: {near} {with_interval(point.x)}, {head.score} {with_interval(point.y)}"
        )
        marks += _drawn(point, x, y, hint)
        ends = (point.x.low, point.x.high, point.y.value, point.y.low, point.y.high)
        rows.append((point.name, point.x.value, *ends))
    named = len(points) <= _MOST_NAMED
    heads = [Column(name="student", label="Student")]
    for name, shown in (("near", near), ("score", head.score)):
        heads += [Column(name=name, label=shown, kind="number")]
        heads += [Column(name=f"{name}_{end}", label=end, kind="number") for end in ("low", "high")]
    heading, finding = f"{head.score} against {near}", _finding(head, points, near)
    return Chart(
        name=NAME,
        title=heading,
        finding=finding,
        caption="",
        panels=(
            Panel(
                heading,
                finding,
                _LEFT + _WIDTH + (_NAMES if named else 16.0),
                _TOP + _HEIGHT + 44,
                marks + (_names(points, x, y) if named else ""),
            ),
        ),
        numbers=numbers_table(heads, rows),
        numbers_total=len(rows),
    )
