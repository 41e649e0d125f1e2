"""SVG written by hand: elements, and the frame that makes a chart readable by everyone.

Does: escape every foreign string, round every coordinate, wrap marks into `<svg>`s with a title, a
description and the numbers behind them. Does not: know what is drawn; the chart files do.
Colour is by class only; `charts.css` says what a class looks like.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources

from markupsafe import Markup

from kdprobe.plain_text import printable
from kdprobe.report.lettering import extent, fitted
from kdprobe.results.schema import Column, Table

Attribute = str | float | int


def clean(text: str) -> str:
    """Escape a foreign string for text and for quoted attributes.

    >>> clean('<b>"x"')
    '&lt;b&gt;&quot;x&quot;'
    """
    return html.escape(printable(text), quote=True)


def slug(text: str) -> str:
    """Turn a name into lower-case letters, digits and dashes, for ids and file names.

    >>> slug("Student 6L <b>"), slug("学生")
    ('student-6l-b', 'x')
    """
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "x"


def coordinate(value: float) -> str:
    """Write a coordinate with at most one decimal.

    >>> coordinate(3.0), coordinate(3.25), coordinate(-0.01)
    ('3', '3.2', '0')
    """
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def tag(name: str, attributes: dict[str, Attribute], inner: str = "") -> str:
    """Write an element; `inner` is markup already, attribute values are escaped here."""
    written = "".join(
        f' {key}="{clean(value) if isinstance(value, str) else coordinate(value)}"'
        for key, value in attributes.items()
    )
    return f"<{name}{written}>{inner}</{name}>" if inner else f"<{name}{written}/>"


def title(content: str) -> str:
    """Write a native tooltip."""
    return f"<title>{clean(content)}</title>"


def text(x: float, y: float, content: str, kind: str = "", anchor: str = "start") -> str:
    """Write a label; `anchor` is start, middle or end."""
    return _text(x, y, clean(content) or "\u200d", kind, anchor)


def _text(x: float, y: float, inner: str, kind: str, anchor: str) -> str:
    classes = " ".join(word for word in ("t", kind, anchor != "start" and f"a-{anchor}") if word)
    return tag("text", {"class": classes, "x": x, "y": y}, inner)


def label(
    x: float, y: float, content: str, room: float, kind: str = "", anchor: str = "start"
) -> str:
    """Write a label no wider than `room` pixels; a cut one carries its whole text as a tooltip."""
    shown = fitted(content, room)
    hint = title(content) if shown != printable(content) else ""
    return _text(x, y, (hint + clean(shown)) or "\u200d", kind, anchor)


@dataclass(frozen=True)
class Panel:
    """One drawing of a chart.

    Args:
        title: what this panel shows.
        description: what a reader who cannot see it is told.
        width, height: of the drawing, in CSS pixels.
        marks: the SVG markup inside the frame.
    """

    title: str
    description: str
    width: float
    height: float
    marks: str

    def svg(self, key: str) -> Markup:
        """Write the panel as an image of its own; `key` is unique on the page."""
        opening = {**_opening(self.width, self.height), "aria-labelledby": f"{key}-t {key}-d"}
        named = _named(key, self.title, self.description)
        return Markup(tag("svg", opening, named + self.marks))


def _opening(width: float, height: float) -> dict[str, Attribute]:
    return {
        "class": "chart",
        "viewBox": f"0 0 {coordinate(width)} {coordinate(height)}",
        "width": width,
        "height": height,
        "role": "img",
    }


def _named(key: str, name: str, description: str) -> str:
    return (
        f'<title id="{key}-t">{clean(name)}</title><desc id="{key}-d">{clean(description)}</desc>'
    )


@dataclass(frozen=True)
class Key:
    """An entry of a legend: a name and its mark, drawn on 26 by 12 pixels; `model`: of a model."""

    name: str
    mark: str
    model: bool = False

    def svg(self) -> Markup:
        """Write the mark as a picture that stands before its name."""
        return Markup(
            tag("svg", {"class": "key", "viewBox": "0 0 26 12", "width": 26, "height": 12,
                        "aria-hidden": "true"}, self.mark)
        )  # fmt: skip


SMALL, MEDIUM = 200.0, 320.0
"""Panels up to these widths stand five, or three, in a row; wider ones alone."""
PAGE = 1000.0
"""The width of the text beside the table of contents, on a screen of 1280 pixels."""
_NEAR = 450.0
"""Panels up to this width are drawn smaller on a phone, wider ones scroll."""
_GAP, _ROW = 14.0, 18.0


@dataclass(frozen=True)
class Chart:
    """One chart of one or more panels, with everything a reader who cannot see it needs.

    Args:
        name: unique on the page; letters, digits and dashes.
        title: what is shown.
        finding: one sentence that compares; may be empty.
        caption: definition, n and method; may be empty.
        panels: at least one.
        numbers: the numbers that are drawn, shown under "Show numbers".
        numbers_total: rows there would be if `numbers` had not been cut.
        keys: the legend.
        folded: under what heading the chart is folded away; empty for one that is shown.
    """

    name: str
    title: str
    finding: str
    caption: str
    panels: tuple[Panel, ...]
    numbers: Table
    numbers_total: int = 0
    keys: tuple[Key, ...] = ()
    folded: str = ""

    @property
    def size(self) -> str:
        """How many panels share a row at most: a fifth of it, a third, or the whole for each."""
        width = max(panel.width for panel in self.panels)
        return "fifth" if width <= SMALL else "third" if width <= MEDIUM else "whole"

    @property
    def row(self) -> int:
        """How many panels stand in its first row, at most as many as a row holds."""
        return min(len(self.panels), {"fifth": 5, "third": 3}.get(self.size, len(self.panels)))

    @property
    def wide(self) -> float:
        """The width it takes on a wide page, in CSS pixels; see `.figure` in layout.css."""
        if self.size == "fifth":
            return 208.0 * self.row - 14 if self.row < 5 else PAGE
        if self.size == "third":
            return {1: 334.0, 2: 620.0}.get(self.row, PAGE)
        return min(PAGE, sum(panel.width + 28 for panel in self.panels) - 28)

    @property
    def near(self) -> bool:
        """Whether its letters stay legible where it is drawn as wide as a phone."""
        return max(panel.width for panel in self.panels) <= _NEAR

    @property
    def other_keys(self) -> tuple[Key, ...]:
        """The legend less the models, which a section names once for all of its charts."""
        return tuple(key for key in self.keys if not key.model)

    @property
    def description(self) -> str:
        """What a reader who cannot see the chart is told, of all panels."""
        return " ".join(dict.fromkeys(panel.description for panel in self.panels))

    def pictures(self) -> list[Markup]:
        """Write each panel as an image."""
        one = len(self.panels) == 1
        return [
            panel.svg(f"c-{self.name}" if one else f"c-{self.name}-p{i + 1}")
            for i, panel in enumerate(self.panels)
        ]

    def svg(self, *, standalone: bool = False) -> Markup:
        """Write the whole chart as one drawing, its legend included.

        Args:
            standalone: whether it carries its own style sheet and namespace.
        """
        columns = {"fifth": 5, "third": 3, "whole": 1}[self.size]
        width = max(panel.width for panel in self.panels)
        total = min(columns, len(self.panels)) * (width + _GAP) - _GAP
        inner, top = _legend(self.keys, total)
        for start in range(0, len(self.panels), columns):
            row = self.panels[start : start + columns]
            inner += "".join(_placed(panel, i * (width + _GAP), top) for i, panel in enumerate(row))
            top += max(panel.height for panel in row) + _GAP
        height = top - _GAP
        key = f"c-{self.name}"
        opening = {**_opening(total, height), "aria-labelledby": f"{key}-t {key}-d"}
        head = _named(key, self.title, self.description)
        if standalone:
            opening = {"xmlns": "http://www.w3.org/2000/svg", **opening}
            head += f"<style>{chart_style()}</style>"
            head += '<rect class="paper" x="0" y="0" width="100%" height="100%"/>'
        return Markup(tag("svg", opening, head + inner))


def _placed(panel: Panel, x: float, y: float) -> str:
    frame: dict[str, Attribute] = {"x": x, "y": y, "width": panel.width, "height": panel.height}
    return tag("svg", frame, panel.marks)


def _legend(keys: tuple[Key, ...], width: float) -> tuple[str, float]:
    """Draw a legend in rows no wider than the chart; gives the markup and its height."""
    drawn, at, top = "", 4.0, 0.0
    for key in keys:
        need = 32 + extent(key.name) + 14
        if at > 4 and at + need > width:
            at, top = 4.0, top + _ROW
        drawn += tag("svg", {"x": at, "y": top + 3, "width": 26, "height": 12}, key.mark)
        drawn += label(at + 32, top + 13, key.name, width - 40)
        at += need
    return drawn, top + _ROW + 6 if keys else 0.0


def chart_style() -> str:
    """Return the style sheet of all charts."""
    return resources.files("kdprobe.report").joinpath("charts.css").read_text(encoding="utf-8")


def numbers_table(
    columns: Iterable[Column], rows: list[tuple[str | int | float | bool | None, ...]]
) -> Table:
    """Make the table under "Show numbers"."""
    return Table(name="numbers", title="", columns=tuple(columns), rows=tuple(rows))
