"""The page: one file that opens offline and answers on its first screen.

Does: order the sections, show every analysis no section reads, seal the page with its policy, and
give each chart as a file of its own. Does not: compute any number; the document holds them all.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from markupsafe import Markup

from kdprobe.atomic import write_text
from kdprobe.plain_text import printable
from kdprobe.report.blocks import analysis_block
from kdprobe.report.chart_standing import draw_standing
from kdprobe.report.charts import analysis_charts
from kdprobe.report.examples import page_data, script_json
from kdprobe.report.markup import fill
from kdprobe.report.section import SECTIONS, Section
from kdprobe.report.svg import chart_style, slug
from kdprobe.results.headline import headline, short_title
from kdprobe.results.notices import document_notices
from kdprobe.results.schema import Notice, ResultsDocument
from kdprobe.results.sweep import SweepDocument

UNREAD = 80


@dataclass(frozen=True)
class RenderedSection:
    """A section of a page: its place, its address, its heading and its markup."""

    order: int
    name: str
    title: str
    body: Markup


def _sealed(text: str) -> str:
    """Return the name under which a content security policy lets this style or script through."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode()


def asset(name: str) -> str:
    """Read a style sheet or script of this folder."""
    return resources.files("kdprobe.report").joinpath(name).read_text(encoding="utf-8")


def _parts(document: ResultsDocument) -> list[RenderedSection]:
    sections: list[Section] = [SECTIONS.load(name) for name in SECTIONS.names()]
    parts = []
    for section in sections:
        body = section.render(document)
        if body is not None:
            parts.append(RenderedSection(section.order, slug(section.name), section.title, body))
    read = {name for section in sections for name in section.reads}
    taken = {part.name for part in parts}
    for result in document.analyses:
        if result.name in read:
            continue
        block = analysis_block(document, result.name, heading=False)
        if block is not None:
            # An analysis may be called like a section that reads others.
            name = slug(result.name)
            name = f"analysis-{name}" if name in taken else name
            parts.append(RenderedSection(UNREAD, name, result.title, block))
    return sorted(parts, key=lambda part: part.order)


def render(document: ResultsDocument) -> str:
    """Render the report.

    Args:
        document: any results document, as old as the schema's first version.

    Returns:
        The page as HTML; the same document gives the same text, on every machine.
    """
    return compose(
        document,
        title=short_title(document),
        alarms=[notice for notice in document_notices(document) if notice.severity == "alarm"],
        parts=_parts(document),
        style=asset("page.css") + asset("verdict.css") + asset("attribution.css"),
        script=asset("page.js") + asset("browser.js"),
        data=page_data(document),
        file="results.json",
    )


def compose(
    document: ResultsDocument | SweepDocument,
    *,
    title: str,
    alarms: Sequence[Notice],
    parts: Sequence[RenderedSection],
    style: str,
    script: str,
    data: dict[str, object],
    file: str,
) -> str:
    """Put a page together and seal it with its policy.

    Args:
        document: what the page is about; its head names task, split, teacher and students.
        title: the heading; foreign text.
        alarms: shown above everything.
        parts: the sections, in their order.
        style: the texts of style sheets, beside the charts' own.
        script: the texts of scripts.
        data: what the scripts read, as JSON values.
        file: the document's file, named in the foot.
    """
    style = chart_style() + style
    page = fill(
        "page.html",
        document=document,
        title=printable(title, limit=160),
        alarms=alarms,
        sections=parts,
        style=Markup(style),
        style_hash=_sealed(style),
        script=Markup(script),
        script_hash=_sealed(script),
        data=Markup(script_json(data)),
        file=file,
    )
    return str(page) + "\n"


def write_report(document: ResultsDocument, path: Path) -> None:
    """Render the report into a file, whole or not at all.

    Raises:
        OutputError: the place cannot be written.
    """
    write_text(path, render(document))


def figures(document: ResultsDocument) -> dict[str, str]:
    """Draw every chart as an SVG file of its own, with its colours inside.

    Returns:
        Name (letters, digits and dashes, without `.svg`) -> SVG text.
    """
    charts = [chart for result in document.analyses for chart in analysis_charts(result, {})]
    standing = draw_standing(headline(document))
    return {
        chart.name: str(chart.svg(standalone=True)) + "\n"
        for chart in ([standing, *charts] if standing else charts)
    }
