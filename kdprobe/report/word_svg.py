"""Coloured words as an SVG of its own: for a slide, a paper, a message.

Does: draw lines of words, the same word in the same column, wrapped to a width. Does not: scale
scores between lines, or need a font of a known width: every word is fitted to its box.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from importlib import resources

from kdprobe.plain_text import printable
from kdprobe.report.highlights import Line, Mark
from kdprobe.report.svg import Attribute, clean, tag, title

WIDTH = 920.0
_CHAR, _SMALL = 8.5, 6.7
_LINE, _BLOCK = 40.0, 14.0
_MARGIN, _TOP = 16.0, 60.0
_LEGEND = "Underlined blue speaks for the explained label, dotted orange against it."


def cells(text: str) -> int:
    """Count the columns a text takes in a monospace font.

    >>> cells("word"), cells("\u5b66\u751f"), cells("e\u0301")
    (4, 4, 1)
    """
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )


def _widths(lines: Sequence[Line]) -> list[float]:
    """Return the width of each column: its word or its longest score."""
    return [
        12
        + max(
            max(_CHAR * cells(printable(line.marks[place].word)),
                _SMALL * len(line.marks[place].shown))
            for line in lines
        )
        for place in range(len(lines[0].marks))
    ]  # fmt: skip


def blocks_of(widths: Sequence[float], room: float) -> list[list[int]]:
    """Break columns into blocks that fit; a column wider than a block stands alone.

    >>> blocks_of([3, 4, 9, 2], 8)
    [[0, 1], [2], [3]]
    """
    blocks: list[list[int]] = [[]]
    used = 0.0
    for place, width in enumerate(widths):
        if blocks[-1] and used + width > room:
            blocks.append([])
            used = 0.0
        blocks[-1].append(place)
        used += width
    return blocks


def _word(mark: Mark, x: float, y: float, width: float) -> str:
    """Draw one word in its box, with its score under it."""
    shown = printable(mark.word)
    long = _CHAR * cells(shown)
    drawn = ""
    if mark.tint:
        box: dict[str, Attribute] = {"x": x, "y": y - 15, "width": width - 4, "height": 20, "rx": 3}
        drawn += tag("rect", {"class": mark.tint, **box})
        side = "toward" if mark.tint.startswith("t") else "against"
        ends: dict[str, Attribute] = {"x1": x + 4, "x2": x + width - 8, "y1": y + 3, "y2": y + 3}
        drawn += tag("line", {"class": side, **ends})
    middle = x + (width - 4) / 2
    fit: dict[str, Attribute] = {
        "x": middle,
        "y": y,
        "textLength": long,
        "lengthAdjust": "spacingAndGlyphs",
    }
    drawn += tag("text", {"class": "ink mid", **fit}, clean(shown) or "\u200d")
    text = mark.shown
    drawn += tag("text", {"class": "soft mid", "x": middle, "y": y + 17}, clean(text))
    return tag("g", {}, title(f"{shown} {text}") + drawn)


def _strongest(line: Line) -> str:
    known = [mark for mark in line.marks if mark.score]
    best = max(known, key=lambda mark: abs(mark.score or 0.0), default=None)
    text = f"{printable(best.word)} ({best.shown})" if best else "none"
    return f"{line.method} of {line.model}: strongest word {text}."


def words_svg(heading: str, lines: Sequence[Line]) -> str:
    """Draw lines of the same words.

    Args:
        heading: what is explained; stands above the words.
        lines: one or more, each with the same words in the same order.

    Returns:
        An SVG document with its own style sheet, light and dark; the same lines give the same text.
    """
    style = resources.files("kdprobe.report").joinpath("word_svg.css").read_text(encoding="utf-8")
    heads = [(line.method, line.model_noted) for line in lines]
    left = _MARGIN + 16 + max(max(8.8 * cells(a), _SMALL * cells(b)) for a, b in heads)
    widths = _widths(lines)
    blocks = blocks_of(widths, WIDTH - left - _MARGIN)
    width = max(WIDTH, left + max(widths) + _MARGIN)
    drawn, y = "", _TOP
    for block in blocks:
        for line in lines:
            drawn += tag("text", {"class": "ink head", "x": _MARGIN, "y": y}, clean(line.method))
            text = clean(line.model_noted)
            drawn += tag("text", {"class": "soft", "x": _MARGIN, "y": y + 15}, text)
            x = left
            for place in block:
                drawn += _word(line.marks[place], x, y, widths[place])
                x += widths[place]
            y += _LINE
        y += _BLOCK
    height = y + 4
    drawn += tag("text", {"class": "soft", "x": _MARGIN, "y": y - 8}, _LEGEND)
    whole = tag("rect", {"class": "paper", "x": 0, "y": 0, "width": width, "height": height})
    whole += tag("text", {"class": "ink head", "x": _MARGIN, "y": 28}, clean(heading) or "\u200d")
    frame: dict[str, Attribute] = {
        "xmlns": "http://www.w3.org/2000/svg", "class": "words", "role": "img",
        "viewBox": f"0 0 {width:.0f} {height:.0f}", "width": width, "height": height,
        "aria-labelledby": "words-t words-d",
    }  # fmt: skip
    described = clean(" ".join(_strongest(line) for line in lines))
    named = f'<title id="words-t">{clean(heading)}</title><desc id="words-d">{described}</desc>'
    return tag("svg", frame, f"{named}<style>{style}</style>{whole}{drawn}") + "\n"
