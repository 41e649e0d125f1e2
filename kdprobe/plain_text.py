"""Foreign text made safe to show.

Does: replace what a terminal or a page could act on. Does not: escape HTML or rich markup; whoever
renders does that.
"""

from __future__ import annotations

import re
import unicodedata

_SENTENCE_END = re.compile(r"[.!?][)\"'\]]?(?=\s)")
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_KEPT = {"\u200c", "\u200d"}  # joiners: Persian, Indic scripts and emoji sequences need them


def shortened(text: str, limit: int) -> str:
    """Cut a text after its last whole sentence that fits, or, where none does, after a word.

    A sentence ends at a full stop, a question or exclamation mark, a closing bracket after it or
    not, before a blank.

    >>> shortened("It is gone. Set HF_HUB_OFFLINE=0 to look again.", 30)
    'It is gone.'
    >>> shortened("one two three four", 12)
    'one two …'
    """
    if len(text) <= limit:
        return text
    ends = [match.end() for match in _SENTENCE_END.finditer(text[: limit + 1])]
    if ends and ends[-1] >= limit // 4:
        return text[: ends[-1]]
    head = text[: limit - 2]
    return f"{head.rpartition(' ')[0] or head} …"


def how_many(count: int, one: str, many: str = "") -> str:
    """Return a count with what is counted.

    Args:
        count: how many there are.
        one: the word for one of them.
        many: the word for several; empty: the same with an s.

    >>> how_many(1, "model"), how_many(1200, "model"), how_many(0, "property", "properties")
    ('1 model', '1,200 models', '0 properties')
    """
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"


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
