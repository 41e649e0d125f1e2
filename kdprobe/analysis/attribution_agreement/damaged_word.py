"""Where the damaged word of a sentence is, on a task that knows it.

Does: find it among the words that were explained. Does not: score anything.
"""

from __future__ import annotations

from kdprobe.analysis.attribution_agreement.explained import Attributed

DAMAGED = "damaged_word"


def damaged_words(explained: Attributed) -> dict[int, tuple[int, ...]]:
    """Find the damaged word among the words of each damaged sentence.

    The split's column `damaged_word` counts the parts between blanks; the words that lie in that
    part, punctuation aside, are the damaged ones.
    """
    column = explained.study.split.columns.get(DAMAGED)
    if column is None:
        return {}
    damaged = {}
    for row, place in enumerate(explained.rows.tolist()):
        if not column[place].isdigit():
            continue
        text, start = explained.study.split.texts[place], 0
        for part in text.split()[: int(column[place]) + 1]:
            start = text.index(part, start)
            end = start + len(part)
            span, start = (start, end), end
        inside = tuple(
            index
            for index, word in enumerate(explained.attributions.words[row])
            if word.start < span[1]
            and word.end > span[0]
            and any(char.isalnum() for char in word.text)
        )
        if inside:
            damaged[row] = inside
    return damaged
