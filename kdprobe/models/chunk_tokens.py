"""Token ids of texts put together from what stands between blanks, each tokenised once.

Does: remember the tokens of chunks and the special tokens around texts, and lay them out. Does not:
know whether that is exact for a tokenizer; `reader.py` compares.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any, NamedTuple

from kdprobe.models.tokens import Texts
from kdprobe.models.words import SPECIAL, Piece


class EncodedText(NamedTuple):
    """The tokens of one text or pair: ids, segment ids, and where each token stands."""

    ids: tuple[int, ...]
    types: tuple[int, ...]
    pieces: tuple[Piece, ...]


class SpecialTokens(NamedTuple):
    """The special tokens a tokenizer puts before, between and after texts, with segment ids."""

    parts: tuple[tuple[int, ...], ...]
    types: tuple[tuple[int, ...], ...]
    inner: tuple[int, ...]


def special_tokens(encoded: EncodedText, count: int) -> SpecialTokens:
    """Read them off `count` texts of one word each."""
    parts: list[list[int]] = [[] for _ in range(count + 1)]
    types: list[list[int]] = [[] for _ in range(count + 1)]
    inner = [0] * count
    at = 0
    for token, kind, piece in zip(encoded.ids, encoded.types, encoded.pieces, strict=True):
        if piece.segment == SPECIAL:
            parts[at].append(token)
            types[at].append(kind)
        else:
            at = piece.segment + 1
            inner[piece.segment] = kind
    return SpecialTokens(tuple(map(tuple, parts)), tuple(map(tuple, types)), tuple(inner))


class _Chunks(dict[str, tuple[int, ...]]):
    """The tokens of chunks, each asked of the tokenizer when it is first looked up."""

    def __init__(self, tokenizer: Any, before: str) -> None:
        super().__init__()
        self._tokenizer, self._before = tokenizer, before

    def __missing__(self, chunk: str) -> tuple[int, ...]:
        given = self._tokenizer(self._before + chunk, add_special_tokens=False)
        self[chunk] = tuple(given["input_ids"])
        return self[chunk]


class ChunkTokens:
    """Token ids and segment ids from chunks; exact for tokenizers that split at blanks.

    Args:
        tokenizer: the model's.
    """

    def __init__(self, tokenizer: Any) -> None:
        self.first, self.later = _Chunks(tokenizer, ""), _Chunks(tokenizer, " ")

    def laid_out(self, texts: Texts, frame: SpecialTokens) -> tuple[list[int], list[int]]:
        """Return ids and segment ids of a text or pair within its special tokens."""
        ids: list[int] = list(frame.parts[0])
        types: list[int] = list(frame.types[0])
        for place, text in enumerate(texts):
            inner = self._tokens(text.split(" ")) if text else []
            ids += inner
            ids += frame.parts[place + 1]
            types += [frame.inner[place]] * len(inner)
            types += frame.types[place + 1]
        return ids, types

    def _tokens(self, chunks: Sequence[str]) -> list[int]:
        later = map(self.later.__getitem__, chunks[1:])
        return [*self.first[chunks[0]], *chain.from_iterable(later)]
