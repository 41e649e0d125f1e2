"""A text as words and what stands between them.

Does: take a text apart so that it can be put together again letter for letter, other words in the
places of its own. Does not: say what a word is; `models.words` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kdprobe.models.words import split_words
from kdprobe.observations.attributions import Word


class Worded(NamedTuple):
    """The words of one text with their places, and the gaps before, between and behind them."""

    words: tuple[Word, ...]
    gaps: tuple[str, ...]

    @property
    def forms(self) -> tuple[str, ...]:
        """The words as they are written."""
        return tuple(word.text for word in self.words)


def read_words(text: str) -> Worded:
    """Take a text apart.

    Hyphens are words of their own, as for the taggers and tokenizers of the published methods.

    >>> worded = read_words("Well, no.")
    >>> worded.forms, worded.gaps
    (('Well', ',', 'no', '.'), ('', '', ' ', '', ''))
    """
    words = split_words(text, hyphenated=False)
    ends = [0, *(word.end for word in words)]
    starts = [*(word.start for word in words), len(text)]
    return Worded(words, tuple(text[end:start] for end, start in zip(ends, starts, strict=True)))


def spell(words: Sequence[str], gaps: Sequence[str]) -> str:
    """Put words together with the gaps between them.

    Args:
        words: any words.
        gaps: what stands between each two, one fewer than words.

    >>> spell(["Well", ",", "yes"], ["", " "])
    'Well, yes'
    """
    if not words:
        return ""
    return words[0] + "".join(gap + word for gap, word in zip(gaps, words[1:], strict=True))
