"""Coloured words on a terminal: the same word in the same column, wrapped to its width.

Does: turn lines of marks into rich text, colour and weight by strength, the sign as second cue.
Does not: print.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kdprobe.plain_text import printable

if TYPE_CHECKING:
    from rich.text import Text

    from kdprobe.report.highlights import Line, Mark

_GAP = 2


def style_of(tint: str) -> str:
    """Return the style of a step of colour: blue and underlined toward, orange against.

    >>> style_of("t5"), style_of("a2"), style_of("")
    ('bold underline blue', 'dark_orange', '')
    """
    if not tint:
        return ""
    colour = "underline blue" if tint.startswith("t") else "dark_orange"
    return f"bold {colour}" if tint[1:] in ("4", "5") else colour


def _score(mark: Mark) -> str:
    return "–" if mark.score is None else f"{mark.score:+.2f}"


def word_lines(lines: Sequence[Line], *, width: int) -> list[Text]:
    """Write lines of the same words.

    Args:
        lines: one or more, each with the same words in the same order.
        width: of the terminal, in columns.

    Returns:
        One text for each row of the terminal; an empty one between blocks of several lines.
    """
    from rich.cells import cell_len
    from rich.text import Text

    from kdprobe.report.word_svg import blocks_of

    several = len({line.model for line in lines}) > 1
    names = [
        printable(f"{line.method} {line.model}" if several else line.method)
        + (f" ({line.note})" if line.note else "")
        for line in lines
    ]
    head = max(map(cell_len, names)) + 2
    words = [[printable(mark.word) for mark in line.marks] for line in lines]
    sizes = [
        max(
            cell_len(row[place]) + 1 + len(_score(line.marks[place]))
            for row, line in zip(words, lines, strict=True)
        )
        + _GAP
        for place in range(len(words[0]))
    ]
    written: list[Text] = []
    for number, block in enumerate(blocks_of(sizes, max(width - head, 1))):
        if number and len(lines) > 1:
            written.append(Text())
        for name, row, line in zip(names, words, lines, strict=True):
            shown = Text(no_wrap=True)
            shown.append(f"{name}:", style="bold").append(" " * (head - cell_len(name) - 1))
            for place in block:
                mark = line.marks[place]
                score = _score(mark)
                shown.append(row[place], style=style_of(mark.tint))
                blank = sizes[place] - cell_len(row[place]) - len(score) - 1
                shown.append(f" {score}" + " " * blank, style="dim")
            written.append(shown)
    return written
