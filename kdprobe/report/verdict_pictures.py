"""The small pictures of the first screen: a mark in each cell, all of a column on one axis.

Does: draw a dot with its interval beside what it is read against (the teacher's interval, chance
and ceiling, the attainable range, the margin), and bars of size and speed. Does not: write numbers;
they stand beside each mark, so that a picture is hidden from screen readers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from kdprobe.report.axes import Scale, padded, tick_label, ticks
from kdprobe.report.marks import marker, styled, whisker
from kdprobe.report.palette import Palette, Style
from kdprobe.report.svg import Attribute, tag, text
from kdprobe.results.figures import Figure
from kdprobe.results.headline import Headline, HeadlineRow
from kdprobe.results.losses import Losses
from kdprobe.results.schema import Estimate
from kdprobe.results.screen import ratio, times_faster

WIDE, TALL, EDGE = 84.0, 12.0, 4.0
_MIDDLE = TALL / 2
_MOST_SQUARES = 12
Values = Sequence[float | None]


def chance_agreement(row: HeadlineRow) -> float | None:
    """Return the agreement that the two models' shares of labels give by chance.

    Definition: Cohen's expected agreement, (agreement - kappa) / (1 - kappa).

    """
    same, kappa = row.agreement.value, row.kappa.value
    if same is None or kappa is None or kappa >= 1:
        return None
    return (same - kappa) / (1 - kappa)


def _ends(number: Estimate | None) -> Values:
    return () if number is None else (number.value, number.low, number.high)


def _range(values: Values, *, least: float | None = None, most: float | None = None) -> Scale:
    """Return the scale of a column: all its numbers, and an end that is always in it."""
    known = [value for value in (*values, least, most) if value is not None]
    return Scale(*padded(known), EDGE, WIDE - EDGE)


def _line(kind: str, x: float, *, top: float = 1.0, foot: float = TALL - 1) -> str:
    return tag("line", {"class": kind, "x1": x, "x2": x, "y1": top, "y2": foot})


def _box(kind: str, x: float, end: float, *, tall: float = TALL) -> str:
    where: dict[str, Attribute] = {"x": x, "y": (TALL - tall) / 2, "height": tall}
    return tag("rect", {"class": kind, **where, "width": max(end - x, 1.0)})


def _dot(scale: Scale, number: Estimate | None, style: Style) -> str:
    """Draw a number with its interval in the colour and with the marker of a model."""
    if number is None or number.value is None:
        return ""
    inner = ""
    if number.low is not None and number.high is not None:
        inner = whisker(scale(number.low), scale(number.high), _MIDDLE, _MIDDLE)
    inner += marker(style.shape, scale(number.value), _MIDDLE, size=3.5)
    return styled(style, inner)


def _svg(inner: str, *, tall: float = TALL) -> Markup:
    size: dict[str, Attribute] = {"viewBox": f"0 0 {WIDE:g} {tall:g}", "width": WIDE}
    frame: dict[str, Attribute] = {"class": "chart cell-picture", **size, "height": tall}
    return Markup(tag("svg", {**frame, "aria-hidden": "true"}, inner))


@dataclass(frozen=True)
class Pictures:
    """The pictures of one first screen.

    Args:
        head: what is drawn.
    """

    head: Headline

    def _style(self, name: str) -> Style:
        """Return the look of a model, the same as in all charts."""
        return Palette.named(self.head.teacher, (row.student for row in self.head.rows)).style(name)

    def axis(self, key: str) -> Markup:
        """Draw the axis of a column for its heading; nothing where there is none."""
        scale = self._scale(key)
        if scale is None:
            return Markup("")
        marks = list(ticks(scale.low, scale.high, wanted=2))[:3]
        inner = tag("line", {"class": "axis", "x1": EDGE, "x2": WIDE - EDGE, "y1": 16, "y2": 16})
        for value in marks:
            x = scale(value)
            inner += _line("axis", x, top=13.0, foot=16.0)
            anchor = "start" if x < 14 else "end" if x > WIDE - 14 else "middle"
            inner += text(x, 10, tick_label(value), "tick", anchor)
        return _svg(inner, tall=17.0)

    def teacher(self, key: str) -> Markup:
        """Draw the teacher's own number, where a column has one."""
        own = {"score": self.head.teacher_score, "calibration": self.head.calibration}.get(key)
        scale = self._scale(key)
        if scale is None or own is None or own.known is None:
            return Markup("")
        return _svg(
            self._ground(key, scale, None) + _dot(scale, own.known, self._style(self.head.teacher))
        )

    def of(self, key: str, place: int) -> Markup:
        """Draw a student's cell, `place` its place among the students."""
        row = self.head.rows[place]
        if key in ("size", "speed"):
            return self._bar(key, place)
        if key == "layers":
            return _strip(row.layers)
        scale = self._scale(key)
        number = self._figure(key, row).known
        if scale is None or number is None:
            return Markup("")
        return _svg(self._ground(key, scale, row) + _dot(scale, number, self._style(row.student)))

    @staticmethod
    def _figure(key: str, row: HeadlineRow) -> Figure:
        figure: Figure = getattr(
            row, {"state": "difference", "score": "student_score"}.get(key, key)
        )
        return figure

    def _scale(self, key: str) -> Scale | None:
        """Return the one axis of a column."""
        rows = self.head.rows
        if key in ("size", "speed", "layers"):
            return None
        values = [end for row in rows for end in _ends(self._figure(key, row).known)]
        if not values:
            return None
        if key == "state":
            return _range([*values, 0.0], least=-self.head.margin, most=self.head.margin)
        if key == "score":
            theirs = self.head.teacher_score
            return _range([*values, *_ends(theirs.known if theirs else None)])
        if key == "agreement":
            return _range([*values, *(chance_agreement(row) for row in rows)], most=1.0)
        if key == "kappa":
            reach = [
                end for row in rows for end in (row.attainable_low.value, row.attainable_high.value)
            ]
            return _range([*values, *reach], least=0.0, most=1.0)
        if key == "attribution":
            return _range(values, least=0.0, most=1.0)
        if key == "calibration":
            values += _ends(self.head.calibration.known)
        return _range(values, most=1.0 if key == "score_pearson" else 0.0)

    def _ground(self, key: str, scale: Scale, row: HeadlineRow | None) -> str:
        """Draw what a number is read against."""
        base = tag(
            "line", {"class": "grid", "x1": EDGE, "x2": WIDE - EDGE, "y1": _MIDDLE, "y2": _MIDDLE}
        )
        if key == "state":
            return (
                _box("margin", scale(-self.head.margin), scale(self.head.margin))
                + _line("axis", scale(0.0))
                + base
            )
        if key == "score":
            theirs = self.head.teacher_score
            number = theirs.known if theirs else None
            band = ""
            if number is not None and number.low is not None and number.high is not None:
                band = _box("margin", scale(number.low), scale(number.high))
            at = (
                "" if number is None or number.value is None else _line("axis", scale(number.value))
            )
            return band + at + base
        if row is None:
            return _line("axis", scale(0.0)) + base
        if key == "agreement":
            chance, ceiling = chance_agreement(row), row.agreement_ceiling.value
            return base + _between(scale, chance, 1.0 if ceiling is None else ceiling)
        if key == "kappa":
            low, high, seeds = (
                f.value for f in (row.attainable_low, row.attainable_high, row.ceiling)
            )
            at = "" if seeds is None else _line("reference", scale(seeds))
            reach = (
                ""
                if low is None or high is None
                else _box("margin", scale(low), scale(high), tall=8.0)
            )
            return base + reach + at
        if key == "attribution":
            return base + _between(scale, 0.0, 1.0)
        return base + _line("axis", scale(1.0 if key == "score_pearson" else 0.0))

    def _bar(self, key: str, place: int) -> Markup:
        """Draw a ratio to the teacher as a bar, the teacher's 1 as a line."""
        measure: Callable[[HeadlineRow], float | None] = (
            (lambda row: ratio(row.parameters, self.head.parameters))
            if key == "size"
            else (lambda row: times_faster(row, self.head))
        )
        known = [value for value in map(measure, self.head.rows) if value is not None]
        value = measure(self.head.rows[place])
        if value is None:
            return Markup("")
        scale = Scale(0.0, max(1.0, *known), EDGE, WIDE - EDGE)
        style = self._style(self.head.rows[place].student)
        bar = styled(style, _box("bar", EDGE, scale(value), tall=7.0))
        return _svg(_box("margin", EDGE, scale(1.0), tall=7.0) + bar + _line("axis", scale(1.0)))


def _between(scale: Scale, low: float | None, high: float | None) -> str:
    """Draw a floor and a ceiling, each where it is known."""
    return "".join(_line("axis", scale(end)) for end in (low, high) if end is not None)


def _strip(losses: Losses) -> Markup:
    """Draw a square a task, those lost filled, those perhaps lost half so; of many tasks a bar."""
    total, lost, perhaps = losses.total or 0, len(losses.lost), len(losses.perhaps)
    if not total:
        return Markup("")
    room = WIDE - 2 * EDGE
    if total > _MOST_SQUARES:
        ends = [EDGE + room * part / total for part in (lost, lost + perhaps)]
        inner = _box("margin", EDGE, WIDE - EDGE, tall=7.0)
        inner += _box("perhaps", EDGE, ends[1], tall=7.0) if perhaps else ""
        return _svg(inner + (_box("lost", EDGE, ends[0], tall=7.0) if lost else ""))
    step = min(room / total, 10.0)
    kinds = ["lost"] * lost + ["perhaps"] * perhaps + ["margin"] * (total - lost - perhaps)
    squares = (
        _box(kind, EDGE + step * i, EDGE + step * (i + 1) - 2, tall=7.0)
        for i, kind in enumerate(kinds)
    )
    return _svg("".join(squares))
