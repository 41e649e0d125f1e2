"""How wide labels are, estimated, and how they are cut or broken to fit.

Does: measure in pixels at 12 px, letters of wide scripts double. Does not: draw, or know a font.
"""

from __future__ import annotations

import unicodedata

from kdprobe.plain_text import printable

LETTER, WIDE_LETTER = 6.8, 12.4
"""The mean width of a letter at 12 px, and of one of a wide script, in CSS pixels."""


def extent(content: str) -> float:
    """Estimate the width of a label in pixels; letters of wide scripts count double.

    >>> extent("ab"), extent("学")
    (13.6, 12.4)
    """
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in content)
    return round(wide * WIDE_LETTER + (len(content) - wide) * LETTER, 6)


def fitted(content: str, room: float) -> str:
    """Cut a label to a width in pixels, with an ellipsis.

    >>> fitted("distilbert", 100), fitted("distilbert", 40)
    ('distilbert', 'dist…')
    """
    shown = printable(content)
    if extent(shown) <= room:
        return shown
    kept = ""
    for letter in shown:
        if extent(kept + letter) + LETTER > room:
            break
        kept += letter
    return kept + "…"


def lines(content: str, room: float, *, most: int = 2, cut: bool = True) -> list[str]:
    """Break a label at blanks into lines no wider than `room` pixels.

    Args:
        content: foreign text.
        room: in pixels.
        most: how many lines there may be.
        cut: whether a line that is too wide is cut, as the last one may be.

    >>> lines("share of the answers as the teacher", 130)
    ['share of the', 'answers as the tea…']
    >>> lines("score", 130)
    ['score']
    """
    words = printable(content).split(" ")
    broken = [words[0]]
    for word in words[1:]:
        longer = f"{broken[-1]} {word}"
        if extent(longer) <= room or len(broken) == most:
            broken[-1] = longer
        else:
            broken.append(word)
    return [fitted(line, room) for line in broken] if cut else broken
