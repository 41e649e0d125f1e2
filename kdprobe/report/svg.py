"""SVG written by hand: elements, and the frame that makes a chart readable by everyone.

Does: escape every foreign string, round every coordinate, wrap marks into an `<svg>` with a title,
a description and the numbers behind it. Does not: know what is drawn; the chart files do.
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


def text(x: float, y: float, content: str, kind: str = "", anchor: str = "start") -> str:
    """Write a label; `anchor` is start, middle or end."""
    classes = " ".join(word for word in ("t", kind, f"a-{anchor}") if word)
    return tag("text", {"class": classes, "x": x, "y": y}, clean(content) or "\u200d")


def title(content: str) -> str:
    """Write a native tooltip."""
    return f"<title>{clean(content)}</title>"


def clip(label: str, limit: int) -> str:
    """Shorten a label to a number of characters, with an ellipsis."""
    return printable(label, limit=limit)


SHRINKS = 560.0
"""The widest chart, in CSS pixels, whose labels stay readable when it shrinks to a phone."""


@dataclass(frozen=True)
class Chart:
    """One drawn chart with everything a reader who cannot see it needs.

    Args:
        name: unique on the page; letters, digits and dashes.
        title: what is shown.
        description: one sentence that states the finding.
        caption: how to read it; may be empty.
        width, height: of the drawing, in CSS pixels.
        marks: the SVG markup inside the frame.
        numbers: the numbers that are drawn, shown under "Show numbers".
        numbers_total: rows there would be if `numbers` had not been cut.
    """

    name: str
    title: str
    description: str
    caption: str
    width: float
    height: float
    marks: str
    numbers: Table
    numbers_total: int = 0

    def svg(self, *, standalone: bool = False) -> Markup:
        """Write the drawing; a standalone one carries its own style sheet and namespace."""
        key = f"c-{self.name}"
        opening: dict[str, Attribute] = {
            # A small chart shrinks with a phone's page; a wide one scrolls inside its own frame.
            "class": "chart small" if self.width <= SHRINKS else "chart",
            "viewBox": f"0 0 {coordinate(self.width)} {coordinate(self.height)}",
            "width": self.width,
            "height": self.height,
            "role": "img",
            "aria-labelledby": f"{key}-t {key}-d",
        }
        if standalone:
            opening = {"xmlns": "http://www.w3.org/2000/svg", **opening}
        inner = (
            f'<title id="{key}-t">{clean(self.title)}</title>'
            f'<desc id="{key}-d">{clean(self.description)}</desc>'
        )
        if standalone:
            inner += f"<style>{chart_style()}</style>"
            inner += '<rect class="paper" x="0" y="0" width="100%" height="100%"/>'
        return Markup(tag("svg", opening, inner + self.marks))


def chart_style() -> str:
    """Return the style sheet of all charts."""
    return resources.files("kdprobe.report").joinpath("charts.css").read_text(encoding="utf-8")


def numbers_table(
    columns: Iterable[Column], rows: list[tuple[str | int | float | bool | None, ...]]
) -> Table:
    """Make the table under "Show numbers"."""
    return Table(name="numbers", title="", columns=tuple(columns), rows=tuple(rows))
