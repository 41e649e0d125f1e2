"""What a model reads of texts that are longer than it takes.

Does: find the words that are read whole, whichever side the tokenizer cuts, and what several models
read in common. Does not: split texts into words.
"""

from __future__ import annotations

from collections.abc import Sequence

from kdprobe.models.text_model import TextModel
from kdprobe.models.tokens import Texts
from kdprobe.models.words import Piece
from kdprobe.observations.attributions import Word

Span = tuple[int, int]
"""From which character up to which."""


def spans_read(
    text_model: TextModel, texts: Texts, words: Sequence[Word], pieces: Sequence[Piece]
) -> tuple[Span, ...]:
    """Cover the words that are read whole of texts that were cut.

    Args:
        text_model: the model.
        texts: the text or the two of a pair.
        words: their words.
        pieces: where the tokens that were kept stand.

    Returns:
        For each text from which character to which; what stands between fits the model.
    """
    inside: list[list[Word]] = []
    for segment in range(len(texts)):
        reached = [(p.start, p.end) for p in pieces if p.segment == segment and p.end > p.start]
        low = min((start for start, _ in reached), default=0)
        high = max((end for _, end in reached), default=0)
        own = [word for word in words if word.segment == segment]
        inside.append([word for word in own if low <= word.start and word.end <= high])
    cut_left = text_model.tokenizer.truncation_side == "left"
    while True:
        spans = tuple(
            _span(kept, [word for word in words if word.segment == segment])
            for segment, kept in enumerate(inside)
        )
        cut = [text[start:end] for text, (start, end) in zip(texts, spans, strict=True)]
        again = text_model.encode(cut[:1], cut[1:] or None)
        if not again.truncated[0] or not any(inside):
            return spans
        longest = max(inside, key=len)  # tokenised anew, its first word may have more tokens
        del longest[0 if cut_left else -1]


def _span(kept: Sequence[Word], own: Sequence[Word]) -> Span:
    """Cover the words that are kept; up to the text's very beginning where the first word is.

    >>> words = [Word(0, 1, 2, "a"), Word(0, 3, 4, "b")]
    >>> _span(words[:1], words), _span(words[1:], words), _span([], words)
    ((0, 2), (3, 4), (0, 0))
    """
    if not kept:
        return 0, 0
    return (0 if kept[0] == own[0] else kept[0].start), kept[-1].end


def within(word: Word, spans: Sequence[Span]) -> bool:
    """Return whether a word lies inside what is read of its text.

    >>> within(Word(0, 2, 5, "dog"), [(2, 9)]), within(Word(0, 0, 1, "a"), [(2, 9)])
    (True, False)
    """
    start, end = spans[word.segment]
    return start <= word.start and word.end <= end


def moved(word: Word, spans: Sequence[Span]) -> Word:
    """Return a word with its places in what is read of its text.

    >>> moved(Word(0, 2, 5, "dog"), [(2, 9)])
    Word(segment=0, start=0, end=3, text='dog')
    """
    start = spans[word.segment][0]
    return word._replace(start=word.start - start, end=word.end - start)


def common(spans: Sequence[Sequence[Span]]) -> tuple[Span, ...]:
    """Return, for each text, what all models read of it; an empty span where that is nothing.

    >>> common([[(0, 9)], [(4, 20)]]), common([[(0, 3)], [(4, 20)]])
    (((4, 9),), ((4, 4),))
    """
    shared = []
    for parts in zip(*spans, strict=True):
        start = max(low for low, _ in parts)
        shared.append((start, max(start, min(high for _, high in parts))))
    return tuple(shared)
