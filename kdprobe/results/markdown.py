"""The first screen as Markdown: for a pull request, an issue or a wiki.

Does: write what the page's first screen says, from the same table and sentences. Does not: hold
anything that the page does not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from kdprobe.plain_text import printable
from kdprobe.results.headline import headline, short_title
from kdprobe.results.notices import all_notices, joined, of_the_teacher
from kdprobe.results.readings import readings
from kdprobe.results.schema import ResultsDocument
from kdprobe.results.screen import Screen, ScreenCell, ScreenColumn, screen
from kdprobe.results.unable import unable

_ACTS = re.compile(r"([\\`*_|~$]|\](?=[(\[:]))")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "&#64;"}
_LINKS = {"://": "&#58;//", "www.": "www&#46;"}
_OPENS = re.compile(r"^(\s*)([#+=\[-])")
_COUNTS = re.compile(r"^(\s*\d+)([.)])(?=\s|$)")


def plain_markdown(text: str) -> str:
    r"""Write foreign text so that Markdown shows it and does nothing with it.

    >>> plain_markdown("a|b *c* <i> @me")
    'a\\|b \\*c\\* &lt;i&gt; &#64;me'
    >>> plain_markdown("# 1"), plain_markdown("1. x"), plain_markdown("[a](b)")
    ('\\# 1', '1\\. x', '\\[a\\](b)')
    """
    shown = "".join(_ENTITIES.get(char, char) for char in printable(text).strip())
    shown = _ACTS.sub(r"\\\1", shown)
    for mark, written in _LINKS.items():
        shown = shown.replace(mark, written)
    return _COUNTS.sub(r"\1\\\2", _OPENS.sub(r"\1\\\2", shown))


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _heading(column: ScreenColumn) -> str:
    label = plain_markdown(column.label[:1].upper() + column.label[1:])
    return f"{label}<br>{plain_markdown(column.hint)}" if column.hint else label


def _cell(cell: ScreenCell) -> str:
    """Write a cell; a reason stands where there is no number."""
    if cell.reason:
        return plain_markdown(cell.reason)
    if cell == ScreenCell():
        return ""
    number = plain_markdown(" ".join(filter(None, (cell.value, cell.interval))))
    return f"{number}<br>{plain_markdown(cell.more)}" if cell.more else number


def screen_table(shown: Screen) -> list[str]:
    """Write the table of the first screen, a line a model."""
    lines = [
        _row(["Model", *map(_heading, shown.columns)]),
        "|" + "---|" * (len(shown.columns) + 1),
    ]
    for row in shown.rows:
        name = f"{plain_markdown(row.name)}<br>{row.role}"
        lines.append(_row([name, *map(_cell, row.cells)]))
    return lines


def markdown_summary(document: ResultsDocument) -> str:
    """Return the first screen of a document as Markdown.

    Args:
        document: any results document.
    """
    head, task = headline(document), document.task
    shown = screen(head)
    lines = [f"# {plain_markdown(short_title(document))}", ""]
    split = f"{task.name}, {task.split} split, n = {task.n:,}{task.in_clusters}."
    lines += [plain_markdown(split), ""]
    notices = joined([n for n in all_notices(document, head) if n.severity != "note"])
    lines += [f"- **{notice.severity}**: {plain_markdown(notice.message)}" for notice in notices]
    lines += ["", *screen_table(shown), ""] if notices else [*screen_table(shown), ""]
    sentences = (*shown.sentences, *of_the_teacher(document, head))
    lines += [*(f"- {plain_markdown(sentence)}" for sentence in sentences), ""]
    unrun = [plain_markdown(item.names) for item in unable(document.skipped) if not item.requested]
    lines += [f"Not run: {', '.join(unrun)}.", ""] if unrun else []
    reading = readings(shown, head, "state", "attribution")
    lines += [" ".join(["Brackets hold 95 % intervals.", *map(plain_markdown, reading)]), ""]
    return "\n".join(lines)
