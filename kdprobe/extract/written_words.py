"""What is written of a text when some of its words are left out.

Does: write one text of a coalition, what stands between neighbours kept. Does not: know a model, or
which words to leave out.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from kdprobe.observations.attributions import Word
from kdprobe.segmentation import writes_no_blanks
from kdprobe.stats.arrays import Bools


def _unspaced(text: str, end: int, start: int) -> bool:
    """Whether the word that ends here and the one that starts there may touch.

    >>> _unspaced("很好看", 1, 2), _unspaced("很 好看", 1, 3), _unspaced("yes/no", 3, 4)
    (True, False, False)
    """
    if any(map(str.isspace, text[end:start])):
        return False
    return writes_no_blanks(text[max(0, end - 1) : end]) or writes_no_blanks(text[start])


class SegmentWords:
    """The words of one text, and how what is kept of them is written.

    Args:
        text: the text.
        words: its words in order, each with its place in a coalition.
    """

    def __init__(self, text: str, words: Sequence[tuple[int, Word]]) -> None:
        self._text, self._spaced = text, not writes_no_blanks(text)
        self._places = [place for place, _ in words]
        self._words = [word for _, word in words]
        self._names = [word.text for word in self._words]
        befores = [0, *(word.end for word in self._words)][: len(words)]
        self._gaps = [
            text[before : word.start] for before, word in zip(befores, self._words, strict=True)
        ]
        self._near = [gap + name for gap, name in zip(self._gaps, self._names, strict=True)]
        self._apart = [f" {name}" for name in self._names]

    def written(self, kept: Bools, mask: str | None) -> str:
        """Write the words of a coalition, with a mask for each that is left out, or nothing."""
        here = kept[self._places]
        if mask is not None:
            pairs = zip(here.tolist(), self._near, self._gaps, strict=True)
            whole = "".join([near if one else gap + mask for one, near, gap in pairs])
            return whole[len(self._gaps[0]) :] if self._gaps else ""
        chosen = np.flatnonzero(here).tolist()
        if not chosen:
            return ""
        apart = self._after_blank if self._spaced else self._after
        near = self._near
        later = [near[at] if at - last == 1 else apart(last, at) for last, at in pairwise(chosen)]
        return self._names[chosen[0]] + "".join(later)

    def _after_blank(self, last: int, at: int) -> str:
        return self._apart[at]

    def _after(self, last: int, at: int) -> str:
        joined = _unspaced(self._text, self._words[last].end, self._words[at].start)
        return self._names[at] if joined else self._apart[at]
