"""The claims of a paper on a suite's page: each with its answer, its number and a picture.

Does: draw the number with its interval, what it is held against and the paper's figure on one axis;
count the answers. Does not: answer; the document holds the answers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from kdprobe.report.axes import Scale, padded, x_axis
from kdprobe.report.marks import marker, whisker
from kdprobe.report.markup import fill
from kdprobe.report.svg import Attribute, tag
from kdprobe.results.numbers import show_count, show_interval, show_number
from kdprobe.results.suite import SuiteAnswer, SuiteCell

_WIDE, _TALL, _EDGE, _FLOOR, _MIDDLE = 260.0, 46.0, 12.0, 26.0, 13.0
_DISC, _DIAMOND = 0, 3


class _ClaimView(NamedTuple):
    """A claim as it is shown: our number and the paper's in words, a picture, and its key."""

    answer: SuiteAnswer
    ours: str
    interval: str
    paper: str
    picture: Markup
    key: str


def claims_section(answers: Sequence[SuiteAnswer]) -> Markup:
    """Lay the claims out, in the order of the paper's suite."""
    return fill("suite_claims.html", views=[_view(one) for one in answers])


def claims_summary(answers: Sequence[SuiteAnswer]) -> str:
    """Count the answers.

    >>> claims_summary([SuiteAnswer(says="a", answer="no", evidence="")] * 2)
    '2 claims: 2 no.'
    """
    counts = Counter(one.answer for one in answers)
    parts = ", ".join(f"{count} {answer}" for answer, count in counts.most_common())
    return f"{show_count(len(answers))} claim{'s' if len(answers) > 1 else ''}: {parts}."


def _view(answer: SuiteAnswer) -> _ClaimView:
    cell = answer.cell
    interval = ""
    if cell.low is not None and cell.high is not None:
        interval = show_interval(cell.low, cell.high)
    return _ClaimView(
        answer=answer,
        ours="" if cell.value is None else show_number(cell.value),
        interval=interval,
        paper=_published(cell),
        picture=claim_picture(answer),
        key=_key(answer),
    )


def _published(cell: SuiteCell) -> str:
    figure = "" if cell.published is None else printed_figure(cell.published)
    return f"{figure} ({cell.printed})" if figure and cell.printed else figure or cell.printed


def printed_figure(value: float) -> str:
    """Write a published figure with the digits it is printed with.

    >>> printed_figure(-0.0003), printed_figure(82.74)
    ('−0.0003', '82.74')
    """
    return f"{value:g}".replace("-", "−")


def _key(answer: SuiteAnswer) -> str:
    """Say what the marks of a picture are."""
    if answer.possible:
        return "Grey: possible at these accuracies; dark: with independent mistakes; ◆ the paper."
    paper = "; ◆ the paper" if answer.cell.published is not None else ""
    interval = "" if answer.cell.low is None else ", with its 95 % interval"
    return f"● here{interval}{paper}; dashed: {answer.bound:g}."


def claim_picture(answer: SuiteAnswer) -> Markup:
    """Draw a claim's number beside what it is held against; nothing where there is no number.

    The numbers stand in words beside it, so that it is hidden from screen readers.
    """
    cell = answer.cell
    ends = [end for end in (cell.value, cell.low, cell.high) if end is not None]
    if not ends and not answer.possible:
        return Markup("")
    printed = () if cell.published is None else (cell.published,)
    held = answer.possible or (answer.bound,)
    scale = Scale(*padded([*ends, *held, *answer.independent, *printed]), _EDGE, _WIDE - _EDGE)
    inner = x_axis(scale, _FLOOR, "", top=2.0, wanted=4)
    for kind, band in (("possible", answer.possible), ("independent", answer.independent)):
        if band:
            inner += _band(kind, scale(min(band)), scale(max(band)))
    if not answer.possible:
        line: dict[str, Attribute] = {"class": "reference", "y1": 2.0, "y2": _FLOOR}
        inner += tag("line", {**line, "x1": scale(answer.bound), "x2": scale(answer.bound)})
    if cell.value is not None:
        marks = marker(_DISC, scale(cell.value), _MIDDLE, size=4.5)
        if cell.low is not None and cell.high is not None:
            marks += whisker(scale(cell.low), scale(cell.high), _MIDDLE, _MIDDLE)
        inner += tag("g", {"class": "s0"}, marks)
    if cell.published is not None:
        paper = marker(_DIAMOND, scale(cell.published), _MIDDLE, size=4.5)
        inner += tag("g", {"class": "s1"}, paper)
    size: dict[str, Attribute] = {"viewBox": f"0 0 {_WIDE:g} {_TALL:g}", "width": _WIDE}
    frame: dict[str, Attribute] = {"class": "chart claim-picture", **size, "height": _TALL}
    return Markup(tag("svg", {**frame, "aria-hidden": "true"}, inner))


def _band(kind: str, start: float, end: float) -> str:
    where: dict[str, Attribute] = {"x": start, "y": _MIDDLE - 5, "height": 10.0}
    return tag("rect", {"class": f"claim-{kind}", **where, "width": max(end - start, 1.0)})
