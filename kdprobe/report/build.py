"""The page: one file that opens offline and answers on its first screen.

Does: order the sections, show every analysis no section reads, seal the page with its policy, and
give each chart as a file of its own. Does not: compute any number; the document holds them all.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
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
from kdprobe.report.examples import script_data, script_json
from kdprobe.report.leads import lead
from kdprobe.report.markup import fill
from kdprobe.report.numbering import numbered
from kdprobe.report.section import FOLDED, SECTIONS, UNREAD, Section, group_of
from kdprobe.report.svg import chart_style, slug
from kdprobe.results.diff import DiffDocument
from kdprobe.results.headline import headline, short_title
from kdprobe.results.notices import NoticeGroup, document_notices, joined
from kdprobe.results.schema import ResultsDocument
from kdprobe.results.suite import SuiteDocument
from kdprobe.results.sweep import SweepDocument

STYLES = ("page.css", "layout.css", "tables.css")
SCRIPTS = ("page.js", "navigation.js", "packed.js", "tables.js")
BROWSER = (
    "tabs", "points", "browser_data", "browser_filters", "browser_lists", "browser_address",
    "browser_table", "browser_words", "browser_panel", "browser_csv", "browser_chips",
    "browser_keys", "browser",
)  # fmt: skip
"""The scripts of the examples, in the order in which they use each other."""


@dataclass(frozen=True)
class RenderedSection:
    """A section of a page: its place, its address, its heading, its markup, and one sentence.

    `group` is its group in the table of contents, where its place does not say it.
    """

    order: int
    name: str
    title: str
    body: Markup
    lead: str = ""
    group: str = ""

    @property
    def folded(self) -> bool:
        """Whether it is folded until it is asked for."""
        return self.order >= FOLDED


@dataclass(frozen=True)
class ContentsGroup:
    """A group of the table of contents."""

    title: str
    sections: tuple[RenderedSection, ...]


def _group(part: RenderedSection) -> str:
    return part.group or group_of(part.order)


def grouped(parts: Sequence[RenderedSection]) -> list[ContentsGroup]:
    """Put sections in their order into the groups of the table of contents."""
    return [
        ContentsGroup(title, tuple(members)) for title, members in itertools.groupby(parts, _group)
    ]


def page_style(*more: str) -> str:
    """Return the style of every page of kdprobe, the charts' own first, and further sheets."""
    return chart_style() + "".join(asset(name) for name in (*STYLES, *more))


def page_script(*more: str) -> str:
    """Return the script of every page, and further files."""
    return "".join(asset(name) for name in (*SCRIPTS, *more))


def sealed(text: str) -> str:
    """Return the name under which a content security policy lets this style or script through."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode()


def asset(name: str) -> str:
    """Read a style sheet or script of this folder, without its indentation."""
    text = resources.files("kdprobe.report").joinpath(name).read_text(encoding="utf-8")
    return "".join(line.lstrip() for line in text.splitlines(keepends=True))


def _parts(document: ResultsDocument) -> list[RenderedSection]:
    sections: list[Section] = [SECTIONS.load(name) for name in SECTIONS.names()]
    parts = []
    for section in sections:
        body = section.render(document)
        if body is not None:
            words = lead(document, section.name)
            parts.append(
                RenderedSection(section.order, slug(section.name), section.title, body, words)
            )
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
        alarms=joined([n for n in document_notices(document) if n.severity == "alarm"]),
        parts=_parts(document),
        style=page_style("verdict.css", "attribution.css", "browser.css"),
        script=page_script(*(f"{name}.js" for name in BROWSER)),
        data=script_data(document),
        file="results.json",
    )


def compose(
    document: ResultsDocument | SweepDocument | SuiteDocument | DiffDocument,
    *,
    title: str,
    subtitle: str = "",
    alarms: Sequence[NoticeGroup],
    parts: Sequence[RenderedSection],
    style: str,
    script: str,
    data: dict[str, object],
    file: str,
) -> str:
    """Put a page together and seal it with its policy.

    Args:
        document: what the page is about.
        title: the heading; foreign text.
        subtitle: the line under it; empty: task, split, teacher and students.
        alarms: shown above everything.
        parts: the sections, in their order.
        style: see `page_style`.
        script: see `page_script`.
        data: what the scripts read, as JSON values.
        file: the document's file, named in the foot.
    """
    page = fill(
        "page.html",
        document=document,
        title=printable(title, limit=160),
        subtitle=subtitle,
        alarms=alarms,
        sections=parts,
        groups=grouped(parts),
        style=Markup(style),
        style_hash=sealed(style),
        script=Markup(script),
        script_hash=sealed(script),
        data=Markup(script_json(data)),
        file=file,
    )
    return numbered(str(page)) + "\n"


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
    charts = [
        chart for result in document.analyses for chart in analysis_charts(result, {}, document)
    ]
    standing = draw_standing(headline(document))
    return {
        chart.name: str(chart.svg(standalone=True)) + "\n"
        for chart in ([standing, *charts] if standing else charts)
    }
