"""Foreign text made safe to show.

Does: replace what a terminal or a page could act on. Does not: escape HTML or rich markup; whoever
renders does that.
"""

from __future__ import annotations

import unicodedata

_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_KEPT = {"\u200c", "\u200d"}  # joiners: Persian, Indic scripts and emoji sequences need them


def printable(text: str, *, limit: int | None = None) -> str:
    r"""Replace control, format, surrogate and unassigned characters by U+FFFD; tab and newline by a blank.

    Args:
        text: any string, hostile ones included.
        limit: the longest result in characters, an ellipsis included; None keeps all.

    >>> printable("a\x1b[31mb\tc")
    'a\ufffd[31mb c'
    >>> printable("abcdef", limit=4)
    'abc…'
    """  # noqa: E501 (one sentence)
    # str.isprintable() is false for every category replaced here, and far faster.
    shown = (
        text
        if text.isprintable()
        else "".join(
            " "
            if char in "\t\n\r"
            else "\ufffd"
            if unicodedata.category(char) in _HIDDEN and char not in _KEPT
            else char
            for char in text
        )
    )
    if limit is not None and len(shown) > limit:
        return shown[: limit - 1] + "…"
    return shown
