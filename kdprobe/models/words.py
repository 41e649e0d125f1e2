"""Words of the raw text, the same for every model, and which tokens each is made of.

Does: give the words of texts with their places, as `segmentation.py` cuts them; give each token of
a tokenizer its share of the words it covers, checked against the text. Does not: run a model, or
know what is done with the shares.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any, NamedTuple

from kdprobe.errors import CapabilityError
from kdprobe.observed_words import Word
from kdprobe.segmentation import word_spans

SPECIAL = -1


def split_words(text: str, pair: str | None = None) -> tuple[Word, ...]:
    """Split a text, or a pair of texts, into words.

    Definition: see `segmentation.word_spans`. Repeated words stay apart.

    >>> [word.text for word in split_words("I don't -- don't!")]
    ['I', "don't", '-', '-', "don't", '!']
    """
    return tuple(
        Word(segment, start, end, part[start:end])
        for segment, part in enumerate([text] if pair is None else [text, pair])
        for start, end in word_spans(part)
    )


class Piece(NamedTuple):
    """A token: the text it stands in (`SPECIAL`: none) and the characters it covers."""

    segment: int
    start: int
    end: int


def fold(text: str) -> str:
    """Give what tokenizers agree on: lower case, without marks, blanks and format characters.

    >>> fold("Café ")
    'cafe'
    """
    return "".join(
        char
        for char in unicodedata.normalize("NFKD", text).lower()
        if not char.isspace() and unicodedata.category(char) not in ("Mn", "Cf", "Cc")
    )


def piece_text(tokenizer: Any, token: int) -> str:
    """Give the letters a token stands for, without the marks of its tokenizer.

    Empty: not text by itself (a part of a character, or the unknown token).
    """
    name = tokenizer.convert_ids_to_tokens(token)
    if token == tokenizer.unk_token_id:
        return ""
    shown: str = tokenizer.decode([token])
    if "\ufffd" in shown:
        return ""
    if name.startswith("##"):  # decoding a lone continuation keeps its mark
        shown = name[2:]
    return fold(shown)


def pieces_of(tokenizer: Any, texts: Sequence[str], encoding: Any) -> list[Piece]:
    """Give the place of every token of an encoded text or pair.

    Args:
        tokenizer: a tokenizer, with offsets or without.
        texts: the one or two texts that were encoded.
        encoding: what the tokenizer gave for them, not batched; a fast tokenizer was asked for
            offsets.

    Offsets are believed only where the characters they name are those of the token; else the tokens
    of that text are laid along it from left to right.

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
            or _fits(piece_text(tokenizer, token), texts[piece.segment][piece.start : piece.end])
            for piece, token in zip(pieces, ids, strict=True)
        ):
            return pieces
    return align(tokenizer, texts, ids, segments)


def _fits(piece: str, covered: str) -> bool:
    return not piece or fold(covered) == piece


def _segments(tokenizer: Any, texts: Sequence[str], encoding: Any, ids: list[int]) -> list[int]:
    """Say for every token which text it stands in."""
    if hasattr(encoding, "sequence_ids") and encoding.is_fast:
        return [SPECIAL if part is None else int(part) for part in encoding.sequence_ids(0)]
    special = tokenizer.get_special_tokens_mask(ids, already_has_special_tokens=True)
    unknown = tokenizer.unk_token_id  # a special token that stands for a word of the text
    flags = [bool(flag) and token != unknown for flag, token in zip(special, ids, strict=True)]
    segments, current, seen = [], 0, False
    for flag in flags:
        if flag and seen:
            current, seen = min(current + 1, len(texts) - 1), False
        seen = seen or not flag
        segments.append(SPECIAL if flag else current)
    return segments


def align(
    tokenizer: Any, texts: Sequence[str], ids: Sequence[int], segments: Sequence[int]
) -> list[Piece]:
    """Lay tokens along their text from left to right, by their letters.

    A token without letters of its own (unknown, a part of a character) covers what stands up to
    the next blank, or where the next token with letters begins if that comes first.

    Raises:
        CapabilityError: a token can be found nowhere after the one before it.
    """
    folded = [_folded(text) for text in texts]
    cursor = [0] * len(texts)
    pieces = []
    for place, (token, segment) in enumerate(zip(ids, segments, strict=True)):
        if segment == SPECIAL:
            pieces.append(Piece(SPECIAL, 0, 0))
            continue
        letters, spots = folded[segment]
        piece = piece_text(tokenizer, token)
        if not piece and token != tokenizer.unk_token_id and tokenizer.decode([token]).isspace():
            at = stop = min(cursor[segment], len(letters))  # a blank: it goes to what follows
        elif piece:
            at = letters.find(piece, cursor[segment])
            if at < 0:
                raise CapabilityError(
                    texts[segment][:60],
                    found=f"the token {tokenizer.convert_ids_to_tokens(token)!r} stands nowhere in "
                    "this text",
                    expected="tokens made of the text's own letters",
                )
            stop = at + len(piece)
        else:
            at = min(cursor[segment], len(letters))
            stop = at
            upcoming = _next_letters(tokenizer, ids, segments, place)
            while stop < len(letters) and (stop == at or spots[stop] == spots[stop - 1] + 1):
                if stop > at and upcoming and letters.startswith(upcoming, stop):
                    break
                stop += 1
        cursor[segment] = stop
        if stop > at:
            pieces.append(Piece(segment, spots[at], spots[stop - 1] + 1))
        else:
            spot = spots[at] if at < len(spots) else len(texts[segment])
            pieces.append(Piece(segment, spot, spot))
    return pieces


def _next_letters(tokenizer: Any, ids: Sequence[int], segments: Sequence[int], place: int) -> str:
    for token, segment in zip(ids[place + 1 :], segments[place + 1 :], strict=True):
        if segment == segments[place]:
            return piece_text(tokenizer, token)
        break
    return ""


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
    """Say how much of each token belongs to which word.

    Definition: a token is shared among the words it overlaps in proportion to the characters in
    common; the shares of a token sum to 1, so that summed scores keep their total. A token of
    blanks belongs to the word after it. A special token, or one after the last word, has no shares.

    Returns:
        For each token, pairs of (index of the word, share).
    """
    shares: list[tuple[tuple[int, float], ...]] = []
    for piece in pieces:
        if piece.segment == SPECIAL:
            shares.append(())
            continue
        common = [
            (index, min(piece.end, word.end) - max(piece.start, word.start))
            for index, word in enumerate(words)
            if word.segment == piece.segment
        ]
        inside = [(index, size) for index, size in common if size > 0]
        if not inside:
            after = [i for i, w in enumerate(words) if w[:2] >= (piece.segment, piece.start)]
            inside = [(i, 1) for i in after[:1] if words[i].segment == piece.segment]
        total = sum(size for _, size in inside)
        shares.append(tuple((index, size / total) for index, size in inside))
    return tuple(shares)
