"""Words of the raw text, the same for every model, and which tokens each is made of.

Does: give the words of texts with their places, as `segmentation.py` cuts them; give each token of
a tokenizer its share of the words it covers, checked against the text. Does not: run a model, or
know what is done with the shares.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Any, NamedTuple

from kdprobe.errors import CapabilityError
from kdprobe.models.token_text import TokenText, fold, token_text
from kdprobe.observations.attributions import Word
from kdprobe.segmentation import word_spans

SPECIAL = -1


def split_words(text: str, pair: str | None = None, *, hyphenated: bool = True) -> tuple[Word, ...]:
    """Split a text, or a pair of texts, into words.

    Definition: see `segmentation.word_spans`, `hyphenated` too. Repeated words stay apart.

    >>> [word.text for word in split_words("I don't -- don't!")]
    ['I', "don't", '-', '-', "don't", '!']
    """
    return tuple(
        Word(segment, start, end, part[start:end])
        for segment, part in enumerate([text] if pair is None else [text, pair])
        for start, end in word_spans(part, hyphenated=hyphenated)
    )


class Piece(NamedTuple):
    """A token: the text it stands in (`SPECIAL`: none) and the characters it covers."""

    segment: int
    start: int
    end: int


def pieces_of(tokenizer: Any, texts: Sequence[str], encoding: Any) -> list[Piece]:
    """Return the place of every token of an encoded text or pair.

    Args:
        tokenizer: a tokenizer, with offsets or without.
        texts: the one or two texts that were encoded.
        encoding: what the tokenizer gave for them, not batched; a fast tokenizer was asked for
            offsets.

    Offsets are believed only where the characters they name are those of the token, and where one
    byte stands in one character; else the tokens of that text are laid along it from left to right.

    Raises:
        CapabilityError: a token can be found nowhere in the text.
    """
    ids = list(encoding["input_ids"])
    segments = _segments(tokenizer, texts, encoding, ids)
    if "offset_mapping" in encoding:
        spans = [tuple(span) for span in encoding["offset_mapping"]]
        pieces = [
            Piece(segment, *(span if segment != SPECIAL else (0, 0)))
            for segment, span in zip(segments, spans, strict=True)
        ]
        if all(
            piece.segment == SPECIAL
            or _fits(token_text(tokenizer, token), texts[piece.segment][piece.start : piece.end])
            for piece, token in zip(pieces, ids, strict=True)
        ):
            return pieces
    return align(tokenizer, texts, ids, segments)


def _fits(token: TokenText, covered: str) -> bool:
    if token.kind == "bytes" and len(token.raw) == 1:
        return len(covered) <= 1
    return not token.letters or fold(covered) == token.letters


def _segments(tokenizer: Any, texts: Sequence[str], encoding: Any, ids: list[int]) -> list[int]:
    """Return for every token which text it stands in."""
    if hasattr(encoding, "sequence_ids") and encoding.is_fast:
        return [SPECIAL if part is None else int(part) for part in encoding.sequence_ids(0)]
    special = tokenizer.get_special_tokens_mask(ids, already_has_special_tokens=True)
    unknown = tokenizer.unk_token_id  # a special token that stands for a word of the text
    flags = [bool(flag) and token != unknown for flag, token in zip(special, ids, strict=True)]
    segments, current, inside_text = [], 0, False
    for flag in flags:
        if flag and inside_text:
            current, inside_text = min(current + 1, len(texts) - 1), False
        inside_text = inside_text or not flag
        segments.append(SPECIAL if flag else current)
    return segments


def align(
    tokenizer: Any, texts: Sequence[str], ids: Sequence[int], segments: Sequence[int]
) -> list[Piece]:
    """Lay tokens along their text from left to right, by their letters.

    Tokens that are parts of characters are put together first, and each covers the characters it is
    a part of. Marks alone belong to the letter before them. Unknown tokens cover what stands up to
    the next token with letters: one a part between blanks where there are as many parts as tokens,
    else each all of it.

    Raises:
        CapabilityError: a token can be found nowhere after the one before it.
    """
    pieces = [Piece(SPECIAL, 0, 0)] * len(ids)
    for segment, text in enumerate(texts):
        places = [place for place, part in enumerate(segments) if part == segment]
        tokens = [token_text(tokenizer, ids[place]) for place in places]
        rows = _TokenRows(text, [tokenizer.convert_ids_to_tokens(ids[place]) for place in places])
        for place, (start, end) in zip(places, rows.lay(tokens), strict=True):
            pieces[place] = Piece(segment, start, end)
    return pieces


class _TokenRows:
    """The tokens of one text, laid along its folded letters from left to right."""

    def __init__(self, text: str, names: Sequence[str]) -> None:
        self.text, self.names = text, names
        self.letters, self.spots = _folded(text)
        self.cursor = 0

    def lay(self, tokens: Sequence[TokenText]) -> list[tuple[int, int]]:
        """Return start and end of each token in the text."""
        spans: list[tuple[int, int]] = []
        while len(spans) < len(tokens):
            place = len(spans)
            kind = tokens[place].kind
            stop = place + 1
            while kind in ("bytes", "unknown") and stop < len(tokens) and tokens[stop].kind == kind:
                stop += 1
            if kind == "letters":
                spans.append(self._span(*self._take(tokens[place].letters, place)))
            elif kind == "bytes":
                spans += self._bytes([one.raw for one in tokens[place:stop]], place)
            elif kind == "unknown":
                upcoming = next((one.letters for one in tokens[stop:] if one.letters), "")
                spans += self._unknown(stop - place, upcoming)
            else:
                at = self.cursor - 1 if kind == "marks" and self.cursor else self.cursor
                spans.append(self._span(at, at + (kind == "marks" and self.cursor > 0)))
        return spans

    def _take(self, letters: str, place: int) -> tuple[int, int]:
        """Find letters from the cursor on and move it behind them."""
        at = self.letters.find(letters, self.cursor)
        if at < 0:
            raise CapabilityError(
                self.text[:60],
                found=f"the token {self.names[place]!r} stands nowhere in this text",
                expected="tokens made of the text's own letters",
            )
        self.cursor = at + len(letters)
        return at, self.cursor

    def _span(self, at: int, stop: int) -> tuple[int, int]:
        """Turn places among the letters into places in the text."""
        if stop > at:
            return self.spots[at], self.spots[stop - 1] + 1
        spot = self.spots[at] if at < len(self.spots) else len(self.text)
        return spot, spot

    def _bytes(self, parts: Sequence[bytes], place: int) -> list[tuple[int, int]]:
        """Lay parts of characters: together they are text, and each covers what it is a part of."""
        whole = b"".join(parts).decode("utf-8", "replace")
        at, _ = self._take(fold(whole), place)
        owner: list[tuple[int, int]] = []  # for each byte, the letters of its character
        for char in whole:
            size = len(fold(char))
            # A mark without letters of its own belongs to the letter before it.
            held = (at, at + size) if size or not at else (at - 1, at)
            owner += [held] * len(char.encode("utf-8"))
            at += size
        spans, start = [], 0
        for part in parts:
            held_by = owner[start : start + len(part)] or [(self.cursor, self.cursor)]
            spans.append(self._span(held_by[0][0], held_by[-1][1]))
            start += len(part)
        return spans

    def _unknown(self, count: int, upcoming: str) -> list[tuple[int, int]]:
        """Lay unknown tokens before the next known letters, or to the end of the text."""
        start = self.cursor
        stop = self.letters.find(upcoming, min(start + 1, len(self.letters))) if upcoming else -1
        stop = len(self.letters) if stop < 0 else stop
        self.cursor = stop
        parts: list[tuple[int, int]] = []
        for at in range(start, stop):
            if parts and self.spots[at] <= self.spots[at - 1] + 1:
                parts[-1] = (parts[-1][0], at + 1)
            else:
                parts.append((at, at + 1))
        if len(parts) != count:
            parts = [(start, stop)] * count
        return [self._span(*part) for part in parts]


def _folded(text: str) -> tuple[str, list[int]]:
    """Fold a text and keep, for each letter left, where it stood."""
    letters, spots = [], []
    for place, char in enumerate(text):
        for letter in fold(char):
            letters.append(letter)
            spots.append(place)
    return "".join(letters), spots


def word_shares(
    words: Sequence[Word], pieces: Sequence[Piece]
) -> tuple[tuple[tuple[int, float], ...], ...]:
    """Return how much of each token belongs to which word.

    Definition: a token is shared among the words it overlaps in proportion to the characters in
    common; the shares of a token sum to 1, so that summed scores keep their total. A token of
    blanks belongs to the word after it. A special token, or one after the last word, has no shares.

    Args:
        words: of each text in the order in which they stand in it.
        pieces: the tokens.

    Returns:
        For each token, pairs of (index of the word, share).
    """
    own: dict[int, list[int]] = {}
    for index, word in enumerate(words):
        own.setdefault(word.segment, []).append(index)
    places = {
        segment: ([words[i].start for i in inside], [words[i].end for i in inside])
        for segment, inside in own.items()
    }
    shares: list[tuple[tuple[int, float], ...]] = []
    for piece in pieces:
        if piece.segment not in own:
            shares.append(())
            continue
        indices, (starts, ends) = own[piece.segment], places[piece.segment]
        near = range(bisect_right(ends, piece.start), bisect_left(starts, piece.end))
        common = [
            (indices[at], min(piece.end, ends[at]) - max(piece.start, starts[at])) for at in near
        ]
        inside = [(index, size) for index, size in common if size > 0]
        if not inside:
            at = bisect_left(starts, piece.start)
            inside = [(index, 1) for index in indices[at : at + 1]]
        total = sum(size for _, size in inside)
        shares.append(tuple((index, size / total) for index, size in inside))
    return tuple(shares)
