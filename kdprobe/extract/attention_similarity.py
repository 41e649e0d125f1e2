"""The heads of two encoders, compared on the tokens that both read.

Does: check that they read the same tokens, run both batch by batch and compare every head with
every head. Does not: keep attention; a batch is forgotten before the next.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from kdprobe.cache import Arrays, CacheKey
from kdprobe.models.attention import AttentionReader, eager_attention, word_tokens
from kdprobe.models.batches import equal_length_batches
from kdprobe.models.tokens import Columns
from kdprobe.stats.arrays import Bools, Floats, Ints
from kdprobe.stats.attention import (
    STATISTICS,
    Maps,
    among_words,
    head_divergence,
    head_statistics,
    matched_heads,
)

ATTENTION_VERSION = 2
OTHER_TOKENS = (
    "it cuts texts into other tokens than the teacher, so that their attention has no common places"
)
_TOKENS, _ROWS = 1024, 64
"""Of one batch: its maps have heads x tokens numbers a token."""

TokenChoice = Literal["words", "all"]


@dataclass(frozen=True)
class SharedTokens:
    """What two models read of the same texts.

    Args:
        columns: the tokens of each text, as `Tokens.columns`, of each of the two.
        words: which tokens are of words, of each text.
        kept: the texts with two words or more, whose rows can differ at all.
    """

    columns: tuple[Columns, Columns]
    words: tuple[Bools, ...]
    kept: Ints

    @property
    def lengths(self) -> Ints:
        """Tokens of each text."""
        return np.array([len(row) for row in self.words], dtype=np.int64)

    def batches(self) -> Iterator[tuple[list[int], Bools]]:
        """Yield rows of one length whose words stand at the same places, and those places."""
        for batch in equal_length_batches(self.lengths[self.kept], tokens=_TOKENS, rows=_ROWS):
            groups: dict[bytes, list[int]] = {}
            for row in self.kept[batch].tolist():
                groups.setdefault(self.words[row].tobytes(), []).append(row)
            for rows in groups.values():
                yield rows, self.words[rows[0]]


def shared_tokens(
    one: AttentionReader, other: AttentionReader, texts: Sequence[str], pairs: Sequence[str] | None
) -> SharedTokens | None:
    """Tokenise texts with both, cut where the one that reads less does; None: they differ."""
    longest = min(one.text.limit, other.text.limit)
    ours, theirs = (reader.encode(texts, pairs, longest=longest) for reader in (one, other))
    ids = ours.columns["input_ids"]
    if ids != theirs.columns["input_ids"]:
        return None
    unique = sorted({token for row in ids for token in row})
    names = [reader.handle.tokenizer.convert_ids_to_tokens(unique) for reader in (one, other)]
    if names[0] != names[1]:
        return None
    words = tuple(word_tokens(one, row) for row in ids)
    kept = np.array([at for at, row in enumerate(words) if row.sum() > 1], dtype=np.int64)
    return SharedTokens((ours.columns, theirs.columns), words, kept)


def compare_attention(
    one: AttentionReader,
    other: AttentionReader,
    shared: SharedTokens,
    choice: TokenChoice,
    tell: Callable[[int], None] = lambda texts: None,
) -> Arrays:
    """Compare all heads of two encoders on what both read.

    Args:
        one: the teacher.
        other: another encoder.
        shared: see `shared_tokens`.
        choice: `words` or `all`; see `observations.attention`.
        tell: told the number of texts that are done.

    Returns:
        What `summarised` gives, texts in the order of `shared.kept`.
    """
    n, place = len(shared.kept), {row: at for at, row in enumerate(shared.kept.tolist())}
    shapes = one.shape, other.shape
    divergence = np.empty((*shapes[0], *shapes[1], n), dtype=np.float32)
    statistics = [np.empty((len(STATISTICS), *shape, n), dtype=np.float32) for shape in shapes]
    with eager_attention(one.model), eager_attention(other.model):
        for rows, words in shared.batches():
            at = [place[row] for row in rows]
            sides = []
            for reader, columns, held in zip((one, other), shared.columns, statistics, strict=True):
                maps = _heads(reader.read(columns, rows))
                shown = among_words(maps, words) if choice == "words" else maps
                held[..., at] = head_statistics(maps, words, shown).reshape(
                    *held.shape[:-1], len(rows)
                )
                sides.append(shown)
            apart = head_divergence(*sides)
            divergence[..., at] = apart.reshape(*divergence.shape[:-1], len(rows))
            tell(len(rows))
    return summarised(divergence, statistics)


def _heads(maps: Maps) -> Maps:
    """Return `[layers · heads, n, tokens, tokens]`."""
    return maps.reshape(-1, *maps.shape[2:])


def summarised(divergence: Maps | Floats, statistics: Sequence[Maps | Floats]) -> dict[str, Any]:
    """Return the arrays of `observations.attention.AttentionPairs`, by their names.

    Args:
        divergence: of every head of the teacher from every head of the other in each text,
            `[layers, heads, layers, heads, n]`.
        statistics: of each side's heads in each text, `[7, layers, heads, n]`.
    """
    return {**_of_layers(divergence), **_of_heads(statistics)}


def _of_layers(divergence: Maps | Floats) -> Arrays:
    """Match the heads of every pair of layers, and find each head's nearest anywhere."""
    means: Floats = divergence.mean(axis=-1, dtype=np.float64)
    layers, heads, others, width = means.shape
    matched = np.empty((layers, others, divergence.shape[-1]), dtype=np.float32)
    matches = np.full((layers, others, heads), -1, dtype=np.int64)
    for row, column in np.ndindex(layers, others):
        ours, theirs = matched_heads(means[row, :, column])
        matches[row, column, ours] = theirs
        matched[row, column] = divergence[row, ours, column, theirs].mean(axis=0)
    nearest = means.reshape(layers, heads, -1).argmin(axis=-1)
    flat = divergence.reshape(layers, heads, others * width, -1)
    return {
        "layers": matched,
        "matches": matches,
        "nearest": np.stack(np.divmod(nearest, width), axis=-1),
        "nearest_js": np.take_along_axis(flat, nearest[:, :, None, None], axis=2)[:, :, 0],
    }


def _of_heads(statistics: Sequence[Maps | Floats]) -> Arrays:
    ours, theirs = statistics
    return {
        "teacher_heads": ours.mean(axis=-1, dtype=np.float64),
        "heads": theirs.mean(axis=-1, dtype=np.float64),
        "teacher_layers": ours.mean(axis=2),
        "own_layers": theirs.mean(axis=2),
    }


def attention_key(
    one: AttentionReader,
    other: AttentionReader,
    texts: Sequence[str],
    pairs: Sequence[str] | None,
    choice: TokenChoice,
) -> CacheKey:
    """Return what the numbers of two encoders depend on."""
    digest = hashlib.sha256()
    for text in (*texts, *(pairs or ())):
        digest.update(text.encode("utf-8", "surrogatepass") + b"\0")
    return CacheKey(
        "attention_similarity",
        {
            "version": ATTENTION_VERSION,
            "encoders": [one.key, one.reading, other.key, other.reading],
            "texts": [digest.hexdigest(), pairs is not None],
            "tokens": choice,
        },
    )


def attention_seconds(
    one: AttentionReader, other: AttentionReader, shared: SharedTokens, choice: TokenChoice
) -> float:
    """Estimate how long two encoders take, measured on a few texts of middling length."""
    order = shared.kept[np.argsort(shared.lengths[shared.kept], kind="stable")]
    few = order[len(order) // 2 :][:8]
    part = SharedTokens(shared.columns, shared.words, few)
    compare_attention(one, other, SharedTokens(shared.columns, shared.words, few[:1]), choice)
    started = time.perf_counter()
    compare_attention(one, other, part, choice)
    return (time.perf_counter() - started) / len(few) * len(shared.kept)
